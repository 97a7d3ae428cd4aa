"""An error is the same document wherever it happens, and nothing that was asked for is passed over in silence."""

import pytest
from django.test import Client as Browser

from enforcement.api.problems import document
from enforcement.models import Account, Evidence
from tests.api.conftest import Caller, assert_problem, item


@pytest.mark.parametrize(
    ("method", "path", "accepts", "status"),
    [
        ("GET", "/api/schema/", "text/html", 406),
        ("POST", "/api/schema/", "*/*", 405),
        ("GET", "/api/schema/?format=pdf", "*/*", 404),
        ("GET", "/api/docs/", "application/json", 406),
        ("POST", "/api/docs/", "text/html", 405),
        ("GET", "/api/v1/cases", "text/html", 406),
        ("GET", "/api/nowhere", "text/html", 404),
    ],
)
def test_a_problem_is_json_whatever_form_the_address_has_usually(
    db: None, method: str, path: str, accepts: str, status: int
) -> None:
    assert_problem(Browser().generic(method, path, headers={"Accept": accepts}), status)


@pytest.mark.parametrize(
    ("status", "title"),
    [(400, "Bad Request"), (404, "Not Found"), (413, "Content Too Large"), (422, "Unprocessable Content"),
     (429, "Too Many Requests"), (503, "Service Unavailable")],
)  # fmt: skip
def test_titles_are_those_of_rfc_9110_on_every_python(status: int, title: str) -> None:
    assert document(status, "So.")["title"] == title


def test_a_parameter_that_a_call_does_not_know_is_refused_and_nothing_is_done(
    sender: Caller, registrar: Caller, reader: Caller, gateway: Caller, account_at_home: Account
) -> None:
    for answer in (
        sender.post("/evidence?dry_run=1", [item()]),
        registrar.post("/accounts?dry_run=1", [{"external_id": "new"}]),
        registrar.put("/accounts/new?dry_run=1", {}),
        reader.get("/accounts/berlin", dry_run="1"),
        reader.get("/accounts/berlin/timeline", dry_run="1"),
        reader.get("/cases", dry_run="1"),
        reader.get("/cases/AE-1", dry_run="1"),
        gateway.get("/gateway/decision", account="berlin", dry_run="1"),
    ):
        assert_problem(answer, 400, "dry_run")
    assert not Evidence.objects.exists()
    assert not Account.objects.filter(external_id="new").exists()


def test_a_cursor_that_stands_twice_is_refused(reader: Caller, account_at_home: Account) -> None:
    assert_problem(reader.get("/accounts/berlin/timeline?cursor=1&cursor=2"), 400, "cursor")
