"""Naming somebody else's object where one's own belongs finds nothing and changes nothing (F59)."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from enforcement.models import Account, Case, Client, Decision
from enforcement.rules.transitions import Step
from enforcement.services import appeals, clock, review
from tests.api.conftest import Caller
from tests.conftest import make_account
from tests.stage import see, sighting, the_case

pytestmark = pytest.mark.django_db

Rows = Callable[[], dict[str, str]]


@pytest.fixture
def other(detector: Client, in_review: Case) -> Case:
    """A case of another account, beside the one in review."""
    account = make_account("moscow", "Moscow Agency GmbH", "RU")
    see(detector, sighting(account, clock.now(), country="RU", requests=4, credential="sk-moscow"))
    return the_case(account)


@pytest.fixture
def browser(officer: User) -> Browser:
    found = Browser()
    found.force_login(officer)
    return found


def digest_of(account: Account) -> list[object]:
    """Everything that hangs on an account's case."""
    case = the_case(account)
    return [Case.objects.filter(pk=case.pk).values().get(), *case.decisions.values(), *case.restrictions.values()]


def test_a_step_is_taken_on_the_case_of_its_address_whatever_the_form_names(
    in_review: Case, other: Case, browser: Browser
) -> None:
    before = digest_of(other.account)
    door = reverse("admin:enforcement_case_step", args=[in_review.pk, "dismiss"])
    named = {"case": other.pk, "case_id": other.pk, "account": other.account_id, "reference": other.reference}
    browser.post(door, {"reason": "A trip.", "version": in_review.version, **named})
    assert the_case(in_review.account).outcome == "dismissed"
    assert digest_of(other.account) == before


def test_the_key_of_another_account_cannot_be_restricted_here(due_case: Case, other: Case, browser: Browser) -> None:
    door = reverse("admin:enforcement_case_step", args=[due_case.pk, "restrict"])
    given = {"reason": "No.", "version": due_case.version, "scope": "keys", "credentials": ["sk-moscow"]}
    assert browser.post(door, given).status_code == 422
    assert not Decision.objects.filter(step=Step.RESTRICT).exists()


def test_the_number_of_another_noun_s_row_finds_nothing(
    suspended_case: Case, officer: User, lead: User, browser: Browser, rows: Rows
) -> None:
    suspension = suspended_case.decisions.get(step=Step.SUSPEND)
    appeals.file(decision_id=suspension.pk, statement="We moved.", now=clock.now())
    taken = {each.pk for each in Decision.objects.all()}
    number = max(taken) + 1_000
    before = rows()
    for name in ("case_step", "decision_approve", "decision_refuse", "appeal_uphold", "appeal_overturn", "memo_bounce"):
        more = ["dismiss"] if name == "case_step" else []
        door = reverse(f"admin:enforcement_{name}", args=[number, *more])
        assert browser.post(door, {"reason": "Yes.", "version": 0}).status_code == 404, name
    assert rows() == before


def test_what_is_settled_cannot_be_settled_again(held: Decision, lead: User, browser: Browser, rows: Rows) -> None:
    review.refuse(decision_id=held.pk, reason="A traveller.", by=lead, now=clock.now())
    before = rows()
    for word in ("approve", "refuse"):
        browser.post(reverse(f"admin:enforcement_decision_{word}", args=[held.pk]), {"reason": "Yes."})
    assert rows() == before


@pytest.mark.parametrize(
    "written", ["{pk}", "{lower}", "{reference}%00", "{reference}/", "../accounts/shenzhen", "{reference} "]
)
def test_a_case_is_found_by_its_reference_and_by_nothing_that_can_be_counted_up(
    reader: Caller, in_review: Case, written: str
) -> None:
    reference = in_review.reference
    path = written.format(pk=in_review.pk, lower=reference.lower(), reference=reference)
    assert reader.get(f"/cases/{path}").status_code == 404
    assert reader.get(f"/cases/{reference}").status_code == 200


@pytest.mark.parametrize(
    "written", ["{pk}", "SHENZHEN", "shenzhen%2f..%2fmoscow", "shenzhen%00", "shenzh%C3%A9n", "s%D2%BBenzhen"]
)
def test_an_account_is_found_by_its_own_id_letter_by_letter(
    reader: Caller, account_outside: Account, written: str
) -> None:
    path = written.format(pk=account_outside.pk)
    assert reader.get(f"/accounts/{path}").status_code == 404
    assert reader.get(f"/accounts/{path}/timeline").status_code == 404
