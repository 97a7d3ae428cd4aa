"""What members of the staff may do. Groups say it; being a superuser says nothing."""

from collections.abc import Collection, Iterable
from enum import StrEnum

from django.contrib.auth.models import User

from enforcement.models import SecondLogin
from enforcement.rules.transitions import NEEDS_NOTICE, State, Step


class Role(StrEnum):
    ANALYST = "analyst"
    OFFICER = "officer"
    LEAD = "lead"
    COUNSEL = "counsel"
    AUDITOR = "auditor"


DECIDING = frozenset({Role.OFFICER, Role.LEAD})
WITHOUT_NOTICE = DECIDING | {Role.COUNSEL}
# Who holds several roles signs as the first of these that counts for the step.
_WEIGHT = (Role.COUNSEL, Role.LEAD, Role.OFFICER)


class NotAllowed(Exception):
    """The person may not do this; the sentence says who may."""


def roles_of(person: User) -> set[Role]:
    """The roles of an active member of the staff, read anew each time: a withdrawn role ends at once."""
    if not (person.is_active and person.is_staff):
        return set()
    names = set(person.groups.values_list("name", flat=True))
    return {role for role in Role if role in names}


def roles_for(step: Step) -> frozenset[Role]:
    """Who may propose a step, or refuse it."""
    return WITHOUT_NOTICE if step is Step.RESTRICT_NOW else DECIDING


def signs_as(person: User, roles: Collection[Role]) -> Role | None:
    """Under which of these roles the person signs now; None where they hold none of them."""
    held = roles_of(person) & set(roles)
    return next((role for role in _WEIGHT if role in held), None)


def check_may_decide(person: User, step: Step | None = None) -> Role:
    """The role under which the person decides; raises NotAllowed for who may not."""
    roles = roles_for(step) if step else DECIDING
    role = signs_as(person, roles)
    if role is None:
        who = "an officer, a lead or counsel" if Role.COUNSEL in roles else "an officer or a lead"
        raise NotAllowed(f"{person} may not decide cases: that takes {who}.")
    return role


def may_approve(roles: Collection[Role], step: Step, *, by_hand: bool) -> bool:
    """What a person proposed and two must agree to takes a lead; what the automation held, an officer or a lead."""
    return bool(set(roles) & _approving(step, by_hand))


def check_may_approve(person: User, state: State, step: Step, *, by_hand: bool) -> Role:
    """The role under which the person agrees to this step; raises NotAllowed for who may not."""
    check_may_decide(person, step)
    role = signs_as(person, _approving(step, by_hand))
    if role is None:
        raise NotAllowed(f"{person} may not approve a {step} from {state}: that takes a lead.")
    return role


def _approving(step: Step, by_hand: bool) -> frozenset[Role]:
    return frozenset({Role.LEAD}) if by_hand and step in NEEDS_NOTICE else roles_for(step)


# -- human beings ------------------------------------------------------------------------------------------------------


def people_of(logins: Iterable[User | int | None]) -> set[int]:
    """The human beings behind these logins, each by its first one: a second login makes nobody two people."""
    return set(_first_logins(logins).values())


def same_person(one: User | int, other: User | int) -> bool:
    return len(people_of([one, other])) == 1


def is_among(person: User, logins: Iterable[User | int | None]) -> bool:
    """Whether this human being stands behind one of these logins."""
    given = _ids(logins)
    first = _first_logins([person, *given]) if given else {}
    return any(first[each] == first[person.pk] for each in given)


def _ids(logins: Iterable[User | int | None]) -> set[int]:
    return {login.pk if isinstance(login, User) else login for login in logins if login is not None}


def _first_logins(logins: Iterable[User | int | None]) -> dict[int, int]:
    """By login: the first one of the same human being."""
    ids = _ids(logins)
    second = dict(SecondLogin.objects.filter(user__in=ids).values_list("user", "person")) if ids else {}
    return {login: second.get(login, login) for login in ids}


def check_still_held(signed: Iterable[tuple[User | None, str]]) -> None:
    """Who signed before must hold the role of their signature to this moment; raises NotAllowed for the first."""
    for person, role in signed:
        if person is not None and not roles_of(person) & ({Role(role)} if role else DECIDING):
            was = f" as {role}" if role else ""
            raise NotAllowed(f"{person} signed this{was} and could not any more: refuse it, and propose it anew.")
