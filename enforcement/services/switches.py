"""The two switches of the brake: read while deciding, turned under a lock that deciders share.

The lock is an advisory one. Its queue is fair: whoever pulls the brake waits for the batches that run, and no later
batch gets past. A share of the row itself would let two deciders that take turns keep the brake waiting for ever, and
write the row each time.
"""

from datetime import datetime

from django.db import connection

from enforcement.models import Brake
from enforcement.services import cursors

_SHARE = "SELECT pg_advisory_xact_lock_shared(hashtext('enforcement.brake'), hashtext(%s))"
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('enforcement.brake'), hashtext(%s))"
_PULLED = "SELECT pulled_at FROM enforcement_brake WHERE what = %s"


class BrakePulled(Exception):
    """What was asked for waits until two people have released the brake."""

    def __init__(self, pulled_at: datetime) -> None:
        super().__init__(f"The brake is pulled since {pulled_at:%Y-%m-%d %H:%M} UTC: nothing is warned or made worse.")


def pulled_at(what: Brake.What) -> datetime | None:
    """Since when the switch is pulled; None where it is not. True for as long as nobody turns it."""
    with cursors.prepared() as cursor:
        cursor.execute(_PULLED, [what])
        row = cursor.fetchone()
    return row[0] if row else None


def share(what: Brake.What) -> datetime | None:
    """The same, and it stays so to the end of the transaction: nobody can turn the switch meanwhile."""
    with cursors.prepared() as cursor:
        cursor.execute(_SHARE, [what])
    return pulled_at(what)


def lock(what: Brake.What) -> datetime | None:
    """The same for who turns the switch: once all that share it have ended, nobody else holds it."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [what])
    return pulled_at(what)


def turn(what: Brake.What, pulled_at: datetime | None) -> None:
    """Turn a locked switch."""
    Brake.objects.filter(what=what).update(pulled_at=pulled_at)
