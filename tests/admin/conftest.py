"""People at their browsers, and a place where strangers wrote whatever they liked."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from benchmarks.unguarded import unguarded
from enforcement.models import (
    Account,
    ApiKey,
    Brake,
    BrakePull,
    Case,
    Client,
    Contact,
    Decision,
    Evidence,
    Exemption,
    PolicyVersion,
)
from enforcement.services import appeals, brake, clock, exemptions, staff, sweep
from enforcement.services.roles import Role
from tests.stage import answer_mail, see, sighting, suspended, the_case, warned

# Markup, a quote that leaves an attribute, letters turned around, and one that nobody can see.
HOSTILE = "<script>alert(1)</script>\" onload='x' \u202egnp.exe\u202c\u200b"


def questions(browser: Browser, page: str) -> list[str]:
    """What a page asks the database, but for Django's content types, which a process asks for once."""
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(page).status_code == 200
    return [each["sql"] for each in captured if "django_content_type" not in each["sql"]]


@pytest.fixture
def browser_of() -> Callable[[User], Browser]:
    def opened(person: User) -> Browser:
        browser = Browser()
        browser.force_login(person)
        return browser

    return opened


@pytest.fixture(params=list(Role))
def somebody(request: pytest.FixtureRequest, db: None) -> User:
    """A member of the staff in each of the five groups, one after the other."""
    return staff.create("sam", email="sam@provider.test", role=request.param, password=None)


@pytest.fixture
def analyst(db: None) -> User:
    return staff.create("anna", email="anna@provider.test", role=Role.ANALYST, password=None)


@pytest.fixture
def in_review(account_outside: Account, detector: Client, policy: PolicyVersion) -> Case:
    see(detector, sighting(account_outside, clock.now(), requests=4))
    return the_case(account_outside)


@pytest.fixture
def warned_case(account_outside: Account, detector: Client, policy: PolicyVersion) -> Case:
    return warned(account_outside, detector)


@pytest.fixture
def due_case(warned_case: Case) -> Case:
    """Its notice is over, and the sweep has not looked yet."""
    assert warned_case.due_at is not None
    clock.move_to(warned_case.due_at)
    return warned_case


@pytest.fixture
def suspended_case(account_outside: Account, detector: Client, policy: PolicyVersion) -> Case:
    case = suspended(account_outside, detector)
    answer_mail()
    sweep.sweep(now=clock.now())
    return the_case(case.account)


@pytest.fixture
def held(account_outside: Account, detector: Client, policy: PolicyVersion) -> Decision:
    """The automation held a suspension, since the account is a person's."""
    account_outside.kind = Account.Kind.PERSON
    account_outside.save()
    case = warned(account_outside, detector)
    assert case.due_at is not None
    clock.move_to(case.due_at)
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=clock.now())
    return Decision.objects.get(status=Decision.Status.HELD)


@pytest.fixture
def written_by_strangers(suspended_case: Case, detector: Client, lead: User) -> Case:
    """One row of every noun, with hostile words wherever words come from outside."""
    ApiKey.objects.create(client=detector, prefix="aek_1", digest=b"\xabkey-digest")
    account = suspended_case.account
    Contact.objects.create(account=account, role=Contact.Role.LEGAL, email="o'<b>neil</b>\u202e@x.test")
    Evidence.objects.create(
        account=account,
        detector=detector,
        external_id=HOSTILE,
        kind="ip_geolocation",
        network_class="<i>\u202e",
        country="CN",
        credential=HOSTILE,
        source=HOSTILE,
        end_user=HOSTILE,
        details={HOSTILE: [HOSTILE]},
        observed_at=clock.now(),
        body_digest=b"\xabbody",
    )
    Account.objects.filter(pk=account.pk).update(name=HOSTILE, timezone="../../etc/passwd", plan=HOSTILE)
    account.refresh_from_db()
    exemptions.grant(
        account_id=account.pk, scope=Exemption.Scope.CREDENTIAL, value=HOSTILE, reason=HOSTILE, by=lead,
        ends_at=clock.now() + timedelta(days=1), now=clock.now(),
    )  # fmt: skip
    _speak(suspended_case)
    brake.pull(Brake.What.MAIL, BrakePull.Cause.MANUAL, HOSTILE, now=clock.now())
    return suspended_case


def _speak(case: Case) -> None:
    """The account's own words, the mail server's, and what was told of both."""
    decision = case.decisions.get(step="suspend")
    decision.facts["lines"] = [HOSTILE]
    decision.facts["rows"][0]["credential"] = HOSTILE
    with unguarded("enforcement_decision"):
        decision.save()
    appeals.file(decision_id=decision.pk, statement=HOSTILE, now=clock.now())
    for memo in case.memos.all():
        memo.subject, memo.text, memo.html = HOSTILE, HOSTILE, f"<img src='https://tracker.example/x'>{HOSTILE}"
        with unguarded("enforcement_memo"):
            memo.save()
        for copy in memo.copies.all():
            copy.message.reply, copy.message.subject, copy.message.html = HOSTILE, HOSTILE, memo.html
            with unguarded("notifications_message"):
                copy.message.save()
