"""What staff do by hand: two people where the table asks for two, and never the same one twice."""

import pytest
from django.contrib.auth.models import User

from enforcement.models import Account, Client, Decision, PolicyVersion, Restriction, Stop
from enforcement.rules.transitions import Step, StepRefused
from enforcement.services import clock, review, staff, sweep
from enforcement.services.notice_rule import NoticeNotOver
from enforcement.services.review import ReviewRefused
from enforcement.services.roles import NotAllowed, Role
from tests.conftest import make_account
from tests.stage import DAY, pass_time, see, sighting, steps, suspended, the_case, warned

pytestmark = pytest.mark.django_db


def propose(account: Account, step: Step, by: User, reason: str = "Looked at the facts.", **more: object) -> Decision:
    case = the_case(account)
    return review.propose(
        case_id=case.pk, step=step, reason=reason, by=by, now=clock.now(), version=case.version, **more
    )


@pytest.fixture
def in_review(account_outside: Account, detector: Client, policy: PolicyVersion) -> Account:
    see(detector, sighting(account_outside, clock.now(), requests=4))
    return account_outside


@pytest.fixture
def past_deadline(account_outside: Account, detector: Client, policy: PolicyVersion) -> Account:
    """Warned by hand-held policy, deadline passed, traffic went on: a held suspension waits."""
    account_outside.kind = Account.Kind.PERSON
    account_outside.save()
    case = warned(account_outside, detector)
    clock.move_to(case.due_at)
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=clock.now())
    assert steps(account_outside)[-1] == ("suspend", "held")
    return account_outside


def held(account: Account) -> Decision:
    return Decision.objects.get(case__account=account, status="held")


def test_an_officer_warns_on_a_review(in_review: Account, officer: User) -> None:
    decision = propose(in_review, Step.WARN, officer)
    assert (decision.status, decision.proposed_by, decision.reason) == ("applied", officer, "Looked at the facts.")
    assert the_case(in_review).state == "warned"


def test_an_officer_dismisses_alone_and_nobody_is_written_to_who_was_told_nothing(
    in_review: Account, officer: User
) -> None:
    propose(in_review, Step.DISMISS, officer)
    case = the_case(in_review)
    assert (case.state, case.outcome, case.memos.count()) == ("closed", "dismissed", 0)


@pytest.mark.parametrize("role", [Role.ANALYST, Role.COUNSEL, Role.AUDITOR])
def test_only_officers_and_leads_decide(in_review: Account, role: Role) -> None:
    person = staff.create("pat", email="pat@provider.test", role=role, password=None)
    with pytest.raises(NotAllowed, match="takes an officer or a lead"):
        propose(in_review, Step.WARN, person)


def test_somebody_who_left_the_staff_decides_nothing(in_review: Account, officer: User) -> None:
    officer.is_active = False
    officer.save()
    with pytest.raises(NotAllowed):
        propose(in_review, Step.WARN, officer)


def test_a_reason_is_required(in_review: Account, officer: User) -> None:
    with pytest.raises(ReviewRefused, match="A reason is required"):
        propose(in_review, Step.WARN, officer, reason="  ")


def test_a_stale_page_changes_nothing(in_review: Account, officer: User, lead: User) -> None:
    seen = the_case(in_review)
    propose(in_review, Step.WARN, officer)
    with pytest.raises(ReviewRefused, match="has changed"):
        review.propose(case_id=seen.pk, step=Step.DISMISS, reason="No.", by=lead, now=clock.now(), version=seen.version)


def test_an_account_without_a_contact_cannot_be_warned_by_hand_either(in_review: Account, officer: User) -> None:
    in_review.contacts.all().delete()
    with pytest.raises(ReviewRefused, match="no contact"):
        propose(in_review, Step.WARN, officer)


