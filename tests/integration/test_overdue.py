"""Whoever waits for our answer longer than we promised is refused less meanwhile."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from enforcement.models import Account, Appeal, Brake, Case, Client, Decision, PolicyVersion, Restriction
from enforcement.rules.transitions import Step
from enforcement.services import appeals, cases, clock, gateway, overdue, queries, review, sweep, switches
from enforcement.services.gateway import Question
from tests.conftest import SMALL_POLICY, make_account
from tests.stage import DAY, answer_mail, pass_time, see, sighting, suspended, the_case, warned

pytestmark = pytest.mark.django_db


def file(account: Account, step: str) -> Appeal:
    decision = Decision.objects.get(case__account=account, step=step, status="applied")
    return appeals.file(decision_id=decision.pk, statement="We were travelling.", now=clock.now())


def uphold(appeal: Appeal, by: User) -> Appeal:
    return appeals.decide(appeal_id=appeal.pk, overturn=False, reason="No travel.", by=by, now=clock.now())


def told(account: Account, detector: Client) -> Case:
    """A suspended account whose memo was accepted, and whose block is thirty days away."""
    suspended(account, detector)
    answer_mail()
    sweep.sweep(now=clock.now())
    return the_case(account)


def passes(account: Account, country: str) -> bool:
    return bool(gateway.decide(Question(account=account.external_id, country=country), now=clock.now())["allow"])


def document(account: Account) -> dict[str, Any]:
    found = queries.account(account.external_id)
    assert found is not None
    return found


@pytest.fixture
def narrowed(account_outside: Account, detector: Client, policy: PolicyVersion) -> Appeal:
    """The appeal against a suspension that nobody has decided in time."""
    told(account_outside, detector)
    filed = file(account_outside, "suspend")
    pass_time(14 * DAY + timedelta(minutes=1))
    filed.refresh_from_db()
    return filed


def test_within_the_time_that_we_have_nothing_is_narrowed(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    told(account_outside, detector)
    filed = file(account_outside, "suspend")
    pass_time(14 * DAY - timedelta(minutes=1))
    filed.refresh_from_db()
    assert filed.escalated_at is None
    assert not passes(account_outside, "DE")
    assert document(account_outside)["standing"] == "suspended"


def test_past_it_traffic_from_supported_territory_passes_again(narrowed: Appeal, account_outside: Account) -> None:
    assert narrowed.escalated_at is not None
    assert passes(account_outside, "DE")
    assert not passes(account_outside, "CN")


def test_the_account_is_shown_as_it_feels(narrowed: Appeal, account_outside: Account) -> None:
    shown = document(account_outside)
    assert shown["standing"] == "restricted"
    assert [(each["scope"], each["reason_code"]) for each in shown["restrictions"]] == [
        ("territory_traffic", "unsupported_country_region_territory")
    ]
    assert (shown["capabilities"]["requests"], shown["capabilities"]["top_up"]) == ("narrowed", True)


def test_the_case_stays_what_it_is_and_says_since_when_it_is_narrowed(
    narrowed: Appeal, account_outside: Account
) -> None:
    case = the_case(account_outside)
    shown = queries.case(case.reference)
    assert shown is not None
    assert (shown["state"], shown["narrowed_at"]) == ("suspended", narrowed.escalated_at)
    assert (shown["appeals"][0]["decide_by"], shown["appeals"][0]["escalated_at"]) == (
        narrowed.decide_by,
        narrowed.escalated_at,
    )
    step = shown["decisions"][-1]
    assert (step["step"], step["status"], step["automated"], step["people"]) == ("narrow", "applied", True, 0)
    happened = [each["what"] for each in queries.timeline(account_outside.external_id) or ()]
    assert [each for each in happened if each in ("appeal.filed", "appeal.overdue", "case.narrowed")] == [
        "appeal.filed",
        "case.narrowed",
        "appeal.overdue",
    ]


def test_the_reasons_stay_those_of_the_suspension_with_what_is_refused_now(
    narrowed: Appeal, account_outside: Account
) -> None:
    shown = queries.case(the_case(account_outside).reference)
    assert shown is not None
    reasons = shown["statement_of_reasons"]
    assert (reasons["decision"], reasons["step"]) == (narrowed.decision_id, "suspend")
    assert reasons["restrictions"] == [{"scope": "territory_traffic", "value": None}]
    assert reasons["redress"]["until"] is not None


def test_nothing_is_sent_for_it(narrowed: Appeal, account_outside: Account) -> None:
    assert the_case(account_outside).memos.latest("pk").kind == "suspension"


def test_upheld_afterwards_the_suspension_stands_again_at_once(
    narrowed: Appeal, account_outside: Account, lead: User
) -> None:
    decided = uphold(narrowed, lead)
    case = the_case(account_outside)
    assert not passes(account_outside, "DE")
    assert (case.state, case.narrowed_at, document(account_outside)["standing"]) == ("suspended", None, "suspended")
    widened = case.decisions.latest("pk")
    assert (widened.step, widened.proposed_by, widened.reason) == ("widen", lead, "No travel.")
    assert case.due_at is not None
    assert case.due_at >= decided.decided_at + 7 * DAY
    assert Restriction.objects.filter(lifted_at=None).count() == 1


def test_overturned_afterwards_nothing_is_refused(narrowed: Appeal, account_outside: Account, lead: User) -> None:
    appeals.decide(appeal_id=narrowed.pk, overturn=True, reason="An edge.", by=lead, now=clock.now())
    case = the_case(account_outside)
    assert passes(account_outside, "CN")
    assert (case.state, case.outcome, case.narrowed_at) == ("closed", "reinstated", None)
    assert not Restriction.objects.filter(lifted_at=None).exists()


def test_it_happens_once(narrowed: Appeal, account_outside: Account) -> None:
    again = overdue.escalate(now=clock.now())
    assert (again.done, again.failed) == (0, 0)
    pass_time(30 * DAY)
    assert Decision.objects.filter(step="narrow").count() == 1
    narrowed_at = narrowed.escalated_at
    narrowed.refresh_from_db()
    assert narrowed.escalated_at == narrowed_at


def test_a_blocked_account_is_narrowed_and_blocked_again(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    case = told(account_outside, detector)
    assert case.due_at is not None
    clock.move_to(case.due_at)
    sweep.sweep(now=clock.now())
    answer_mail()
    filed = file(account_outside, "block")
    pass_time(15 * DAY)
    assert document(account_outside)["standing"] == "restricted"
    assert passes(account_outside, "DE")
    uphold(filed, lead)
    assert document(account_outside)["standing"] == "blocked"
    assert not passes(account_outside, "DE")


@pytest.mark.parametrize("on_overdue", ["narrow", "escalate"])
def test_a_late_appeal_against_a_warning_is_shown_and_has_nothing_to_narrow(
    account_outside: Account, detector: Client, activate: Callable[[str], PolicyVersion], on_overdue: str
) -> None:
    activate(f"{SMALL_POLICY}appeals: {{on_overdue: {on_overdue}}}\n")
    warned(account_outside, detector)
    filed = file(account_outside, "warn")
    pass_time(15 * DAY)
    filed.refresh_from_db()
    assert filed.escalated_at is not None
    assert not Decision.objects.filter(step="narrow").exists()
    assert document(account_outside)["standing"] == "warned"


def test_where_the_policy_only_escalates_everything_stays_refused(
    account_outside: Account, detector: Client, activate: Callable[[str], PolicyVersion]
) -> None:
    activate(f"{SMALL_POLICY}appeals: {{on_overdue: escalate, decide_within: P2D}}\n")
    told(account_outside, detector)
    filed = file(account_outside, "suspend")
    pass_time(3 * DAY)
    filed.refresh_from_db()
    assert filed.escalated_at is not None
    assert document(account_outside)["standing"] == "suspended"
    assert (overdue.escalate(now=clock.now()).done, passes(account_outside, "DE")) == (0, False)


def test_a_pulled_brake_does_not_keep_it_back(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    told(account_outside, detector)
    file(account_outside, "suspend")
    switches.turn(Brake.What.ENFORCEMENT, clock.now())
    clock.advance(15 * DAY)
    assert overdue.escalate(now=clock.now()).done == 1
    assert passes(account_outside, "DE")


def test_while_another_late_appeal_is_open_the_answer_to_one_widens_nothing(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    told(account_outside, detector)
    first, second = file(account_outside, "warn"), file(account_outside, "suspend")
    pass_time(15 * DAY)
    assert Decision.objects.filter(step="narrow").count() == 1
    uphold(first, lead)
    assert document(account_outside)["standing"] == "restricted"
    uphold(second, lead)
    assert document(account_outside)["standing"] == "suspended"


def test_while_another_appeal_is_open_that_is_not_late_the_answer_widens(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    told(account_outside, detector)
    late = file(account_outside, "warn")
    pass_time(10 * DAY)
    other = file(account_outside, "suspend")
    pass_time(5 * DAY)
    assert document(account_outside)["standing"] == "restricted"
    uphold(late, lead)
    assert document(account_outside)["standing"] == "suspended"
    assert the_case(account_outside).stops.filter(kind="appeal", ended_at=None).exists()
    pass_time(10 * DAY)
    assert document(account_outside)["standing"] == "restricted"
    uphold(other, lead)
    assert not the_case(account_outside).stops.filter(ended_at=None).exists()


def later_appeal(account: Account, step: str, lead: User) -> Appeal:
    """A second appeal against the same decision: it stops no clock."""
    uphold(file(account, step), lead)
    second = file(account, step)
    assert not second.suspensive
    return second


def test_after_a_later_appeal_the_next_step_leaves_the_minimum_too(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    case = told(account_outside, detector)
    second = later_appeal(account_outside, "suspend", lead)
    assert case.due_at is not None
    pass_time(case.due_at - DAY - clock.now())
    assert document(account_outside)["standing"] == "restricted"
    decided = uphold(second, lead)
    assert the_case(account_outside).due_at == decided.decided_at + 7 * DAY


def test_a_step_that_comes_while_a_later_appeal_is_late_is_narrowed_as_well(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    case = warned(account_outside, detector)
    later_appeal(account_outside, "warn", lead)
    assert case.due_at is not None
    clock.advance(14 * DAY)
    overdue.escalate(now=clock.now())
    clock.move_to(max(case.due_at, the_case(account_outside).due_at or case.due_at) + timedelta(minutes=1))
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=clock.now())
    case.refresh_from_db()
    assert (case.state, document(account_outside)["standing"]) == ("suspended", "restricted")
    assert list(case.decisions.order_by("pk").values_list("step", flat=True)) == ["warn", "suspend", "narrow"]
    assert (overdue.escalate(now=clock.now()).done, sweep.sweep(now=clock.now())["escalated"].done) == (0, 0)


def test_a_closed_case_is_not_narrowed(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    warned(account_outside, detector)
    second = later_appeal(account_outside, "warn", lead)
    pass_time(40 * DAY)
    second.refresh_from_db()
    case = the_case(account_outside)
    assert (case.state, case.outcome) == ("closed", "cured")
    assert second.escalated_at is not None
    appeals.decide(appeal_id=second.pk, overturn=True, reason="It was an edge.", by=lead, now=clock.now())
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("closed", "cured")


def test_one_account_that_fails_keeps_no_other_waiting(
    detector: Client, policy: PolicyVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [make_account(name) for name in ("first", "second")]
    for account in both:
        told(account, detector)
    for account in both:
        file(account, "suspend")
    clock.advance(15 * DAY)
    real = cases.apply

    def fails_for_one(orders: list[cases.Order], *, now: datetime) -> list[Decision]:
        if any(order.case.account_id == both[0].pk for order in orders):
            raise RuntimeError("poison")
        return real(orders, now=now)

    monkeypatch.setattr(cases, "apply", fails_for_one)
    done = overdue.escalate(now=clock.now())
    assert (done.done, done.failed) == (1, 1)
    assert [document(each)["standing"] for each in both] == ["suspended", "restricted"]
    monkeypatch.undo()
    assert overdue.escalate(now=clock.now()).done == 1
    assert document(both[0])["standing"] == "restricted"


def test_a_way_back_that_waits_for_a_second_person_goes_on_waiting(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    case = told(account_outside, detector)
    Account.objects.update(protected=True)  # two people for whatever takes one
    proposed = review.propose(
        case_id=case.pk, step=Step.DISMISS, reason="A mistake.", by=officer, now=clock.now(), version=case.version
    )
    file(account_outside, "suspend")
    proposed.refresh_from_db()
    lapsed = proposed.status
    assert lapsed == "lapsed"  # an appeal settles anew what is proposed
    proposed = review.propose(
        case_id=case.pk, step=Step.DISMISS, reason="A mistake.", by=officer, now=clock.now(), version=case.version
    )
    pass_time(14 * DAY + timedelta(minutes=1))
    assert the_case(account_outside).narrowed_at is not None
    review.approve(decision_id=proposed.pk, reason="Yes.", by=lead, now=clock.now())
    case = the_case(account_outside)
    assert (case.state, case.outcome) == ("closed", "dismissed")
    assert not Restriction.objects.filter(lifted_at=None).exists()
