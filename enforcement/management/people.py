"""Members of the staff that a command names."""

from collections.abc import Sequence

from django.conf import settings
from django.contrib.auth.models import User

from enforcement.management.base import Refused
from enforcement.services import staff
from enforcement.services.roles import Role


def two_people(names: Sequence[str]) -> tuple[User, User]:
    """The proposer and the one who agrees; raises Refused."""
    if len(names) != 2:
        raise Refused("This needs two people: --by NAME --by NAME.")
    first, second = (person(name) for name in names)
    return first, second


def person(name: str) -> User:
    """The member of this name; in test-clock mode one who is not there is made, as a lead."""
    found = User.objects.filter(username=name).first()
    if found is None and settings.TEST_CLOCK:
        return staff.create(name, email=f"{name}@example.test", role=Role.LEAD, password=None)
    if found is None:
        raise Refused(f"There is no member of the staff called {name!r}; `create_staff` makes one.")
    return found
