"""Members of the staff and their groups."""

from django.contrib.auth.models import Group, User
from django.db import transaction

from enforcement.models import SecondLogin
from enforcement.services.roles import Role, people_of


class StaffRefused(Exception):
    """The person cannot be made; the sentence says why."""


def make_groups(**_: object) -> None:
    """One group a role, after every migration: there before the first person is, and back if somebody removed it.

    They carry no permissions of Django's. What a role may do is written in `services.roles`, and nowhere else.
    """
    for role in Role:
        Group.objects.get_or_create(name=role)


@transaction.atomic
def create(name: str, *, email: str, role: Role, password: str | None, second_login_of: str | None = None) -> User:
    """Make a member of the staff in one group; without a password nobody can log in as them.

    `second_login_of` names a login that the same human being has already: the two never count as two people.
    """
    if User.objects.filter(username=name).exists():
        raise StaffRefused(f"There is a user called {name!r} already.")
    first = None if second_login_of is None else _first_login(second_login_of)
    person = User.objects.create_user(name, email=email, password=password, is_staff=True)
    person.groups.add(Group.objects.get_or_create(name=role)[0])
    if first is not None:
        SecondLogin.objects.create(user=person, person_id=first)
    return person


def _first_login(name: str) -> int:
    """Of several logins all but the first point to the first."""
    known = User.objects.filter(username=name).first()
    if known is None:
        raise StaffRefused(f"There is no user called {name!r}, whose second login this could be.")
    return people_of([known]).pop()
