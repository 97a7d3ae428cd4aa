"""Four eyes: who signs twice, under whatever login, has signed once."""

from collections.abc import Sequence

import pgtrigger

from guards.guard import AskingGuard, BatchGuard, Guard, Rule

_TWICE = "the same human being signed twice"


def _persons(logins: Sequence[str]) -> str:
    return (
        "(SELECT count(DISTINCT enforcement_person(login)) FROM unnest(ARRAY["
        f"{', '.join(logins)}]) AS login WHERE login IS NOT NULL)"
    )


def _signed(row: str, columns: Sequence[str]) -> Rule:
    """Most rows carry one name or none, and ask nobody."""
    logins = [f"{row}.{each}" for each in columns]
    return Rule(
        f"num_nonnulls({', '.join(logins)}) > 1 AND {_persons(logins)} < num_nonnulls({', '.join(logins)})", _TWICE
    )


def signed_by_different_people(*columns: str) -> tuple[Guard, ...]:
    """The logins in these columns belong to different human beings, whenever one of them is written."""
    written = " OR ".join(f"NEW.{each} IS DISTINCT FROM OLD.{each}" for each in columns)
    return (
        BatchGuard("signed", [_signed("taken", columns)], source="FROM taken"),
        AskingGuard("countersigned", pgtrigger.Update, [_signed("NEW", columns)], condition=written),
    )


_SIGNATURES = ("proposed_by_id", "approved_by_id", "seconded_by_id")


def _enough(row: str) -> Rule:
    logins = [f"{row}.{each}" for each in _SIGNATURES]
    return Rule(
        f"{row}.status = 'applied' AND {row}.people > 0 AND {_persons(logins)} < {row}.people",
        "fewer people signed than had to agree",
    )


ENOUGH_PEOPLE = (
    BatchGuard("signed", [_signed("taken", _SIGNATURES), _enough("taken")], source="FROM taken"),
    AskingGuard(
        "countersigned",
        pgtrigger.Update,
        [_signed("NEW", _SIGNATURES), _enough("NEW")],
        condition=" OR ".join(f"NEW.{each} IS DISTINCT FROM OLD.{each}" for each in ("status", "people", *_SIGNATURES)),
    ),
)

_INVOLVED = """
EXISTS (SELECT FROM enforcement_decision AS decision,
                    unnest(ARRAY[decision.proposed_by_id, decision.approved_by_id, decision.seconded_by_id]) AS login
         WHERE decision.id = NEW.decision_id AND enforcement_person(login) = enforcement_person(NEW.decided_by_id))
"""
DECIDED_BY_ANOTHER = AskingGuard(
    "decided",
    pgtrigger.Update,
    [Rule(_INVOLVED, "who was involved in a decision does not decide its appeal")],
    condition="NEW.decided_by_id IS DISTINCT FROM OLD.decided_by_id AND NEW.decided_by_id IS NOT NULL",
)