def test_nobody_can_suspend_before_the_deadline_not_even_two_people(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    warned(account_outside, detector)
    proposal = propose(account_outside, Step.SUSPEND, officer)
    assert proposal.status == "held"
    with pytest.raises(NoticeNotOver):
        review.approve(decision_id=proposal.pk, reason="Agreed.", by=lead, now=clock.now())
    assert not Restriction.objects.exists()


def test_a_step_that_the_table_does_not_have_is_refused(in_review: Account, officer: User) -> None:
    with pytest.raises(StepRefused):
        propose(in_review, Step.SUSPEND, officer)


def test_a_block_by_hand_takes_a_proposer_and_a_different_lead(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    from tests.stage import answer_mail

    suspended(account_outside, detector)
    answer_mail()
    pass_time(DAY)
    case = the_case(account_outside)
    proposal = propose(account_outside, Step.BLOCK, lead)
    assert proposal.status == "held"
    with pytest.raises(NotAllowed, match="Somebody else"):
        review.approve(decision_id=proposal.pk, reason="Agreed.", by=lead, now=clock.now())
    with pytest.raises(NotAllowed, match="takes a lead"):
        review.approve(decision_id=proposal.pk, reason="Agreed.", by=officer, now=clock.now())
    assert the_case(account_outside).version == case.version


def test_approving_what_the_automation_held_takes_one_officer(past_deadline: Account, officer: User) -> None:
    decision = review.approve(decision_id=held(past_deadline).pk, reason="Agreed.", by=officer, now=clock.now())
    assert (decision.status, decision.approved_by, decision.agreed_because) == ("applied", officer, "Agreed.")
    assert the_case(past_deadline).state == "suspended"
    assert Restriction.objects.get().decision == decision


def test_agreeing_takes_a_reason_too(past_deadline: Account, officer: User) -> None:
    with pytest.raises(ReviewRefused, match="A reason is required"):
        review.approve(decision_id=held(past_deadline).pk, reason=" ", by=officer, now=clock.now())


def test_a_held_decision_that_no_longer_holds_lapses(
    past_deadline: Account, officer: User, policy: PolicyVersion, activate
) -> None:
    activate(policy.document.replace("supported: [DE,", "supported: [CN, DE,"))
    decision = review.approve(decision_id=held(past_deadline).pk, reason="Agreed.", by=officer, now=clock.now())
    assert decision.status == "lapsed"
    assert not Restriction.objects.exists()


def test_a_refused_step_gives_time_back_and_is_not_proposed_again_on_the_same_facts(
    past_deadline: Account, officer: User
) -> None:
    decision = review.refuse(decision_id=held(past_deadline).pk, reason="A traveller.", by=officer, now=clock.now())
    assert (decision.status, decision.refused_because, decision.refused_by) == ("refused", "A traveller.", officer)
    case = the_case(past_deadline)
    assert case.due_at >= clock.now() + 7 * DAY - DAY
    pass_time(8 * DAY)
    assert the_case(past_deadline).outcome == "cured"


def test_a_protected_account_takes_one_more_person(
    detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    vip = make_account("vip", protected=True, kind=Account.Kind.PERSON)
    see(detector, sighting(vip, clock.now()))
    review.approve(decision_id=held(vip).pk, reason="Agreed.", by=officer, now=clock.now())
    from tests.stage import answer_mail

    answer_mail()
    sweep.sweep(now=clock.now())
    case = the_case(vip)
    clock.move_to(case.due_at)
    see(detector, sighting(vip, clock.now()))
    sweep.sweep(now=clock.now())
    first = review.approve(decision_id=held(vip).pk, reason="Agreed.", by=officer, now=clock.now())
    assert (first.status, the_case(vip).state) == ("held", "warned")
    with pytest.raises(NotAllowed, match="Somebody else"):
        review.approve(decision_id=first.pk, reason="Agreed.", by=officer, now=clock.now())
    second = review.approve(decision_id=first.pk, reason="Agreed.", by=lead, now=clock.now())
    assert (second.status, the_case(vip).state) == ("applied", "suspended")


def test_an_officer_and_a_lead_restrict_single_keys(past_deadline: Account, officer: User, lead: User) -> None:
    review.refuse(decision_id=held(past_deadline).pk, reason="One employee only.", by=lead, now=clock.now())
    case = the_case(past_deadline)
    clock.move_to(case.due_at)
    proposal = propose(past_deadline, Step.RESTRICT, officer, credentials=["sk-…a1", "sk-…b2"])
    review.approve(decision_id=proposal.pk, reason="Agreed.", by=lead, now=clock.now())
    found = Restriction.objects.filter(lifted_at=None).order_by("value").values_list("scope", "value", "reason_code")
    assert list(found) == [
        ("credential", "sk-…a1", "credential_restricted"),
        ("credential", "sk-…b2", "credential_restricted"),
    ]


def test_reinstating_lifts_every_restriction_in_the_same_breath(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
) -> None:
    suspended(account_outside, detector)
    decision = propose(account_outside, Step.REINSTATE, officer)
    lifted = Restriction.objects.get()
    assert (lifted.lifted_by, lifted.lifted_at) == (decision, decision.settled_at)
    case = the_case(account_outside)
    assert (case.state, case.outcome) == ("closed", "reinstated")
    assert case.memos.order_by("pk").last().kind == "reinstatement"


def test_the_database_refuses_a_decision_with_the_same_person_twice(past_deadline: Account, officer: User) -> None:
    from django.db import IntegrityError

    with pytest.raises(IntegrityError, match="twice"):
        Decision.objects.filter(pk=held(past_deadline).pk).update(approved_by=officer, seconded_by=officer)


def test_the_database_refuses_an_applied_decision_with_too_few_people(past_deadline: Account) -> None:
    from django.db import IntegrityError

    with pytest.raises(IntegrityError, match="applied_by_enough_people"):
        Decision.objects.filter(pk=held(past_deadline).pk).update(
            status="applied", case_version=9, settled_at=clock.now()
        )


def test_a_waiting_decision_stops_the_clock(past_deadline: Account) -> None:
    assert the_case(past_deadline).stops.get(ended_at=None).kind == Stop.Kind.APPROVAL
    pass_time(100 * DAY)
    assert the_case(past_deadline).state == "warned"


@pytest.mark.parametrize("step", [Step.RESTRICT_NOW, Step.CURE, Step.WITHDRAW, Step.FREE])
def test_steps_that_are_not_a_persons_are_not_taken_by_hand(in_review: Account, officer: User, step: Step) -> None:
    with pytest.raises(ReviewRefused, match="not taken by hand"):
        propose(in_review, step, officer)


def test_refusing_leaves_the_names_of_those_who_agreed(
    detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    vip = make_account("vip", protected=True)
    see(detector, sighting(vip, clock.now()))
    decision = review.refuse(decision_id=held(vip).pk, reason="Known to us.", by=lead, now=clock.now())
    assert (decision.approved_by, decision.refused_by) == (None, lead)
