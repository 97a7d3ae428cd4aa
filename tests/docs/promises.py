"""The invariants as a table, from their registry."""

from enforcement.services.invariants import INVARIANTS
from tests.docs.blocks import table


def draw(_: str) -> str:
    rows = [(each.name, each.sentence, "an alert: work waits" if each.is_late else "the brake is pulled")
            for each in INVARIANTS]  # fmt: skip
    return table(("", "what must hold", "where it does not"), rows)
