"""Lock first, then look again: the one way to hold accounts while something is decided about them.

What is read after a lock was got, in a new statement, is true until commit. A guard inside the locking statement would
be judged on a snapshot from before the lock, and miss an appeal that commits meanwhile. `FOR NO KEY UPDATE` lets
evidence come in through its foreign key.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection


def lock_accounts(account_ids: Iterable[int], *, wait: bool) -> list[int]:
    """Lock these accounts to the end of the transaction, in id order, and answer with those locked.

    With `wait=False` accounts that somebody else holds are skipped: that somebody is deciding about them.
    """
    return _locked(
        "SELECT id FROM enforcement_account WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
        + ("" if wait else " SKIP LOCKED"),
        [sorted(set(account_ids))],
    )


def claim_accounts(due: str, now: datetime, limit: int, **known: Any) -> list[int]:
    """Lock up to `limit` accounts among those that the query `due` names (`account_id`, most urgent first).

    It may ask for `%(now)s` and whatever else is `known`. Since it skips what others hold, it never waits, and takes
    rows in the order of urgency.
    """
    return _locked(
        f"SELECT account.id FROM ({due}) AS due JOIN enforcement_account AS account ON account.id = due.account_id"
        " LIMIT %(limit)s FOR NO KEY UPDATE OF account SKIP LOCKED",
        {"now": now, "limit": limit, **known},
    )


def _locked(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [row[0] for row in cursor.fetchall()]
