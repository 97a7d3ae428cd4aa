"""Members of the staff and their groups."""

from django.contrib.auth.models import Group, User
from django.db import transaction

from enforcement.services.roles import Role


class StaffRefused(Exception):
    """The person cannot be made; the sentence says why."""


def make_groups(**_: object) -> None:
    """One group a role, after every migration: there before the first person is, and back if somebody removed it.

    They carry no permissions of Django's. What a role may do is written in `services.roles`, and nowhere else.
    """
    for role in Role:
        Group.objects.get_or_create(name=role)


@transaction.atomic
def create(name: str, *, email: str, role: Role, password: str | None) -> User:
    """Make a member of the staff in one group; without a password nobody can log in as them."""
    if User.objects.filter(username=name).exists():
        raise StaffRefused(f"There is a user called {name!r} already.")
    person = User.objects.create_user(name, email=email, password=password, is_staff=True)
    person.groups.add(Group.objects.get_or_create(name=role)[0])
    return person
