"""The two switches of the brake: read while deciding, turned under a lock that deciders share.

The lock is an advisory one. Its queue is fair: whoever pulls the brake waits for the batches that run, and no later
batch gets past. A share of the row itself would let two deciders that take turns keep the brake waiting for ever, and
write the row each time.
"""

from datetime import datetime
from typing import cast

from django.db import connection

from enforcement.models import Brake, Budget
from enforcement.services import cursors

_SHARE = "SELECT pg_advisory_xact_lock_shared(hashtext('enforcement.brake'), hashtext(%s))"
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('enforcement.brake'), hashtext(%s))"
_PULLED = "SELECT pulled_at FROM enforcement_brake WHERE what = %s"


class BrakePulled(Exception):
    """What was asked for waits until two people have released the brake."""

    def __init__(self, pulled_at: datetime) -> None:
        super().__init__(f"The brake is pulled since {pulled_at:%Y-%m-%d %H:%M} UTC: nothing is warned or made worse.")


class NoSwitch(Exception):
    """The row of a switch is gone: nothing is decided until `migrate` has made it again."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no switch called {what!r}; `./run manage migrate` makes it.")


def make(**_: object) -> None:
    """The rows that the brake consists of, after every migration: there from the start, and back if they were lost."""
    if Brake._meta.db_table not in connection.introspection.table_names():
        return  # migrated to a time before the brake
    for what in Brake.What:
        Brake.objects.get_or_create(what=what)
    Budget.objects.get_or_create(pk=1)


def pulled_at(what: Brake.What) -> datetime | None:
    """Since when the switch is pulled; None where it is not. True for as long as nobody turns it."""
    with cursors.prepared() as cursor:
        cursor.execute(_PULLED, [what])
        row = cursor.fetchone()
    if row is None:  # then nobody could pull it
        raise NoSwitch(what)
    return cast(datetime | None, row[0])


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
