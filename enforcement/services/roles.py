"""What members of the staff may do. Groups say it; being a superuser says nothing."""

from collections.abc import Collection
from enum import StrEnum

from django.contrib.auth.models import User

from enforcement.rules.transitions import State, Step


class Role(StrEnum):
    ANALYST = "analyst"
    OFFICER = "officer"
    LEAD = "lead"
    COUNSEL = "counsel"
    AUDITOR = "auditor"


DECIDING = frozenset({Role.OFFICER, Role.LEAD})


class NotAllowed(Exception):
    """The person may not do this; the sentence says who may."""


def roles_of(person: User) -> set[Role]:
    """The roles of an active member of the staff, read anew each time: a withdrawn role ends at once."""
    if not (person.is_active and person.is_staff):
        return set()
    names = set(person.groups.values_list("name", flat=True))
    return {role for role in Role if role in names}


def check_may_decide(person: User) -> None:
    if not roles_of(person) & DECIDING:
        raise NotAllowed(f"{person} may not decide cases: that takes an officer or a lead.")


def may_approve(roles: Collection[Role], step: Step, *, by_hand: bool) -> bool:
    """What a person proposed and two must agree to takes a lead; what the automation held, an officer or a lead."""
    two_people = step in (Step.RESTRICT, Step.SUSPEND, Step.BLOCK)
    return Role.LEAD in roles or (Role.OFFICER in roles and not (by_hand and two_people))


def check_may_approve(person: User, state: State, step: Step, *, by_hand: bool) -> None:
    """Raises NotAllowed for who may not agree to this step."""
    check_may_decide(person)
    if not may_approve(roles_of(person), step, by_hand=by_hand):
        raise NotAllowed(f"{person} may not approve a {step} from {state}: that takes a lead.")
