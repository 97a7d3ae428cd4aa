"""An open appeal really stops the clock, and somebody else decides it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from enforcement.models import Account, Appeal, Client, Decision, PolicyVersion, Restriction
from enforcement.rules.transitions import Step
from enforcement.services import appeals, clock, review, sweep
from enforcement.services.appeals import AppealRefused
from enforcement.services.notice_rule import NoticeNotOver
from enforcement.services.roles import NotAllowed
from tests.stage import DAY, answer_mail, pass_time, see, sighting, steps, suspended, the_case, warned

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
