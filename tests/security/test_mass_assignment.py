"""Fields that are nobody's to give are refused or mean nothing (F65)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from enforcement.models import Account, Case, Decision
from tests import checks
from tests.api.conftest import Caller, assert_problem, item

pytestmark = pytest.mark.django_db

Rows = Callable[[], dict[str, str]]
# Columns of the rows behind the API, and words that other systems take.
OF_AN_ITEM = [
    "detector", "detector_id", "client", "pk", "account_id", "external_id", "received_at", "body_digest",
    "retracted_at", "state", "points", "weight", "__proto__", "constructor", "_state", "approved_by",
]  # fmt: skip
OF_AN_ACCOUNT = [
    "id", "pk", "version", "standing", "state", "score", "restrictions", "case", "exemptions", "notice", "created_at",
    "min_notice", "no_suspension", "is_staff", "is_superuser", "_state", "__class__",
]  # fmt: skip


@pytest.mark.parametrize("field", OF_AN_ITEM)
def test_a_detector_cannot_write_a_column_that_is_not_a_field_of_evidence(sender: Caller, field: str) -> None:
    before = checks.stored()
    assert_problem(sender.post("/evidence", item() | {field: 1}), 422, field)
    answer = sender.post("/evidence", [item() | {field: "blocked"}]).json()
    assert (answer["accepted"], answer["rejected"]) == (0, 1)
    assert checks.stored() == before


@pytest.mark.parametrize("field", OF_AN_ACCOUNT)
def test_a_registrar_cannot_write_a_column_that_is_not_a_field_of_an_account(
    registrar: Caller, account_outside: Account, rows: Rows, field: str
) -> None:
    before = rows()
    assert_problem(registrar.put("/accounts/shenzhen", {"plan": "pro", field: "blocked"}), 422, field)
    assert registrar.post("/accounts", [{"external_id": "shenzhen", field: 1}]).json()["rejected"] == 1
    assert rows() == before


def test_terms_and_contacts_take_no_more_than_their_own_fields(
    registrar: Caller, account_outside: Account, rows: Rows
) -> None:
    before = rows()
    assert_problem(registrar.put("/accounts/shenzhen", {"terms": {"due_at": None}}), 422, "terms.due_at")
    contact = {"email": "a@x.test", "role": "owner", "verified": True}
    assert_problem(registrar.put("/accounts/shenzhen", {"contacts": [contact]}), 422, "contacts")
    assert rows() == before


EXTRA: dict[str, Any] = {
    "state": "blocked", "status": "applied", "step": "block", "people": "0", "proposed_by": "1", "approved_by": "1",
    "seconded_by": "1", "by": "1", "due_at": "2020-01-01", "now": "2030-01-01T00:00:00Z", "decided_at": "2020-01-01",
    "case": "1", "case_id": "1", "account": "1", "override_of": "1", "facts": "{}", "rule": "", "is_superuser": "on",
}  # fmt: skip


def test_a_form_s_extra_fields_change_nothing_of_what_it_does(due_case: Case, officer: User, lead: User) -> None:
    browser = Browser()
    browser.force_login(officer)
    door = reverse("admin:enforcement_case_step", args=[due_case.pk, "suspend"])
    browser.post(door, EXTRA | {"reason": "Still there.", "version": due_case.version, "approved_by": lead.pk})
    decision = due_case.decisions.latest("pk")
    assert (decision.step, decision.status, decision.people) == ("suspend", "held", 2)
    assert (decision.proposed_by, decision.approved_by, decision.seconded_by) == (officer, None, None)
    assert decision.facts == due_case.decisions.get(step="warn").facts
    due_case.refresh_from_db()
    assert due_case.state == "warned"


def test_an_approval_is_the_person_s_own_whatever_the_form_says(held: Decision, officer: User, lead: User) -> None:
    browser = Browser()
    browser.force_login(officer)
    door = reverse("admin:enforcement_decision_approve", args=[held.pk])
    browser.post(door, EXTRA | {"reason": "Looked at it.", "approved_by": lead.pk, "by": lead.pk})
    held.refresh_from_db()
    assert (held.approved_by, held.seconded_by, held.refused_by) == (officer, None, None)


def test_nobody_makes_themselves_more_than_they_are_on_the_page_of_their_password(officer: User) -> None:
    officer.set_password("correct-horse-9-battery")
    officer.save()
    browser = Browser()
    browser.force_login(officer)
    new = "correct-horse-9-battery-new"
    given = {"old_password": "correct-horse-9-battery", "new_password1": new, "new_password2": new}
    answer = browser.post(reverse("admin:password_change"), given | EXTRA | {"groups": "3", "username": "root"})
    assert answer.status_code == 302
    officer.refresh_from_db()
    assert officer.check_password(new)
    assert (officer.username, officer.is_superuser) == ("olga", False)
    assert [each.name for each in officer.groups.all()] == ["officer"]
