"""What a policy would say of stored evidence: the evaluator of every day, reading only."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction

from enforcement.models import Account
from enforcement.rules import outcomes, scoring
from enforcement.rules.policy import Policy
from enforcement.services import sightings

_BATCH = 1000
Row = dict[str, str]


@contextmanager
def _reading_only() -> Iterator[None]:
    """One snapshot, and the database itself refuses to write."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def backtest(policy: Policy, *, at: datetime) -> Iterator[Row]:
    """A row per account with an outcome, sorted by account bytewise; columns in `outcomes.BACKTEST_COLUMNS`.

    Contacts, exemptions, history and brakes change nothing. Evidence is filtered by when it was observed, not by when
    it was received.
    """
    with _reading_only():
        yield from _rows(policy, at)


def diff(policy: Policy, active: Policy | None, *, at: datetime) -> Iterator[Row]:
    """`account,change` against the active version: newly_affected, freed, or changed (any other column differs)."""
    with _reading_only():
        after = {row["account"]: row for row in _rows(policy, at)}
        before = {row["account"]: row for row in _rows(active, at)} if active else {}
    for account in sorted(after.keys() | before.keys(), key=str.encode):
        change = _change(before.get(account), after.get(account))
        if change:
            yield {"account": account, "change": change}


def _change(before: Row | None, after: Row | None) -> str:
    if before is None:
        return "newly_affected"
    if after is None:
        return "freed"
    return "changed" if before != after else ""


def _rows(policy: Policy, at: datetime) -> Iterator[Row]:
    after = ""
    while accounts := _page(after):
        seen = sightings.load(accounts, window=policy.evidence.window, at=at, after={}, exact=True)
        for account, name in accounts.items():
            score = scoring.score(seen[account], policy, at)
            outcome = outcomes.outcome(score, policy, at)
            if outcome is not None:
                yield outcomes.backtest_row(name, score, outcome)
        after = next(reversed(accounts.values()))


def _page(after: str) -> dict[int, str]:
    """The next accounts in bytewise order (the column's collation is C)."""
    page = Account.objects.filter(external_id__gt=after).order_by("external_id")
    return dict(page.values_list("pk", "external_id")[:_BATCH])
