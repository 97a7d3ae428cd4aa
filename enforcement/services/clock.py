"""The one clock. Doors read it once and hand it down; rules and services take `now` as an argument."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from enforcement.models import ClockMove


class ClockRefused(Exception):
    """The clock can be moved in test-clock mode only."""


def now() -> datetime:
    """The database's time, moved by the test clock if there is one; aware, UTC."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT enforcement_now()")
        return _one(cursor.fetchone())


def after_waiting(before: datetime) -> datetime:
    """The moment at which somebody who waited for a lock goes on.

    Who held it has written moments that may be later than the one that a door read before it waited; what is written
    now must not look as if it had been there first.
    """
    return max(before, now())


def real_now() -> datetime:
    """The database's wall clock, for leases, key expiry and rate limits, which no test clock may touch."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return _one(cursor.fetchone())


def advance(by: timedelta) -> datetime:
    """Move the test clock by an amount; the service sees the new time at once."""
    return _move(_offset() + by)


def move_to(moment: datetime) -> datetime:
    """Set the test clock; it runs on from there."""
    return _move(moment - real_now())


def reset() -> datetime:
    """Back to the real time."""
    return _move(timedelta(0))


def _offset() -> timedelta:
    newest = ClockMove.objects.order_by("-pk").first()
    return newest.offset if newest else timedelta(0)


def _move(offset: timedelta) -> datetime:
    if not settings.TEST_CLOCK:
        raise ClockRefused("The clock moves in test-clock mode only (ENFORCEMENT_TEST_CLOCK=1).")
    ClockMove.objects.create(offset=offset)
    return now()


def _one(row: tuple[datetime] | None) -> datetime:
    assert row is not None
    return row[0]
