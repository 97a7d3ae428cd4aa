"""From evidence to a case: who is warned, who is reviewed, who is left alone."""

from datetime import timedelta

import pytest

from enforcement.models import (
    Account,
    AssessmentMark,
    Case,
    Client,
    Contact,
    Decision,
    Memo,
    PolicyVersion,
    Score,
    Stop,
)
from enforcement.services import assessment, clock, intake
from tests.conftest import make_account
from tests.stage import DAY, answer_mail, pass_time, see, sighting, steps, the_case, warned

pytestmark = pytest.mark.django_db


def test_an_account_outside_is_warned_and_its_memo_waits_to_be_sent(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    case = the_case(account_outside)
    assert (case.state, case.rule, case.policy, case.due_at, case.accepted_at) == ("warned", "five", policy, None, None)
    decision = case.decisions.get()
    assert (decision.step, decision.status, decision.people, decision.case_version) == ("warn", "applied", 0, 1)
    assert decision.facts["territories"] == [["CN", 10]]
    assert Memo.objects.get(case=case).kind == "warning"


def test_an_account_at_home_gets_no_case(account_at_home: Account, detector: Client, policy: PolicyVersion) -> None:
    see(detector, sighting(account_at_home, clock.now(), "DE"))
    assert not Case.objects.exists()
    assert Score.objects.get(account=account_at_home).points == 0


def test_a_review_sends_nothing(account_outside: Account, detector: Client, policy: PolicyVersion) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=4))
    case = the_case(account_outside)
    assert (case.state, case.rule) == ("open", "any")
    assert not case.decisions.exists()
    assert not Memo.objects.exists()


def test_a_review_becomes_a_warning_when_it_qualifies(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=4))
    see(detector, sighting(account_outside, clock.now(), requests=1))
    case = the_case(account_outside)
    assert (case.state, case.rule) == ("warned", "five")


def test_a_review_closes_silently_when_it_no_longer_matches(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=4))
    assessment.assess(now=clock.advance(100 * DAY))
    case = the_case(account_outside)
    assert (case.state, case.outcome) == ("closed", "cured")
    assert not Memo.objects.exists()


def test_a_review_that_closed_by_itself_does_not_use_its_evidence_up(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=4))
    late = sighting(account_outside, clock.now(), requests=4)
    assessment.assess(now=clock.advance(100 * DAY))
    late["id"] = "late"
    late["observed_at"] = (clock.now() - DAY).isoformat()
    see(detector, late)
    assert Case.objects.filter(account=account_outside, state="open").count() == 1


def test_an_account_without_a_contact_is_not_warned_until_it_has_one(detector: Client, policy: PolicyVersion) -> None:
    stub = Account.objects.create(external_id="stub")
    see(detector, sighting(stub, clock.now()))
    case = the_case(stub)
    assert case.state == "open"
    assert case.stops.get(ended_at=None).kind == Stop.Kind.UNREACHABLE
    Contact.objects.create(account=stub, role="owner", email="owner@stub.test")
    see(detector, sighting(stub, clock.now()))
    case.refresh_from_db()
    assert case.state == "warned"
    assert not case.stops.filter(ended_at=None).exists()


def test_a_held_rule_waits_for_a_person(account_outside: Account, detector: Client, activate, policy) -> None:
    activate(policy.document.replace("min_requests: 5", "min_requests: 5, automation: held"))
    see(detector, sighting(account_outside, clock.now()))
    assert the_case(account_outside).state == "open"
    assert steps(account_outside) == [("warn", "held")]
    see(detector, sighting(account_outside, clock.now()))
    assert steps(account_outside) == [("warn", "held")]
    assert not Memo.objects.exists()


def test_a_protected_account_waits_for_a_person(detector: Client, policy: PolicyVersion) -> None:
    vip = make_account("vip", protected=True)
    see(detector, sighting(vip, clock.now()))
    assert steps(vip) == [("warn", "held")]


def test_counsels_territory_opens_a_review_only(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now(), "UA", subdivision="UA-43", requests=500))
    case = the_case(account_outside)
    assert (case.state, case.rule) == ("open", "sanctioned")


def test_more_evidence_about_a_warned_account_opens_no_second_case(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    warned(account_outside, detector)
    see(detector, sighting(account_outside, clock.now()))
    assert Case.objects.count() == 1
    assert Memo.objects.count() == 1


def test_evidence_from_before_a_close_does_not_count_towards_a_new_case(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    warned(account_outside, detector)
    pass_time(16 * DAY)
    case = the_case(account_outside)
    assert (case.state, case.outcome) == ("closed", "cured")
    assert case.closed_at is not None
    before = sighting(account_outside, case.closed_at - timedelta(minutes=1), requests=100)
    see(detector, before)
    assert Case.objects.count() == 1
    after = sighting(account_outside, case.closed_at + timedelta(minutes=1), requests=5)
    clock.advance(timedelta(minutes=5))
    see(detector, after)
    assert Case.objects.filter(account=account_outside, state="warned").count() == 1


def test_a_poison_account_steps_aside_and_the_others_are_assessed(
    account_outside: Account, account_at_home: Account, detector: Client, policy: PolicyVersion, monkeypatch
) -> None:
    healthy = assessment.facts_of

    def poison(score, outcome):
        if any(code == "JP" for code, _ in score.territories) or score.requests == 13:
            raise ValueError("poison")
        return healthy(score, outcome)

    monkeypatch.setattr(assessment, "facts_of", poison)
    items = [sighting(account_outside, clock.now()), sighting(account_at_home, clock.now(), "CN", requests=13)]
    intake.record(detector, items, now=clock.now())
    done = assessment.assess(now=clock.now())
    assert (done.done, done.failed) == (1, 1)
    assert the_case(account_outside).state == "warned"
    mark = AssessmentMark.objects.get()
    assert (mark.account, mark.attempts) == (account_at_home, 1)
    assert mark.look_at > clock.now()


def test_a_mark_that_rises_during_the_assessment_stays(
    account_outside: Account, detector: Client, policy: PolicyVersion, monkeypatch
) -> None:
    intake.record(detector, [sighting(account_outside, clock.now())], now=clock.now())
    score = assessment._score

    def score_while_evidence_comes(*given):
        found = score(*given)
        if not Case.objects.exists():
            intake.record(detector, [sighting(account_outside, clock.now(), requests=7)], now=clock.now())
        return found

    monkeypatch.setattr(assessment, "_score", score_while_evidence_comes)
    assessment.assess(now=clock.now())
    assert AssessmentMark.objects.get().count == 2
    assessment.assess(now=clock.now())
    assert Score.objects.get().facts["requests"] == 17
    assert not AssessmentMark.objects.exists()


def test_the_facts_of_a_decision_stay_as_they_were(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    see(detector, sighting(account_outside, clock.now(), requests=900))
    assert Decision.objects.get(case=case).facts["requests"] == 10
    assert Score.objects.get().facts["requests"] == 910


def test_activating_a_policy_assesses_everybody_again(
    account_outside: Account, detector: Client, policy: PolicyVersion, activate
) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=4))
    stricter = activate(policy.document.replace("min_requests: 5", "min_requests: 4"))
    assessment.assess(now=clock.now())
    case = the_case(account_outside)
    assert (case.state, case.policy) == ("warned", stricter)
    answer_mail()
