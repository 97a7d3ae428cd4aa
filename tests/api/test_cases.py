"""GET /cases, and a case with all that was decided, written and contested."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from enforcement.models import Account, Case, Client, Decision, PolicyVersion
from enforcement.services import appeals, clock
from tests.api.conftest import Caller, assert_problem
from tests.conftest import make_account
from tests.stage import see, sighting, suspended, warned

Told = Callable[[], None]


@pytest.fixture
def three_cases(detector: Client, policy: PolicyVersion) -> list[Account]:
    """One suspended, one warned, one in review."""
    accounts = [make_account(name) for name in ("first", "second", "third")]
    suspended(accounts[0], detector)
    warned(accounts[1], detector)
    see(detector, sighting(accounts[2], clock.now(), requests=4))
    return accounts


def names(answer: object) -> list[str]:
    return [case["account"] for case in answer.json()["results"]]  # type: ignore[attr-defined]


def test_cases_are_listed_newest_first(reader: Caller, three_cases: list[Account]) -> None:
    answer = reader.get("/cases")
    assert (names(answer), answer.json()["next"]) == (["third", "second", "first"], None)


@pytest.mark.parametrize(
    ("state", "expected"), [("suspended", ["first"]), ("warned", ["second"]), ("open", ["third"]), ("blocked", [])]
)
def test_cases_are_found_by_state(reader: Caller, three_cases: list[Account], state: str, expected: list[str]) -> None:
    assert names(reader.get("/cases", state=state)) == expected


def test_cases_are_found_by_account(reader: Caller, three_cases: list[Account]) -> None:
    assert names(reader.get("/cases", account="second")) == ["second"]
    assert names(reader.get("/cases", account="nobody")) == []


def test_cases_are_found_by_deadline(reader: Caller, three_cases: list[Account]) -> None:
    due_at = Case.objects.get(account=three_cases[1]).due_at
    assert due_at is not None
    assert names(reader.get("/cases", due_before=due_at.isoformat())) == []
    assert names(reader.get("/cases", due_before=(due_at + timedelta(seconds=1)).isoformat())) == ["second"]
    assert names(reader.get("/cases", state="", account="", due_before="")) == ["third", "second", "first"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("state", "sleeping"), ("state", "WARNED"), ("account", "a b"), ("account", "a\0b"), ("due_before", "soon"),
     ("due_before", "2026-06-10T12:00:00"), ("cursor", "x"), ("cursor", "-1"), ("cursor", "9" * 30), ("stat", "warned"),
     ("limit", "5")],
)  # fmt: skip
def test_a_bad_filter_is_named(reader: Caller, name: str, value: str) -> None:
    assert_problem(reader.get("/cases", **{name: value}), 400, name)


@override_settings(PUBLIC_URL="https://ae.example")
def test_pages_follow_each_other_without_gap_or_repeat(reader: Caller, policy: PolicyVersion) -> None:
    for number in range(205):
        account = Account.objects.create(external_id=f"org-{number}")
        Case.objects.create(reference=f"AE-{number}", account=account, policy=policy, rule="five")
    seen, parameters = [], {"state": "open"}
    for size in (100, 100, 5):
        answer = reader.get("/cases", **parameters)
        assert len(names(answer)) == size
        seen += names(answer)
        following = answer.json()["next"]
        if following:
            assert following.startswith("https://ae.example/api/v1/cases?")
            parameters = {name: values[0] for name, values in parse_qs(urlsplit(following).query).items()}
    assert following is None
    assert seen == [f"org-{number}" for number in reversed(range(205))]


def test_a_case_tells_what_was_decided_written_and_contested(
    reader: Caller, account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    case = suspended(account_outside, detector)
    decision = Decision.objects.get(case=case, step="suspend")
    appeals.file(decision_id=decision.pk, statement="We moved.", now=clock.now())
    found = reader.get(f"/cases/{case.reference}").json()
    assert (found["case"], found["account"], found["state"], found["outcome"]) == (
        case.reference, "shenzhen", "suspended", None,
    )  # fmt: skip
    assert [(each["step"], each["status"], each["automated"]) for each in found["decisions"]] == [
        ("warn", "applied", True), ("suspend", "applied", True),
    ]  # fmt: skip
    memo = found["memos"][0]
    assert (memo["kind"], memo["language"], bool(memo["subject"])) == ("warning", "en", True)
    assert memo["accepted_at"]
    assert memo["told_due_at"]
    (appeal,) = found["appeals"]
    assert (appeal["decision"], appeal["status"], appeal["suspensive"]) == (decision.pk, "open", True)
    assert "statement" not in appeal


def test_the_statement_of_reasons_tells_the_newest_decision_in_force(
    reader: Caller, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    told = reader.get(f"/cases/{case.reference}").json()["statement_of_reasons"]
    assert (told["step"], told["restrictions"], told["automated_decision"]) == ("warn", [], True)
    assert told["ground"] == {
        "policy": "small", "version": policy.pk, "reference_url": "https://example.com/supported-countries",
        "rule": "five", "basis": None, "legal_basis": None,
    }  # fmt: skip
    assert (told["facts"]["territories"], told["facts"]["unsupported_requests"]) == ([["CN", 10]], 10)
    accepted_at = Case.objects.get().accepted_at
    assert accepted_at is not None
    until = accepted_at + policy.rules.appeals.window
    assert told["redress"]["until"] == until.isoformat().replace("+00:00", "Z")


def test_a_suspension_s_statement_names_its_restriction(
    reader: Caller, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = suspended(account_outside, detector)
    told = reader.get(f"/cases/{case.reference}").json()["statement_of_reasons"]
    assert (told["step"], told["restrictions"]) == ("suspend", [{"scope": "account", "value": None}])
    assert told["redress"]["until"] is None  # nobody took its memo yet


def test_a_case_in_review_has_no_statement(
    reader: Caller, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=4))
    reference = Case.objects.get().reference
    assert reader.get(f"/cases/{reference}").json()["statement_of_reasons"] is None


@pytest.mark.parametrize("reference", ["AE-0000-0000", "5", "a%00b", "x" * 300, "%F0%9F%98%80"])
def test_a_case_that_is_not_known_is_404(reader: Caller, reference: str) -> None:
    assert_problem(reader.get(f"/cases/{reference}"), 404)
