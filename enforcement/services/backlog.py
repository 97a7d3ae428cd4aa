"""How far behind the work is: the age of the oldest row that is due, by kind of work."""

from datetime import datetime, timedelta

from django.db import connection

# One lookup in an index each; a queue that is empty answers null.
_OLDEST = """
SELECT (SELECT min(look_at) FROM enforcement_assessmentmark),
       (SELECT min(look_at) FROM enforcement_case WHERE accepted_at IS NOT NULL AND state <> 'closed'),
       (SELECT min(render_at) FROM enforcement_memo WHERE rendered_at IS NULL AND cancelled_at IS NULL),
       (SELECT min(next_attempt_at) FROM notifications_message WHERE state = 'queued')
"""
_WORK = ("assess", "sweep", "render", "deliver")


def oldest_due(*, now: datetime) -> dict[str, timedelta | None]:
    """By kind of work: since when the oldest row has been due; None where nothing is."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST)
        moments = cursor.fetchone() or ()
    return {work: now - at if at and at <= now else None for work, at in zip(_WORK, moments, strict=True)}
