"""How far behind the work is: the oldest row that is due, and how many there are, by kind of work."""

from datetime import datetime, timedelta

from django.db import connection

MOST = 10_000

# By kind of work: the column that says since when, and the rows of which a partial index is made.
_QUEUES = {
    "assess": ("look_at", "enforcement_assessmentmark WHERE true"),
    "sweep": ("look_at", "enforcement_case WHERE accepted_at IS NOT NULL AND state <> 'closed'"),
    "render": ("render_at", "enforcement_memo WHERE rendered_at IS NULL AND cancelled_at IS NULL"),
    "deliver": ("next_attempt_at", "notifications_message WHERE state = 'queued'"),
}
WORK = tuple(_QUEUES)
# One lookup in an index each; a queue that is empty answers null.
_OLDEST = "SELECT " + ", ".join(f"(SELECT min({due_at}) FROM {rows})" for due_at, rows in _QUEUES.values())
_SIZES = "SELECT " + ", ".join(
    f"(SELECT count(*) FROM (SELECT FROM {rows} AND {due_at} <= %(now)s LIMIT {MOST}) AS due)"
    for due_at, rows in _QUEUES.values()
)
# Ids rise with the age, and nearly all messages are accepted, which the index leaves out.
_OLDEST_MESSAGE = "SELECT created_at FROM notifications_message WHERE state = 'queued' ORDER BY id LIMIT 1"


def oldest_due(*, now: datetime) -> dict[str, timedelta | None]:
    """By kind of work: since when the oldest row has been due; None where nothing is."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST)
        moments = cursor.fetchone() or ()
    return {work: now - at if at and at <= now else None for work, at in zip(WORK, moments, strict=True)}


def sizes(*, now: datetime) -> dict[str, int]:
    """By kind of work: rows that are due, counted no further than MOST."""
    with connection.cursor() as cursor:
        cursor.execute(_SIZES, {"now": now})
        return dict(zip(WORK, cursor.fetchone() or (), strict=True))


def oldest_message(*, now: datetime) -> timedelta | None:
    """The age of the oldest message that waits for an answer for good, due or not: mail that does not get out."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_MESSAGE)
        found = cursor.fetchone()
    return max(now - found[0], timedelta(0)) if found else None
