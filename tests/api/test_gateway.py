"""GET /gateway/decision: restrictions decide, then the list as the policy's `edge` says."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from benchmarks.unguarded import unguarded
from enforcement.models import Account, Case, Client, Decision, PolicyVersion, Restriction
from enforcement.rules.transitions import Step
from enforcement.services import appeals, clock, review
from enforcement.services.gateway import Question, decide
from tests.api.conftest import Caller, assert_problem
from tests.conftest import SMALL_POLICY
from tests.stage import DAY, answer_mail, pass_time, see, sighting, suspended, the_case, warned

REFUSE = SMALL_POLICY.replace("sanctioned: [UA-43]", "sanctioned: [UA-43]\n  edge: refuse")
AFTER_NOTICE = SMALL_POLICY.replace("sanctioned: [UA-43]", "sanctioned: [UA-43]\n  edge: refuse_after_notice")
RESTRICT = SMALL_POLICY.replace("deadline: {step: suspend", "deadline: {step: restrict_territory")
OUTSIDE, AT_HOME, UNRESOLVED, UNKNOWN = (
    {"country": "CN"},
    {"country": "DE"},
    {"subdivision": "UA-65"},
    {"country": "EU"},
)

Activate = Callable[[str], PolicyVersion]


def ask(gateway: Caller, account: str = "shenzhen", **known: str) -> dict[str, Any]:
    answer = gateway.get("/gateway/decision", account=account, **known)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    assert set(found) == {"allow", "reason_code", "scope", "since", "case", "notice", "seq"}
    assert found["allow"] == (found["reason_code"] is None) == (found["scope"] is None)
    return found


def reason(gateway: Caller, account: str = "shenzhen", **known: str) -> str | None:
    return ask(gateway, account, **known)["reason_code"]


def restricted(account: Account, detector: Client) -> None:
    """Traffic from unsupported territory is refused since the deadline."""
    case = warned(account, detector)
    clock.move_to(case.due_at + DAY / 24)
    see(detector, sighting(account, clock.now()))
    pass_time(DAY * 0)
    assert the_case(account).state == "restricted"


# -- restrictions ----------------------------------------------------------------------------------------------------


def test_an_unknown_account_is_treated_as_nobody(gateway: Caller, policy: PolicyVersion) -> None:
    assert ask(gateway, "nobody", **OUTSIDE) == {
        "allow": True, "reason_code": None, "scope": None, "since": None, "case": None, "notice": None, "seq": 0,
    }  # fmt: skip


def test_without_any_policy_everything_passes(gateway: Caller, account_outside: Account) -> None:
    assert ask(gateway, **OUTSIDE)["allow"]


def test_a_suspended_account_is_refused_whatever_else_is_known(
    gateway: Caller, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = suspended(account_outside, detector)
    for known in ({}, OUTSIDE, AT_HOME, UNKNOWN, {"credential": "sk-1"}):
        found = ask(gateway, **known)
        assert (found["reason_code"], found["scope"], found["case"]) == ("account_suspended", "account", case.reference)
        assert found["since"]


def test_a_blocked_account_is_refused(
    gateway: Caller, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    suspended(account_outside, detector)
    answer_mail()
    pass_time(DAY / 24)
    pass_time(31 * DAY)
    assert reason(gateway, **AT_HOME) == "account_blocked"


def test_a_reinstated_account_is_allowed_at_once(
    gateway: Caller, account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
) -> None:
    case = suspended(account_outside, detector)
    decision = Decision.objects.get(case=case, step="suspend")
    appeal = appeals.file(decision_id=decision.pk, statement="An edge.", now=clock.now())
    appeals.decide(appeal_id=appeal.pk, overturn=True, reason="It was an edge.", by=officer, now=clock.now())
    assert ask(gateway, **OUTSIDE)["allow"]


@pytest.mark.parametrize("known", [AT_HOME, UNRESOLVED, UNKNOWN, {}, {"subdivision": "CN-99"}])
def test_territory_traffic_refuses_only_what_is_unsupported(
    gateway: Caller, account_outside: Account, detector: Client, activate: Activate, known: dict[str, str]
) -> None:
    activate(RESTRICT)
    restricted(account_outside, detector)
    found = ask(gateway, **OUTSIDE)
    assert (found["reason_code"], found["scope"]) == ("unsupported_country_region_territory", "territory_traffic")
    assert ask(gateway, **known)["allow"]


def test_a_restricted_credential_refuses_itself_only(
    gateway: Caller, account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    case = warned(account_outside, detector)
    clock.move_to(case.due_at + DAY / 24)
    held = review.propose(
        case_id=case.pk, step=Step.RESTRICT, reason="One key.", by=officer, now=clock.now(), version=case.version,
        credentials=["sk-1", "sk-2"],
    )  # fmt: skip
    review.approve(decision_id=held.pk, reason="Yes.", by=lead, now=clock.now())
    found = ask(gateway, credential="sk-1", **AT_HOME)
    assert (found["reason_code"], found["scope"], found["case"]) == (
        "credential_restricted", "credential", case.reference,
    )  # fmt: skip
    assert reason(gateway, credential="sk-2") == "credential_restricted"
    for known in ({}, {"credential": "sk-3"}, {"credential": "SK-1"}, OUTSIDE):
        assert ask(gateway, **known)["allow"]


def test_the_strictest_restriction_names_the_reason(
    gateway: Caller, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = suspended(account_outside, detector)
    decision = Decision.objects.get(case=case, step="suspend")
    for scope, value, code in (("territory_traffic", "", "unsupported_country_region_territory"),
                               ("credential", "sk-1", "credential_restricted")):  # fmt: skip
        Restriction.objects.create(
            account=account_outside, case=case, decision=decision, scope=scope, value=value, reason_code=code,
            since=clock.now(),
        )  # fmt: skip
    assert reason(gateway, credential="sk-1", **OUTSIDE) == "account_suspended"
    with unguarded("enforcement_restriction"):
        Restriction.objects.filter(scope="account").delete()
    assert reason(gateway, credential="sk-1", **OUTSIDE) == "credential_restricted"
    assert reason(gateway, credential="sk-3", **OUTSIDE) == "unsupported_country_region_territory"


# -- the list --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("account", ["shenzhen", "nobody"])
def test_edge_observe_refuses_nobody(
    gateway: Caller, account_outside: Account, policy: PolicyVersion, account: str
) -> None:
    assert ask(gateway, account, **OUTSIDE)["allow"]


@pytest.mark.parametrize("account", ["shenzhen", "nobody"])
def test_edge_refuse_refuses_unsupported_territory_to_everybody(
    gateway: Caller, account_outside: Account, activate: Activate, account: str
) -> None:
    activate(REFUSE)
    assert ask(gateway, account, **OUTSIDE) == {
        "allow": False, "reason_code": "unsupported_country_region_territory", "scope": "territory_traffic",
        "since": None, "case": None, "notice": None, "seq": 0,
    }  # fmt: skip
    assert reason(gateway, account, subdivision="UA-43")
    for known in (AT_HOME, UNRESOLVED, UNKNOWN, {}):
        assert ask(gateway, account, **known)["allow"]


def test_the_list_names_no_case_of_an_account_that_was_told_nothing(
    gateway: Caller, account_outside: Account, detector: Client, activate: Activate
) -> None:
    activate(REFUSE)
    see(detector, sighting(account_outside, clock.now(), requests=4))
    assert the_case(account_outside).state == "open"
    assert ask(gateway, **OUTSIDE)["case"] is None


def test_edge_refuse_after_notice_waits_for_the_deadline(
    gateway: Caller, account_outside: Account, detector: Client, activate: Activate
) -> None:
    activate(AFTER_NOTICE)
    case = warned(account_outside, detector)
    question = Question("shenzhen", country="CN")
    assert decide(question, now=case.due_at - timedelta.resolution)["allow"]
    assert not decide(question, now=case.due_at)["allow"]
    clock.move_to(case.due_at)
    found = ask(gateway, **OUTSIDE)
    assert (found["reason_code"], found["case"]) == ("unsupported_country_region_territory", case.reference)
    assert ask(gateway, **AT_HOME)["allow"]
    assert ask(gateway, "nobody", **OUTSIDE)["allow"]


def test_edge_refuse_after_notice_spares_an_account_whose_clock_is_stopped(
    gateway: Caller, account_outside: Account, detector: Client, activate: Activate
) -> None:
    activate(AFTER_NOTICE)
    case = warned(account_outside, detector)
    appeals.file(decision_id=Decision.objects.get(case=case).pk, statement="No.", now=clock.now())
    clock.move_to(case.due_at + DAY)
    assert ask(gateway, **OUTSIDE)["allow"]


def test_edge_refuse_after_notice_spares_an_account_that_nobody_could_write_to(
    gateway: Caller, account_outside: Account, detector: Client, activate: Activate
) -> None:
    activate(AFTER_NOTICE)
    see(detector, sighting(account_outside, clock.now()))
    clock.advance(60 * DAY)
    assert ask(gateway, **OUTSIDE)["allow"]


def test_an_address_is_located_where_no_country_is_given(gateway: Caller, activate: Activate) -> None:
    activate(REFUSE)
    assert reason(gateway, "nobody", ip="114.114.114.114")
    assert ask(gateway, "nobody", ip="8.8.8.8")["allow"]
    assert ask(gateway, "nobody", ip="10.0.0.1")["allow"]
    assert ask(gateway, "nobody", ip="114.114.114.114", country="DE")["allow"]
    assert ask(gateway, "nobody", ip="114.114.114.114", country="EU")["allow"]


# -- the notice ------------------------------------------------------------------------------------------------------


def test_a_running_notice_is_told_with_its_due_date(
    gateway: Caller, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    assert ask(gateway)["notice"] is None  # nobody was told yet
    case = warned_again(account_outside)
    due_at = case.due_at.isoformat().replace("+00:00", "Z")
    assert ask(gateway)["notice"] == {"case": case.reference, "due_at": due_at}
    assert ask(gateway, **OUTSIDE)["allow"]
    clock.move_to(case.due_at)
    assert ask(gateway)["notice"] is None


def warned_again(account: Account) -> Any:
    """A mail server takes the warning, and the clock starts."""
    answer_mail()
    pass_time(DAY * 0)
    return the_case(account)


def test_a_stopped_notice_is_not_told(
    gateway: Caller, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    appeals.file(decision_id=Decision.objects.get(case=case).pk, statement="No.", now=clock.now())
    assert ask(gateway)["notice"] is None


def test_a_case_that_was_closed_says_nothing_any_more(
    gateway: Caller, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    old = warned(account_outside, detector)
    pass_time(16 * DAY)
    old.refresh_from_db()
    assert old.state == "closed"
    assert ask(gateway)["notice"] is None
    see(detector, sighting(account_outside, clock.now()))
    answer_mail()
    pass_time(DAY * 0)
    new = Case.objects.exclude(pk=old.pk).get()
    assert ask(gateway)["notice"]["case"] == new.reference


# -- the question ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [("account", ""), ("account", "a b"), ("account", "a\0"), ("country", "cn"), ("country", "CHN"), ("ip", "x"),
     ("ip", "1.2.3"), ("ip", "fe80::1%1"), ("credential", "x" * 129), ("credential", "a\0"), ("contry", "CN")],
)  # fmt: skip
def test_a_bad_parameter_is_named(gateway: Caller, policy: PolicyVersion, name: str, value: str) -> None:
    assert_problem(gateway.get("/gateway/decision", **({"account": "shenzhen"} | {name: value})), 400, name)


def test_an_account_has_to_be_named_once(gateway: Caller) -> None:
    assert_problem(gateway.get("/gateway/decision", country="CN"), 400, "account")
    assert_problem(gateway.call("GET", "/gateway/decision?account=a&account=b"), 400, "account")


def test_an_answer_takes_few_queries(
    gateway: Caller, account_outside: Account, detector: Client, policy: PolicyVersion,
    django_assert_num_queries: Any,
) -> None:  # fmt: skip
    suspended(account_outside, detector)
    ask(gateway)
    with django_assert_num_queries(3):  # the key, the clock, all that is on record
        ask(gateway, **OUTSIDE)
