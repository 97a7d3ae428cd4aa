"""What must hold at any moment, as named queries that answer with the rows for which it does not.

One snapshot serves them all, so that nothing is found which only stands between two of our own writes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from enforcement.services.invariants import evidence, ground, history, late, notice, people, standing
from enforcement.services.invariants.query import Invariant

INVARIANTS: tuple[Invariant, ...] = tuple(
    sorted(
        (
            *notice.INVARIANTS,
            *history.INVARIANTS,
            *evidence.INVARIANTS,
            *ground.INVARIANTS,
            *people.INVARIANTS,
            *standing.INVARIANTS,
            *late.INVARIANTS,
        ),
        key=lambda each: int(each.name[1:]),
    )
)
LATELY = timedelta(hours=1)  # asked each minute; what is older was asked before
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
MOST_ROWS = 20  # of an invariant: enough to see what is wrong


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold, with the first rows for which it does not."""

    invariant: Invariant
    rows: Sequence[dict[str, Any]]

    def __str__(self) -> str:
        return f"{self.invariant.name}: {self.invariant.sentence} {self.rows[0]}"


def check(*, now: datetime, since: datetime | None = None, late: bool = True) -> list[Violation]:
    """Ask all of them. With `since` only of what was decided or received later; without `late` not whether work waits.

    Called outside a transaction, since it reads a snapshot of its own.
    """
    asked = [each for each in INVARIANTS if late or not each.is_late]
    with _snapshot():
        found = [(each, each.ask(now=now, since=since or _EVER, most=MOST_ROWS)) for each in asked]
    return [Violation(each, rows) for each, rows in found if rows]


def named(violations: Sequence[Violation]) -> str:
    """The sentences of those that do not hold."""
    return " ".join(f"{each.invariant.name}: {each.invariant.sentence}" for each in violations)


@contextmanager
def _snapshot() -> Iterator[None]:
    if connection.in_atomic_block:  # a caller that wants to see its own writes
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield
