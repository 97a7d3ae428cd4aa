"""Lock first, then look again: the one way to hold accounts while something is decided about them."""

from collections.abc import Iterable

from django.db import connection


class AccountBusy(Exception):
    """Somebody else is deciding about the account at this moment."""

    def __init__(self) -> None:
        super().__init__("Somebody else is working on this account right now; try again in a moment.")


def lock_accounts(account_ids: Iterable[int], *, wait: bool) -> list[int]:
    """Lock accounts to the end of the transaction, in id order, and answer with those locked.

    With `wait=False` accounts that another decider holds are skipped: that decider looks after them. What is read
    *after* this call, in a new statement, is true until commit; a guard inside the locking statement would be judged
    on a snapshot from before the lock and miss an appeal that commits meanwhile. `FOR NO KEY UPDATE` lets evidence
    come in through its foreign key.
    """
    suffix = "" if wait else " SKIP LOCKED"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM enforcement_account WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE" + suffix,
            [sorted(set(account_ids))],
        )
        return [row[0] for row in cursor.fetchall()]
