"""Requests that are not what they say they are change nothing and decide no address (F63)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from benchmarks.unguarded import unguarded
from enforcement.models import Case, Decision, Memo
from enforcement.services import keys
from tests.api.conftest import Caller, assert_problem

pytestmark = pytest.mark.django_db

Rows = Callable[[], dict[str, str]]
PASSWORD = "correct-horse-9-battery"


@pytest.fixture
def lead_at(lead: User) -> Browser:
    """A browser that refuses forged forms, as a real one's requests are looked at."""
    lead.set_password(PASSWORD)
    lead.save()
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(lead)
    return browser


def doors(held: Decision) -> list[str]:
    """Every address that changes something."""
    return [
        *(reverse("admin:enforcement_case_step", args=[held.case_id, step]) for step in ("suspend", "dismiss")),
        *(reverse(f"admin:enforcement_decision_{word}", args=[held.pk]) for word in ("approve", "refuse")),
        reverse("admin:password_change"),
        reverse("admin:logout"),
        reverse("admin:login"),
    ]


def form(held: Decision) -> dict[str, Any]:
    """What would be accepted, if it came from our own page."""
    words = {"reason": "Looked at it.", "version": held.case.version, "username": "leo", "password": PASSWORD}
    return words | {"old_password": PASSWORD, "new_password1": PASSWORD * 2, "new_password2": PASSWORD * 2}


def test_a_form_that_another_site_sends_changes_nothing(held: Decision, lead_at: Browser, rows: Rows) -> None:
    before = rows()
    for door in doors(held):
        assert lead_at.post(door, form(held)).status_code == 403, door
    assert rows() == before
    assert lead_at.get(reverse("admin:index")).status_code == 200


def test_a_form_that_knows_the_token_and_comes_from_elsewhere_changes_nothing(
    held: Decision, lead_at: Browser, rows: Rows
) -> None:
    token = lead_at.get(reverse("admin:password_change")).context["csrf_token"]
    before = rows()
    for origin in ("https://evil.example", "null", "http://localhost:1", "http://testserver.evil.example"):
        for door in doors(held):
            given = form(held) | {"csrfmiddlewaretoken": str(token)}
            assert lead_at.post(door, given, headers={"Origin": origin}).status_code == 403, (origin, door)
    assert rows() == before


def test_the_same_form_from_our_own_page_is_accepted(held: Decision, lead_at: Browser) -> None:
    """Or the two tests above would prove nothing."""
    token = lead_at.get(reverse("admin:password_change")).context["csrf_token"]
    door = reverse("admin:enforcement_decision_approve", args=[held.pk])
    given = form(held) | {"csrfmiddlewaretoken": str(token)}
    assert lead_at.post(door, given, headers={"Origin": "http://testserver"}).status_code == 302
    held.refresh_from_db()
    assert held.status == Decision.Status.APPLIED


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method"]
)
def test_a_method_that_a_header_names_is_not_the_method(
    header: str, held: Decision, lead_at: Browser, reader: Caller, registrar: Caller, rows: Rows
) -> None:
    before = rows()
    door = reverse("admin:enforcement_decision_approve", args=[held.pk])
    assert lead_at.get(door, form(held), headers={header: "POST"}).status_code == 200
    assert lead_at.get(door, form(held) | {"_method": "POST"}).status_code == 200
    assert_problem(reader.post("/cases", {}, **{header: "GET"}), 405)
    keyed = {"Authorization": f"Bearer {registrar.key}", header: "PUT"}
    assert registrar.browser.get("/api/v1/accounts/nobody", headers=keyed).status_code == 404
    assert rows() == before


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost:80@evil.example", "", "a b"])
def test_a_host_that_is_not_ours_is_answered_nowhere(host: str) -> None:
    for address in ("/admin/login/", "/api/v1/cases", "/api/docs/", "/api/schema/"):
        assert Browser().get(address, headers={"Host": host}).status_code == 400, address


SPOOFED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "1",
    "X-Forwarded-For": "10.0.0.1",
    "X-Real-IP": "10.0.0.1",
    "X-Original-URL": "/admin/",
    "X-Rewrite-URL": "/admin/",
    "Forwarded": "host=evil.example;proto=https",
}


def test_what_a_request_says_of_its_way_decides_no_address(reader: Caller, warned_case: Case, lead: User) -> None:
    headers = {"Authorization": f"Bearer {reader.key}", **SPOOFED}
    with unguarded("enforcement_case"):
        Case.objects.bulk_create(_closed(warned_case, 101))
    answer = reader.browser.get("/api/v1/cases", headers=headers)
    assert answer.json()["next"].startswith("http://localhost:8000/api/v1/cases?")
    assert "evil.example" not in answer.content.decode()
    for address in ("/admin/", "/admin/login/", "/api/docs/", "/api/schema/", "/healthz"):
        answer = Browser().get(address, headers=SPOOFED)
        assert "evil.example" not in str(answer.headers) + answer.content.decode(), address
        assert "Strict-Transport-Security" not in answer.headers


def _closed(case: Case, number: int) -> list[Case]:
    common = {"account": case.account, "policy": case.policy, "rule": case.rule, "opened_at": case.opened_at}
    return [
        Case(**common, reference=f"AE-TEST-{each:04}", state="closed", outcome="cured", closed_at=case.opened_at)
        for each in range(number)
    ]


def test_links_in_memos_are_built_from_the_setting(warned_case: Case) -> None:
    """They are rendered where there is no request at all."""
    memo = Memo.objects.get(case=warned_case)
    assert "http://localhost:8000/" in memo.text


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_logging_in_leads_to_no_other_site(lead_at: Browser, target: str) -> None:
    browser = Browser()
    given = {"username": "leo", "password": PASSWORD, "next": target}
    answer = browser.post(f"{reverse('admin:login')}?next={target}", given)
    assert (answer.status_code, answer["Location"]) == (302, reverse("admin:index"))


def test_a_key_works_from_nowhere_but_the_header(db: None) -> None:
    """An address reaches logs, a cookie is sent by the browser itself."""
    key = keys.issue("a-reader", "reader", lasts=None)
    browser = Browser()
    browser.cookies["Authorization"] = f"Bearer {key}"
    for parameters in ({"key": key}, {"access_token": key}, {"api_key": key}):
        assert browser.get("/api/v1/cases", parameters).status_code == 401
    assert browser.get("/api/v1/cases", headers={"X-API-Key": key}).status_code == 401
