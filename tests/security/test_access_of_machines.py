"""Every cell of the machines' table in docs/access.md, tried over HTTP, and what is open to everybody."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import get_resolver, reverse

from enforcement.models import Account, Case, Client, Evidence
from enforcement.services import clock, intake
from tests.api.conftest import Caller, item
from tests.security.access_table import PAGE, Row, table, undone

pytestmark = pytest.mark.django_db

MACHINES = table("call")
Rows = Callable[[], dict[str, str]]

# The body of each call, if any; the objects in the address exist.
BODIES: dict[str, Any] = {
    "POST /evidence": [item("seen-1", account="shenzhen")],
    "PUT /accounts/{id}": {"plan": "pro"},
    "POST /accounts": [{"external_id": "shenzhen", "plan": "pro"}],
    "PUT /cases/{id}": {"state": "closed"},
}


@pytest.mark.parametrize("row", MACHINES, ids=str)
def test_a_key_does_what_the_table_says_and_nothing_else(
    row: Row, warned_case: Case, detector: Client, caller: Callable[[str], Caller], rows: Rows
) -> None:
    if "another detector" in row.which:
        intake.record(detector, [item("seen-1", account="another-s", requests=7)], now=clock.now())
    callers = {column: Caller(None) if column == "no key" else caller(column) for column in row.cells}
    found = {}
    for column, each in callers.items():
        with undone():
            found[column] = called(each, row, warned_case, rows)
    assert found == row.cells


def called(caller: Caller, row: Row, case: Case, rows: Rows) -> str:
    method, path = row.what.split()
    path = path.replace("{id}", case.reference if "cases" in path else case.account.external_id)
    before = rows()
    body = BODIES.get(row.what)
    if body is not None:
        answer = getattr(caller, method.lower())(path, body)
    else:
        answer = caller.call(method, path + ("?account=shenzhen" if "gateway" in path else ""))
    if answer.status_code in (200, 202):
        return "yes"
    assert answer.status_code == (401 if caller.key is None else 403 if _exists(row) else 405)
    assert rows() == before
    return "no"


def _exists(row: Row) -> bool:
    """Some key may make this call."""
    return "yes" in row.cells.values()


def test_every_call_of_the_api_stands_in_the_table() -> None:
    found = {str(each.pattern) for each in get_resolver("enforcement.api.urls").url_patterns}
    told = {row.what.split()[1].lstrip("/") for row in MACHINES if _exists(row)}
    assert told == {re.sub("<[^>]*>", "{id}", address) for address in found}


def test_the_id_of_another_detectors_item_is_free_and_tells_nothing(
    account_outside: Account, detector: Client, sender: Caller
) -> None:
    intake.record(detector, [item("seen-1", account="shenzhen", requests=7)], now=clock.now())
    answer = sender.post("/evidence", [item("seen-1", account="berlin", requests=1)]).json()
    assert (answer["accepted"], answer["items"]) == (1, [])
    assert set(Evidence.objects.values_list("detector__name", "account__external_id", "requests")) == {
        ("edge-logs", "shenzhen", 7),
        ("a-detector", "berlin", 1),
    }


def test_the_session_of_a_person_is_no_key_and_a_key_is_no_session(lead: User, reader: Caller) -> None:
    browser = Browser()
    browser.force_login(lead)
    assert browser.get("/api/v1/cases").status_code == 401
    answer = Browser().get(reverse("admin:index"), headers={"Authorization": f"Bearer {reader.key}"})
    assert answer["Location"].startswith(reverse("admin:login"))


# -- what is open to everybody ---------------------------------------------------------------------------------------


def test_what_is_open_to_everybody_is_named() -> None:
    told = set(re.findall("`(/[a-z/]+)`", PAGE.read_text(encoding="utf-8").split("## Everybody")[1]))
    open_to_all = {address for address in _addresses() if Browser().get(address).status_code == 200}
    assert open_to_all == told - {"/static/"}


def _addresses() -> set[str]:
    """The project's own, without those that stand in the tables."""
    found = {f"/{each.pattern}" for each in get_resolver().url_patterns}
    return {each for each in found if not each.startswith(("/admin/", "/api/v1/"))}


def test_figures_are_for_those_whom_a_setting_names(lead: User, reader: Caller, settings: Any) -> None:
    person = Browser()
    person.force_login(lead)
    keyed = {"Authorization": f"Bearer {reader.key}"}
    assert {each.status_code for each in (person.get("/metrics"), person.get("/metrics", headers=keyed))} == {403}
    settings.METRICS_TOKEN = "of-the-scraper"
    assert Browser().get("/metrics", headers={"Authorization": "Bearer of-the-scraper"}).status_code == 200
    assert Browser().get("/metrics", headers={"Authorization": "Bearer of-the-scrape"}).status_code == 403
