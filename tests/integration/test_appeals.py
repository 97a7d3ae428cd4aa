"""An open appeal really stops the clock, and somebody else decides it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from benchmarks.unguarded import unguarded
from enforcement.models import Account, Appeal, Case, Client, Decision, PolicyVersion, Restriction, SecondLogin
from enforcement.rules.transitions import Step
from enforcement.services import appeals, clock, gateway, memos, queries, review, sweep
from enforcement.services.appeals import AppealRefused
from enforcement.services.gateway import Question
from enforcement.services.notice_rule import NoticeNotOver
from enforcement.services.roles import NotAllowed
from notifications.models import Message
from tests.conftest import SMALL_POLICY
from tests.stage import DAY, answer_mail, move_to, pass_time, see, sighting, steps, suspended, the_case, warned

pytestmark = pytest.mark.django_db


def contested(account: Account) -> Decision:
    return Decision.objects.filter(case__account=account, status="applied").latest("case_version")


def file(account: Account) -> Appeal:
    return appeals.file(decision_id=contested(account).pk, statement="We were travelling.", now=clock.now())


def test_an_open_appeal_stops_the_clock(account_outside: Account, detector: Client, policy: PolicyVersion) -> None:
    warned(account_outside, detector)
    file(account_outside)
    see(detector, sighting(account_outside, clock.now()))
    pass_time(60 * DAY)
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=clock.now())
    assert the_case(account_outside).state == "warned"


def test_after_an_upheld_decision_what_remained_is_left(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    case = warned(account_outside, detector)
    pass_time(3 * DAY)
    filed = file(account_outside)
    left = case.due_at - filed.filed_at
    pass_time(20 * DAY)
    decided = appeals.decide(appeal_id=filed.pk, overturn=False, reason="No travel.", by=lead, now=clock.now())
    assert the_case(account_outside).due_at == decided.decided_at + left


def test_after_an_upheld_decision_at_least_the_minimum_is_left(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    warned(account_outside, detector)
    pass_time(14 * DAY)
    filed = file(account_outside)
    pass_time(20 * DAY)
    decided = appeals.decide(appeal_id=filed.pk, overturn=False, reason="No travel.", by=lead, now=clock.now())
    assert the_case(account_outside).due_at == decided.decided_at + 7 * DAY


def test_an_overturned_decision_undoes_every_effect(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    suspended(account_outside, detector)
    overturned = contested(account_outside)
    appeals.decide(appeal_id=file(account_outside).pk, overturn=True, reason="Wrong data.", by=lead, now=clock.now())
    case = the_case(account_outside)
    assert (case.state, case.outcome) == ("closed", "reinstated")
    assert not Restriction.objects.filter(lifted_at=None).exists()
    assert contested(account_outside).override_of == overturned
    assert case.memos.latest("pk").kind == "reinstatement"


def test_only_the_first_appeal_of_a_decision_stops_the_clock(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    warned(account_outside, detector)
    first = file(account_outside)
    with pytest.raises(AppealRefused, match="open already"):
        file(account_outside)
    appeals.decide(appeal_id=first.pk, overturn=False, reason="It stands.", by=lead, now=clock.now())
    second = file(account_outside)
    assert (first.suspensive, second.suspensive) == (True, False)
    assert not the_case(account_outside).stops.filter(ended_at=None).exists()


def test_whoever_decided_does_not_decide_the_appeal(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    account_outside.kind = Account.Kind.PERSON
    account_outside.save()
    case = warned(account_outside, detector)
    clock.move_to(case.due_at)
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=clock.now())
    review.approve(decision_id=Decision.objects.get(status="held").pk, reason="Agreed.", by=officer, now=clock.now())
    filed = file(account_outside)
    with pytest.raises(NotAllowed, match="not involved"):
        appeals.decide(appeal_id=filed.pk, overturn=False, reason="I was right.", by=officer, now=clock.now())
    appeals.decide(appeal_id=filed.pk, overturn=True, reason="You were not.", by=lead, now=clock.now())


def test_the_time_to_appeal_ends_with_the_window(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    suspended(account_outside, detector)
    answer_mail()
    clock.advance(184 * DAY - timedelta(hours=1))
    with unguarded("enforcement_appeal"):
        file(account_outside).delete()
    clock.advance(timedelta(hours=2))
    with pytest.raises(AppealRefused, match="is over"):
        file(account_outside)


def test_a_held_step_lapses_when_an_appeal_comes_and_is_not_taken_the_moment_it_ends(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    account_outside.kind = Account.Kind.PERSON
    account_outside.save()
    case = warned(account_outside, detector)
    clock.move_to(case.due_at)
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=clock.now())
    filed = file(account_outside)
    assert steps(account_outside)[-1] == ("suspend", "lapsed")
    decided = appeals.decide(appeal_id=filed.pk, overturn=False, reason="It stands.", by=lead, now=clock.now())
    sweep.sweep(now=clock.now())
    assert the_case(account_outside).due_at == decided.decided_at + 7 * DAY
    assert not Decision.objects.filter(status="held").exists()


def test_two_people_cannot_suspend_while_an_appeal_is_open_either(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    warned(account_outside, detector)
    file(account_outside)
    pass_time(20 * DAY)
    case = the_case(account_outside)
    assert case.due_at < clock.now()
    proposal = review.propose(
        case_id=case.pk, step=Step.SUSPEND, reason="It is late.", by=officer, now=clock.now(), version=case.version
    )
    with pytest.raises(NoticeNotOver, match="its clock is stopped"):
        review.approve(decision_id=proposal.pk, reason="It is.", by=lead, now=clock.now())
    assert not Restriction.objects.exists()


def test_a_closed_case_is_not_appealed(account_outside: Account, detector: Client, policy: PolicyVersion) -> None:
    warned(account_outside, detector)
    decision = contested(account_outside)
    pass_time(16 * DAY)
    with pytest.raises(AppealRefused, match="in force"):
        appeals.file(decision_id=decision.pk, statement="Late.", now=clock.now())


# -- which decisions, and until when -----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["warned", "restricted", "suspended", "blocked"])
def test_whatever_was_decided_can_be_contested_and_falls_as_a_whole(
    account_outside: Account,
    detector: Client,
    activate: Callable[[str], PolicyVersion],
    lead: User,
    state: str,
) -> None:
    restricts = "deadline: {step: restrict_territory, automation: auto, needs_new: {requests: 1}}"
    blocks = "deadline: {step: block, automation: auto, needs_new: {requests: 1}}"
    suspends = "deadline: {step: suspend, automation: auto, needs_new: {requests: 1}}"
    activate(SMALL_POLICY.replace(suspends, {"restricted": restricts, "blocked": blocks}.get(state, suspends)))
    case = warned(account_outside, detector)
    if state != "warned":
        clock.move_to(case.due_at)
        see(detector, sighting(account_outside, clock.now()))
        sweep.sweep(now=clock.now())
        answer_mail()
    assert the_case(account_outside).state == state
    filed = file(account_outside)
    assert filed.suspensive
    appeals.decide(appeal_id=filed.pk, overturn=True, reason="An edge.", by=lead, now=clock.now())
    document = queries.account(account_outside.external_id)
    assert document is not None
    assert (document["standing"], document["restrictions"], document["case"]) == ("clear", [], None)
    assert gateway.decide(Question(account=account_outside.external_id, country="CN"), now=clock.now())["allow"]
    case = the_case(account_outside)
    assert (case.outcome, case.memos.latest("pk").kind) == ("reinstated", "reinstatement")


def test_an_appeal_that_comes_before_the_memo_was_accepted_stops_the_clock_when_it_starts(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    filed = file(account_outside)
    pass_time(DAY)
    answer_mail()
    pass_time(DAY)
    assert the_case(account_outside).due_at is not None
    pass_time(30 * DAY)
    see(detector, sighting(account_outside, clock.now()))
    assert the_case(account_outside).state == "warned"
    decided = appeals.decide(appeal_id=filed.pk, overturn=False, reason="It stands.", by=lead, now=clock.now())
    assert the_case(account_outside).due_at >= decided.decided_at + 15 * DAY


def test_the_window_of_each_decision_runs_from_the_acceptance_of_its_own_memo(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = suspended(account_outside, detector)
    warning, suspension = case.decisions.get(step="warn"), case.decisions.get(step="suspend")
    memos.render(now=clock.now())
    clock.advance(10 * DAY)
    accepted_at = answer_mail()
    move_to(case.decisions.get(step="warn").settled_at + 184 * DAY + timedelta(hours=1))
    with pytest.raises(AppealRefused, match="is over"):
        appeals.file(decision_id=warning.pk, statement="Late.", now=clock.now())
    clock.move_to(accepted_at + 184 * DAY - timedelta(minutes=1))
    appeals.file(decision_id=suspension.pk, statement="In time.", now=clock.now())


def test_while_nobody_took_the_memo_the_window_does_not_close(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    answer_mail(Message.State.FAILED, "550 no such user")
    pass_time(400 * DAY)
    assert file(account_outside).suspensive


def test_a_late_answer_of_ours_is_no_decision_that_could_be_contested(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    suspended(account_outside, detector)
    answer_mail()
    file(account_outside)
    pass_time(15 * DAY)
    narrowing = contested(account_outside)
    assert narrowing.step == "narrow"
    with pytest.raises(AppealRefused, match="in force"):
        appeals.file(decision_id=narrowing.pk, statement="More.", now=clock.now())


def test_what_is_not_there_is_neither_contested_nor_decided(policy: PolicyVersion, lead: User) -> None:
    with pytest.raises(AppealRefused, match="no such decision"):
        appeals.file(decision_id=404, statement="No.", now=clock.now())
    with pytest.raises(AppealRefused, match="no such appeal"):
        appeals.decide(appeal_id=404, overturn=True, reason="No.", by=lead, now=clock.now())


def test_an_appeal_is_decided_once(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    warned(account_outside, detector)
    filed = file(account_outside)
    appeals.decide(appeal_id=filed.pk, overturn=False, reason="It stands.", by=lead, now=clock.now())
    with pytest.raises(AppealRefused, match="upheld already"):
        appeals.decide(appeal_id=filed.pk, overturn=True, reason="Or not.", by=lead, now=clock.now())


def test_the_answer_has_a_reason(account_outside: Account, detector: Client, policy: PolicyVersion, lead: User) -> None:
    warned(account_outside, detector)
    with pytest.raises(AppealRefused, match="reason is required"):
        appeals.decide(appeal_id=file(account_outside).pk, overturn=True, reason=" \n", by=lead, now=clock.now())


def test_filing_says_until_when_somebody_decides(
    account_outside: Account, detector: Client, activate: Callable[[str], PolicyVersion]
) -> None:
    activate(f"{SMALL_POLICY}appeals: {{decide_within: P3D}}\n")
    warned(account_outside, detector)
    filed = file(account_outside)
    assert filed.decide_by == filed.filed_at + 3 * DAY


def test_while_two_appeals_are_open_the_answer_to_one_does_not_start_the_clock(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    case = suspended(account_outside, detector)
    answer_mail()
    sweep.sweep(now=clock.now())
    both = [
        appeals.file(decision_id=each.pk, statement="No.", now=clock.now()) for each in case.decisions.order_by("pk")
    ]
    assert [each.suspensive for each in both] == [True, True]
    appeals.decide(appeal_id=both[0].pk, overturn=False, reason="It stands.", by=lead, now=clock.now())
    assert case.stops.filter(kind="appeal", ended_at=None).exists()
    appeals.decide(appeal_id=both[1].pk, overturn=False, reason="It stands.", by=lead, now=clock.now())
    assert not case.stops.filter(ended_at=None).exists()


# -- who decides ---------------------------------------------------------------------------------------------------


def test_whoever_signed_any_step_of_the_case_does_not_decide(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User, second_lead: User
) -> None:
    account_outside.protected = True
    account_outside.save()
    see(detector, sighting(account_outside, clock.now()))
    warning = Decision.objects.get(status="held")
    review.approve(decision_id=warning.pk, reason="Agreed.", by=officer, now=clock.now())
    answer_mail()
    sweep.sweep(now=clock.now())
    clock.move_to(the_case(account_outside).due_at)
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=clock.now())
    review.approve(decision_id=Decision.objects.get(status="held").pk, reason="Agreed.", by=lead, now=clock.now())
    filed = file(account_outside)
    double = User.objects.create_user("olga.second", is_staff=True)
    double.groups.set(officer.groups.all())
    SecondLogin.objects.create(user=double, person=officer)
    for involved in (officer, lead, double):
        with pytest.raises(NotAllowed, match="not involved"):
            appeals.decide(appeal_id=filed.pk, overturn=False, reason="I was right.", by=involved, now=clock.now())
    appeals.decide(appeal_id=filed.pk, overturn=True, reason="You were not.", by=second_lead, now=clock.now())
    assert contested(account_outside).proposed_as == "lead"


# -- no automatic repeat -------------------------------------------------------------------------------------------


def overturned(account: Account, by: User) -> None:
    """The newest decision falls, and time passes."""
    appeals.decide(appeal_id=file(account).pk, overturn=True, reason="An edge.", by=by, now=clock.now())
    answer_mail()
    clock.advance(DAY)


def newest(account: Account) -> Decision:
    return Decision.objects.filter(case__account=account).latest("pk")


def test_what_was_seen_before_an_appeal_was_won_does_not_count_again(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    warned(account_outside, detector)
    overturned(account_outside, lead)
    see(detector, sighting(account_outside, clock.now() - 2 * DAY, requests=100))
    see(detector, sighting(account_outside, clock.now(), requests=4))
    assert newest(account_outside).step == "reinstate"


def test_after_an_appeal_was_won_the_same_rule_asks_a_person_at_every_step(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    warned(account_outside, detector)
    overturned(account_outside, lead)
    for step in (Step.WARN, Step.SUSPEND, Step.BLOCK):
        see(detector, sighting(account_outside, clock.now()))
        sweep.sweep(now=clock.now())
        held = newest(account_outside)
        assert (held.step, held.status, held.people, held.rule) == (step, "held", 1, "five")
        review.approve(decision_id=held.pk, reason="Again.", by=officer, now=clock.now())
        answer_mail()
        sweep.sweep(now=clock.now())
        if step is not Step.BLOCK:
            clock.move_to(Case.objects.get(pk=held.case_id).due_at)
    assert Case.objects.get(pk=held.case_id).state == "blocked"


def test_another_rule_and_another_account_go_on_as_before(
    account_outside: Account,
    account_at_home: Account,
    detector: Client,
    activate: Callable[[str], PolicyVersion],
    lead: User,
) -> None:
    activate(SMALL_POLICY)
    warned(account_outside, detector)
    overturned(account_outside, lead)
    activate(SMALL_POLICY.replace("{name: five, min_requests: 5}", "{name: six, min_requests: 6}"))
    see(detector, sighting(account_outside, clock.now()), sighting(account_at_home, clock.now()))
    for account in (account_outside, account_at_home):
        assert (newest(account).step, newest(account).status) == ("warn", "applied")


def test_an_upheld_decision_shields_nothing(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    case = warned(account_outside, detector)
    appeals.decide(appeal_id=file(account_outside).pk, overturn=False, reason="No.", by=lead, now=clock.now())
    clock.move_to(the_case(account_outside).due_at)
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=clock.now())
    case.refresh_from_db()
    assert case.state == "suspended"
