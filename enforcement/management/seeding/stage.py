"""What a population stands on: a policy in force, staff, and the detectors that send its evidence."""

from datetime import datetime
from pathlib import Path

from django.contrib.auth.models import User

from enforcement.models import Client, PolicyVersion
from enforcement.services import policies, staff
from enforcement.services.roles import Role
from examples.population import DETECTORS, detector_of

_POLICY = Path(__file__).parents[3] / "examples" / "policies" / "recommended.yaml"
_STAFF = {
    "seed-officer": Role.OFFICER, "seed-lead": Role.LEAD, "seed-second-lead": Role.LEAD,
    "seed-analyst": Role.ANALYST, "seed-counsel": Role.COUNSEL, "seed-auditor": Role.AUDITOR,
}  # fmt: skip


def people() -> dict[str, User]:
    """Members of the staff by name; nobody can log in as those that are made here."""
    there = {user.username: user for user in User.objects.filter(username__in=_STAFF)}
    return there | {
        name: staff.create(name, email=f"{name}@provider.example", role=role, password=None)
        for name, role in _STAFF.items()
        if name not in there
    }


def recommended() -> str:
    """The policy document that comes along."""
    return _POLICY.read_text(encoding="utf-8")


def policy_in_force(staff_: dict[str, User], now: datetime) -> PolicyVersion:
    """The active version, or else the recommended one, put into force before the stories begin."""
    active = PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).first()
    if active is not None:
        return active
    drafted = policies.draft(recommended(), now=now)
    officer, lead = staff_["seed-officer"], staff_["seed-lead"]
    return policies.activate(drafted.pk, proposed_by=officer, approved_by=lead, now=now)


def detectors() -> dict[str, int]:
    names = {*DETECTORS.values(), detector_of("")}
    return {
        name: Client.objects.get_or_create(name=name, defaults={"kind": Client.Kind.DETECTOR})[0].pk for name in names
    }
