"""Real engines, one test clock, and the standing cast: an account at home, one outside, officers, keys' holders."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pgtrigger
import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoDbBlocker

from enforcement.models import Account, Client, Contact, PolicyVersion
from enforcement.services import clock, policies, staff
from enforcement.services.roles import Role

EXAMPLES = Path(__file__).parent.parent / "examples" / "policies"

# A list short enough to read, with every knob that the tests turn.
SMALL_POLICY = """
format: 1
name: small
reference_url: https://example.com/supported-countries
territories:
  supported: [DE, ES, FR, US, UA, JP, SG]
  excepted: [UA-14]
  unresolved: [UA-65]
  sanctioned: [UA-43]
evidence:
  window: P90D
  kinds:
    ip_geolocation: {points: 1, per: request, cap: 1000}
    billing_country: {points: 30, per: item, cap: 30}
  network_factors: {edge: 0, vpn: 0, hosting: 0.5, unknown: 0.5}
qualifies:
  - {name: five, min_requests: 5}
review:
  - {name: any, min_points: 0.01}
ladder:
  warn: {automation: auto, notice: P15D, reminders: [P7D, P1D]}
  deadline: {step: suspend, automation: auto, needs_new: {requests: 1}}
  suspension: {step: block, after: P30D, automation: auto, reminders: [P3D]}
  cure: {quiet: P7D, extend: true}
"""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """In the tests' own database the guards let a table be emptied: that is how transactional tests leave nothing."""
    with django_db_blocker.unblock():
        for model, guard in pgtrigger.registered():
            if guard.operation == pgtrigger.Truncate:
                guard.disable(model)


@pytest.fixture
def now(db: None) -> datetime:
    return clock.now()


@pytest.fixture
def officer(db: None) -> User:
    return staff.create("olga", email="olga@provider.test", role=Role.OFFICER, password=None)


@pytest.fixture
def lead(db: None) -> User:
    return staff.create("leo", email="leo@provider.test", role=Role.LEAD, password=None)


@pytest.fixture
def second_lead(db: None) -> User:
    return staff.create("lara", email="lara@provider.test", role=Role.LEAD, password=None)


@pytest.fixture
def detector(db: None) -> Client:
    return Client.objects.create(name="edge-logs", kind=Client.Kind.DETECTOR)


@pytest.fixture
def activate(officer: User, lead: User) -> Callable[[str], PolicyVersion]:
    """Put a policy document into force."""

    def put(document: str) -> PolicyVersion:
        version = policies.draft(document, now=clock.now())
        return policies.activate(version.pk, proposed_by=officer, approved_by=lead, now=clock.now())

    return put


@pytest.fixture
def policy(activate: Callable[[str], PolicyVersion]) -> PolicyVersion:
    return activate(SMALL_POLICY)


@pytest.fixture
def account_at_home(db: None) -> Account:
    return make_account("berlin", "Berlin GmbH", "DE")


@pytest.fixture
def account_outside(db: None) -> Account:
    return make_account("shenzhen", "Shenzhen Office Ltd", "CN")


def make_account(external_id: str, name: str = "Example Ltd", home: str = "", **fields: object) -> Account:
    """An account with one owner."""
    account = Account.objects.create(external_id=external_id, name=name, home_country=home, **fields)
    Contact.objects.create(account=account, role=Contact.Role.OWNER, email=f"owner@{external_id}.test")
    return account


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


DAY = timedelta(days=1)
