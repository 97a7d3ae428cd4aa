"""Time that a stop took is given back, whenever it is heard of, and whoever signs what meanwhile.

Each of these let a step come early once, and was found by the exhaustive model (tests/model).
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User

from enforcement.models import Account, Brake, BrakePull, Client, Contact, Decision, Exemption, PolicyVersion, Stop
from enforcement.rules.transitions import Step
from enforcement.services import appeals, brake, clock, exemptions, memos, review, stops, sweep
from enforcement.services.notice_rule import NoticeNotOver
from notifications.models import Message
from tests.conftest import SMALL_POLICY, make_account
from tests.stage import DAY, pass_time, see, sighting, the_case, warned

pytestmark = pytest.mark.django_db
MINIMUM = timedelta(days=7)


def appeal(account: Account) -> int:
    decision = Decision.objects.get(case__account=account, step=Step.WARN)
    return appeals.file(decision_id=decision.pk, statement="We were travelling.", now=clock.now()).pk


def exempt(account: Account, by: User, until: datetime) -> None:
    scope, now = Exemption.Scope.ACCOUNT, clock.now()
    exemptions.grant(account_id=account.pk, scope=scope, reason="They travel.", by=by, ends_at=until, now=now)


def uphold(appeal_id: int, by: User) -> None:
    appeals.decide(appeal_id=appeal_id, overturn=False, reason="It was you.", by=by, now=clock.now())


def test_a_stop_that_ended_before_the_acceptance_was_heard_of(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    memos.render(now=clock.now())
    accepted_at = clock.now()
    contested = appeal(account_outside)
    clock.advance(14 * DAY)
    uphold(contested, officer)
    ended_at = clock.now()
    clock.advance(timedelta(hours=1))
    Message.objects.update(state=Message.State.ACCEPTED, accepted_at=accepted_at, next_attempt_at=None)
    sweep.sweep(now=clock.now())
    due_at = the_case(account_outside).due_at
    assert due_at is not None
    assert due_at >= ended_at + 14 * DAY  # nearly all of the notice was left when the appeal stopped the clock


def test_a_step_by_hand_that_was_proposed_behind_a_stop(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User, second_lead: User
) -> None:
    case = warned(account_outside, detector)
    contested = appeal(account_outside)
    case.refresh_from_db()
    proposed = review.propose(
        case_id=case.pk, step=Step.SUSPEND, reason="By hand.", by=officer, now=clock.now(), version=case.version
    )
    clock.advance(20 * DAY)
    uphold(contested, second_lead)
    with pytest.raises(NoticeNotOver, match="its notice runs until"):
        review.approve(decision_id=proposed.pk, reason="Yes.", by=lead, now=clock.now())


def test_a_stop_with_an_end_behind_one_that_ended_later(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
) -> None:
    warned(account_outside, detector)
    now = clock.now()
    contested = appeal(account_outside)
    exempt(account_outside, officer, now + 2 * DAY)
    clock.advance(10 * DAY)
    uphold(contested, officer)
    upheld_at = clock.now()
    pass_time(timedelta(0))
    due_at = the_case(account_outside).due_at
    assert due_at is not None
    assert due_at >= upheld_at + 14 * DAY


def test_a_stop_with_an_end_behind_an_appeal_that_was_answered_before_the_acceptance_was_heard_of(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    memos.render(now=clock.now())
    contested = appeal(account_outside)
    exempt(account_outside, officer, clock.now() + 2 * DAY)
    accepted_at = clock.advance(DAY)
    clock.advance(2 * DAY)
    uphold(contested, officer)
    upheld_at = clock.now()
    Message.objects.update(state=Message.State.ACCEPTED, accepted_at=accepted_at, next_attempt_at=None)
    sweep.sweep(now=clock.now())
    due_at = the_case(account_outside).due_at
    assert due_at is not None
    assert due_at >= upheld_at + 15 * DAY


def test_a_stop_with_an_end_behind_the_brake(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    case = warned(account_outside, detector)
    exempt(account_outside, officer, clock.now() + 2 * DAY)
    case.refresh_from_db()
    left = case.remaining
    brake.pull(Brake.What.ENFORCEMENT, BrakePull.Cause.MANUAL, "We look.", now=clock.now())
    pass_time(4 * DAY)
    brake.propose_release(Brake.What.ENFORCEMENT, because="Looked.", by=officer)
    brake.approve_release(Brake.What.ENFORCEMENT, by=lead, now=clock.now())
    released_at = clock.now()
    pass_time(timedelta(0))
    case.refresh_from_db()
    assert case.due_at is not None
    assert left is not None
    assert case.due_at >= released_at + left - timedelta(minutes=1)


def test_a_release_that_was_interrupted_and_agreed_to_again(
    account_outside: Account,
    detector: Client,
    policy: PolicyVersion,
    officer: User,
    lead: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = warned(account_outside, detector)
    clock.advance(20 * DAY)
    brake.pull(Brake.What.ENFORCEMENT, BrakePull.Cause.MANUAL, "We look.", now=clock.now())
    brake.propose_release(Brake.What.ENFORCEMENT, because="Looked.", by=officer)
    with monkeypatch.context() as patched:
        patched.setattr(brake, "_turn_back", _die)
        with pytest.raises(RuntimeError):
            brake.approve_release(Brake.What.ENFORCEMENT, by=lead, now=clock.now())
    clock.advance(30 * DAY)
    brake.approve_release(Brake.What.ENFORCEMENT, by=lead, now=clock.now())
    released_at = BrakePull.objects.get().released_at
    case.refresh_from_db()
    assert released_at is not None
    assert case.due_at == released_at + MINIMUM
    assert Stop.objects.get(kind=Stop.Kind.BRAKE).ended_at == released_at


def test_a_release_that_died_after_the_turn_is_finished_by_the_sweep(
    account_outside: Account,
    detector: Client,
    policy: PolicyVersion,
    officer: User,
    lead: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = warned(account_outside, detector)
    clock.advance(20 * DAY)
    brake.pull(Brake.What.ENFORCEMENT, BrakePull.Cause.MANUAL, "We look.", now=clock.now())
    brake.propose_release(Brake.What.ENFORCEMENT, because="Looked.", by=officer)
    with monkeypatch.context() as patched:
        patched.setattr(brake, "let_go", _die)
        with pytest.raises(RuntimeError):
            brake.approve_release(Brake.What.ENFORCEMENT, by=lead, now=clock.now())
    assert the_case(account_outside).pk in stops.stopped_cases([case])
    pass_time(DAY)
    case.refresh_from_db()
    assert case.due_at == BrakePull.objects.get().released_at + MINIMUM  # type: ignore[operator]


def _die(*_: object, **__: object) -> None:
    raise RuntimeError


def test_what_is_supported_by_now_is_not_suspended_by_anybody(
    account_outside: Account,
    detector: Client,
    policy: PolicyVersion,
    officer: User,
    lead: User,
    activate: Callable[[str], PolicyVersion],
) -> None:
    case = warned(account_outside, detector)
    clock.advance(20 * DAY)
    case.refresh_from_db()
    proposed = review.propose(
        case_id=case.pk, step=Step.SUSPEND, reason="By hand.", by=officer, now=clock.now(), version=case.version
    )
    activate(SMALL_POLICY.replace("supported: [DE,", "supported: [CN, DE,").replace("name: small", "name: grown"))
    review.approve(decision_id=proposed.pk, reason="Yes.", by=lead, now=clock.now())
    proposed.refresh_from_db()
    assert (the_case(account_outside).state, proposed.status) == ("warned", "lapsed")


def test_a_held_warning_that_no_rule_asks_for_any_more_is_not_sent(
    detector: Client, policy: PolicyVersion, officer: User, activate: Callable[[str], PolicyVersion]
) -> None:
    account = make_account("protected", protected=True)
    see(detector, sighting(account, clock.now()))
    held = Decision.objects.get(status=Decision.Status.HELD)
    activate(SMALL_POLICY.replace("supported: [DE,", "supported: [CN, DE,").replace("name: small", "name: grown"))
    review.approve(decision_id=held.pk, reason="Yes.", by=officer, now=clock.now())
    held.refresh_from_db()
    assert (the_case(account).state, held.status) == ("open", "lapsed")
    assert Contact.objects.filter(account=account).exists()
