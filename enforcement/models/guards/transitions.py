"""A case moves along the table and by a decision only; `rules.transitions.TRANSITIONS` is where both take it from."""

from collections.abc import Callable

import pgtrigger

from enforcement.rules.transitions import ENDING_OF, TRANSITIONS, Effect, Step, Transition
from guards.guard import NOW, AskingGuard, BatchGuard, RowGuard, Rule, listed, literal


def _by_arrow(row: str, value: Callable[[Transition], object]) -> str:
    """A CASE and no join: a list of VALUES is set up anew for each row, which costs more than all else here."""
    arrows = " ".join(f"WHEN '{each.source} {each.step}' THEN {value(each)}" for each in TRANSITIONS)
    return f"(CASE {row}.from_state || ' ' || {row}.step {arrows} END)"


def target_of(row: str) -> str:
    """Where the table leads a decision; null where it has no such arrow."""
    return _by_arrow(row, lambda each: literal(each.target))


_ENDINGS = " ".join(f"WHEN '{step}' THEN '{ending}'" for step, ending in ENDING_OF.items())
_RESTRICTING = sorted({each.step for each in TRANSITIONS if Effect.RESTRICT in each.effects})

OPENED = RowGuard(
    "opened",
    pgtrigger.Insert,
    [
        Rule(
            "NEW.state <> 'open' OR NEW.version <> 0 OR NEW.outcome <> '' OR num_nonnulls("
            "NEW.closed_at, NEW.accepted_at, NEW.due_at, NEW.notice, NEW.narrowed_at, NEW.remaining) > 0",
            "a case begins as open, with version 0, and nothing of it has happened yet",
        )
    ],
)

# After the row, since the decision is written before its case, in the same transaction.
MOVED = AskingGuard(
    "moved",
    pgtrigger.Update,
    [
        Rule(
            "NEW.version <> OLD.version + 1",
            "state, outcome, version, end and narrowing change with the next version only",
        ),
        Rule("decision.id IS NULL", "no decision was applied that makes this version of the case"),
        Rule(
            f"decision.from_state <> OLD.state OR {target_of('decision')} IS DISTINCT FROM NEW.state",
            "the decision of this version does not lead from the old state to the new one",
        ),
        Rule(f"(CASE decision.step {_ENDINGS} ELSE '' END) <> NEW.outcome", "the outcome is not that of the step"),
        Rule(
            f"(decision.step = {literal(Step.NARROW)}) <> (NEW.narrowed_at IS NOT NULL)",
            "a case is narrowed by the step narrow, until its next step",
        ),
    ],
    condition=(
        "(OLD.state, OLD.outcome, OLD.version, OLD.closed_at, OLD.narrowed_at)"
        " IS DISTINCT FROM (NEW.state, NEW.outcome, NEW.version, NEW.closed_at, NEW.narrowed_at)"
    ),
    source="""
      FROM (SELECT) AS this
      LEFT JOIN enforcement_decision AS decision
             ON decision.case_id = NEW.id AND decision.case_version = NEW.version AND decision.status = 'applied'
    """,
)

_APPLIED = [
    Rule(
        "held.state <> taken.from_state OR held.version + 1 <> taken.case_version",
        "it does not follow the state and version that its case has",
    ),
    Rule(f"{target_of('taken')} IS NULL", "the table has no such step from that state"),
    Rule(f"taken.settled_at > {NOW}", "the SQL clock has not come to that time"),
    Rule(
        f"taken.proposed_by_id IS NOT NULL AND taken.people < {_by_arrow('taken', lambda each: each.people)}",
        "a step that a person proposes takes the people of the table",
    ),
]
_OF_THE_DECISION = "JOIN enforcement_case AS held ON held.id = taken.case_id"
# Held decisions become applied ones a row at a time, by hand; the automation inserts its own by the batch.
BECOMES_APPLIED = "OLD.status <> 'applied' AND NEW.status = 'applied'"
NEW_ROW = "(SELECT (NEW).*) AS taken"
APPLIED = (
    BatchGuard("applied", _APPLIED, source=f"FROM taken {_OF_THE_DECISION} WHERE taken.status = 'applied'"),
    AskingGuard(
        "agreed",
        pgtrigger.Update,
        _APPLIED,
        condition=BECOMES_APPLIED,
        source=f"FROM {NEW_ROW} {_OF_THE_DECISION}",
    ),
)
DECIDED = RowGuard(
    "decided",
    pgtrigger.Insert,
    [Rule("NEW.status NOT IN ('held', 'applied')", "a decision begins as held or as applied")],
)

# Effects are written after the case that brings them about.
RESTRICTED = BatchGuard(
    "restricted",
    [
        Rule("num_nonnulls(taken.lifted_at, taken.lifted_by_id) > 0", "a restriction begins in force"),
        Rule(
            "decision.case_id IS DISTINCT FROM taken.case_id OR held.account_id IS DISTINCT FROM taken.account_id",
            "it is of another case or account than its decision",
        ),
        Rule(
            "decision.status <> 'applied' OR held.version <> decision.case_version"
            f" OR decision.step NOT IN ({listed(_RESTRICTING)})",
            "its decision restricts nothing, or is not the one that brought its case where it is",
        ),
    ],
    source="""
      FROM taken
      LEFT JOIN enforcement_decision AS decision ON decision.id = taken.decision_id
      LEFT JOIN enforcement_case AS held ON held.id = decision.case_id
    """,
)
LIFTED = AskingGuard(
    "lifted",
    pgtrigger.Update,
    [
        Rule(
            "NOT EXISTS (SELECT FROM enforcement_decision AS decision JOIN enforcement_case AS held"
            " ON held.id = decision.case_id AND held.version = decision.case_version"
            " WHERE decision.id = NEW.lifted_by_id AND decision.case_id = NEW.case_id AND decision.status = 'applied')",
            "it is lifted by the decision that brought its case where it is",
        )
    ],
    condition="NEW.lifted_at IS DISTINCT FROM OLD.lifted_at",
)
