"""What a request names is never a name in a query (F66)."""

import ast
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from enforcement.models import Account, Case, Evidence
from tests.api.conftest import Caller, assert_problem, item

pytestmark = pytest.mark.django_db

SQL = [
    "' OR 1=1 --",
    '" OR ""="',
    "1; DROP TABLE enforcement_case",
    "1)) OR 1=1--",
    "\\'; --",
    "%27",
    "1 UNION SELECT 1",
]
LOOKUPS = [
    "state__in", "account__external_id", "account__contacts__email__startswith", "decisions__proposed_by__password__gt",
    "_connector", "_negated", "pk__gte", "id", "order_by", "ordering", "fields", "limit", "offset",
]  # fmt: skip


# -- the API ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOOKUPS)
def test_a_parameter_of_the_api_is_never_a_lookup(reader: Caller, gateway: Caller, name: str) -> None:
    assert_problem(reader.get("/cases", **{name: "OR"}), 400, name)
    assert_problem(gateway.get("/gateway/decision", account="shenzhen", **{name: "OR"}), 400, name)


@pytest.mark.parametrize("value", SQL)
def test_a_value_of_the_api_is_never_a_statement(reader: Caller, gateway: Caller, in_review: Case, value: str) -> None:
    for name in ("state", "account", "due_before", "cursor"):
        assert_problem(reader.get("/cases", **{name: value}), 400, name)
    for name in ("account", "country", "ip"):
        assert_problem(gateway.get("/gateway/decision", **{"account": "shenzhen", name: value}), 400, name)
    answer = gateway.get("/gateway/decision", account="shenzhen", credential=value, subdivision=value[:16])
    assert answer.json()["allow"] is True
    for path in (f"/cases/{value}", f"/accounts/{value}", f"/accounts/{value}/timeline"):
        assert reader.get(path).status_code == 404
    assert Case.objects.count() == 1


@pytest.mark.parametrize("key", ["a'b", 'a"b', "a->>b", "a]--", "__class__", "$where", "a%sb", "%(x)s", "{0}"])
def test_a_key_of_details_is_data(sender: Caller, key: str) -> None:
    assert sender.post("/evidence", item(details={key: {key: [key]}})).status_code == 202
    assert Evidence.objects.get().details == {key: {key: [key]}}


# -- the console -----------------------------------------------------------------------------------------------------


def lists() -> list[str]:
    models = [each._meta for each in admin.site._registry]
    return [reverse(f"admin:{each.app_label}_{each.model_name}_changelist") for each in models]


@pytest.fixture
def browser(lead: User) -> Browser:
    found = Browser()
    found.force_login(lead)
    return found


def secret_of(person: User) -> str:
    """How the digest of a password begins: what a lookup could find out letter by letter."""
    person.set_password("correct-horse-9-battery")
    person.save()
    return person.password[:20]


@pytest.mark.parametrize(
    "lookup",
    [
        "decisions__proposed_by__password__startswith", "decided_by__password__startswith",
        "proposed_by__password__startswith", "client__keys__digest", "account__contacts__email__startswith",
        "contacts__email__startswith", "_connector", "pk__in", "state__regex",
    ],
)  # fmt: skip
def test_a_list_is_filtered_by_what_it_offers_and_by_nothing_else(
    browser: Browser, in_review: Case, officer: User, lookup: str
) -> None:
    """Whatever the lookup would find, the page is the same, so it tells nothing."""
    for address in lists():
        answers = [browser.get(address, {lookup: value}, follow=True) for value in (secret_of(officer), "nonsense")]
        assert {each.status_code for each in answers} <= {200, 400, 403}, address
        first, second = (_rows(each) for each in answers)
        assert first == second, address


def _rows(answer: Any) -> list[int] | None:
    """The rows on the page; None where there is no list."""
    found = (answer.context or {}).get("cl")
    return None if found is None else [row.pk for row in found.result_list]


@pytest.mark.parametrize("value", [*SQL, "\x00", "9" * 400, "-1", "x" * 5000])
@pytest.mark.parametrize("name", ["q", "o", "p", "state", "status", "sort", "waits", "e", "all", "_facets", "_popup"])
def test_no_value_in_the_address_of_a_list_is_a_statement_or_an_error(
    browser: Browser, in_review: Case, name: str, value: str
) -> None:
    for address in (reverse("admin:enforcement_case_changelist"), reverse("admin:enforcement_account_changelist")):
        assert browser.get(address, {name: value}, follow=True).status_code in (200, 400, 403)
    assert Account.objects.count() == 1


# -- the code --------------------------------------------------------------------------------------------------------

_ASKING = {"filter", "exclude", "get", "annotate", "alias", "order_by", "values", "values_list", "Q", "aggregate"}


def test_no_door_hands_what_a_request_names_to_a_query() -> None:
    """`filter(**request.GET.dict())` lets anybody name columns, joins and connectors."""
    found = [
        f"{path.relative_to(settings.BASE_DIR)}:{call.lineno}"
        for path in Path(settings.BASE_DIR, "enforcement").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and _name(call.func) in _ASKING and any(_is_asked(each) for each in _spread(call))
    ]
    assert not found


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _spread(call: ast.Call) -> list[ast.expr]:
    doubles = [each.value for each in call.keywords if each.arg is None]
    return doubles + [each.value for each in call.args if isinstance(each, ast.Starred)]


def _is_asked(spread: ast.expr) -> bool:
    words = {node.id for node in ast.walk(spread) if isinstance(node, ast.Name)}
    return bool(words & {"request", "params", "parameters", "asked", "query", "given", "data", "document"})
