"""The clock: it starts at the acceptance, stops when it must, and never runs out early."""

from datetime import UTC, datetime, timedelta

import pytest

from enforcement.models import Account, Case, Client, Contact, Memo, PolicyVersion, Restriction, Stop
from enforcement.services import clock, memos, sweep
from notifications.models import Message
from tests.conftest import make_account
from tests.stage import DAY, answer_mail, move_to, pass_time, see, sighting, steps, suspended, the_case, warned

pytestmark = pytest.mark.django_db
INSTANT = timedelta(microseconds=1)


def test_the_clock_starts_when_a_mail_server_accepted_the_memo(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    pass_time(3 * DAY)
    assert the_case(account_outside).due_at is None
    accepted_at = answer_mail()
    pass_time(timedelta(hours=6))
    case = the_case(account_outside)
    assert case.accepted_at == accepted_at
    memo = case.memos.get()
    assert memo.told_due_at is not None
    assert case.due_at == max(accepted_at + 15 * DAY, memo.told_due_at)


def test_the_contract_of_the_account_gives_longer_notice(detector: Client, policy: PolicyVersion) -> None:
    patient = make_account("patient", min_notice=60 * DAY)
    case = warned(patient, detector)
    assert case.accepted_at is not None
    assert case.due_at == max(case.accepted_at + 60 * DAY, case.memos.get().told_due_at)


def test_a_suspension_comes_at_the_deadline_and_not_an_instant_before(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    assert case.due_at is not None
    clock.move_to(case.due_at - timedelta(hours=1))
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=case.due_at - INSTANT)
    assert the_case(account_outside).state == "warned"
    see(detector, sighting(account_outside, clock.now() + timedelta(minutes=4)))
    clock.move_to(case.due_at)
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=clock.now())
    case.refresh_from_db()
    assert case.state == "suspended"
    restriction = Restriction.objects.get()
    assert (restriction.scope, restriction.reason_code) == ("account", "account_suspended")
    assert [memo.kind for memo in case.memos.order_by("pk")][-1] == "suspension"


def test_after_a_suspension_the_block_waits_for_its_own_memo_and_its_own_time(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = suspended(account_outside, detector)
    pass_time(60 * DAY)
    assert the_case(account_outside).state == "suspended"
    accepted_at = answer_mail()
    pass_time(timedelta(minutes=1))
    case.refresh_from_db()
    assert case.due_at is not None
    assert case.due_at >= accepted_at + 30 * DAY
    move_to(case.due_at + timedelta(minutes=1))
    case.refresh_from_db()
    assert (case.state, case.due_at) == ("blocked", None)
    standing = Restriction.objects.get(lifted_at=None)
    assert standing.reason_code == "account_blocked"


def test_a_jump_of_sixty_days_yields_the_next_step_and_never_two(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    warned(account_outside, detector)
    clock.advance(60 * DAY)
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=clock.now())
    sweep.sweep(now=clock.now())
    assert [step for step, _ in steps(account_outside)] == ["warn", "suspend"]
    kinds = list(Memo.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["warning", "suspension"]


def test_who_stops_is_cured_after_the_quiet_period_and_told(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    pass_time(14 * DAY)
    see(detector, sighting(account_outside, clock.now()))
    pass_time(2 * DAY)
    assert the_case(account_outside).state == "warned"
    pass_time(6 * DAY)
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("closed", "cured")
    assert case.memos.order_by("pk").last().kind == "cure"


def test_traffic_during_the_extension_brings_the_step_at_once(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    warned(account_outside, detector)
    pass_time(14 * DAY)
    see(detector, sighting(account_outside, clock.now()))
    pass_time(2 * DAY)
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=clock.now())
    assert the_case(account_outside).state == "suspended"


def test_refused_requests_do_not_break_a_cure(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    warned(account_outside, detector)
    pass_time(10 * DAY)
    see(detector, sighting(account_outside, clock.now(), outcome="refused", requests=5000))
    pass_time(6 * DAY)
    assert the_case(account_outside).outcome == "cured"


def test_reminders_go_out_once_each(account_outside: Account, detector: Client, policy: PolicyVersion) -> None:
    case = warned(account_outside, detector)
    for _ in range(16):
        pass_time(timedelta(hours=23))
    reminders = case.memos.filter(kind="reminder").order_by("pk").values_list("before_due", flat=True)
    assert list(reminders) == [7 * DAY, DAY]


def test_a_memo_that_nobody_can_take_holds_the_case_for_a_person(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    answer_mail(Message.State.FAILED, "550 no such user")
    pass_time(90 * DAY)
    case = the_case(account_outside)
    assert (case.state, case.due_at) == ("warned", None)
    assert case.stops.get(ended_at=None).kind == Stop.Kind.UNREACHABLE


def test_the_owners_acceptance_decides_while_the_owner_can_still_be_reached(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    Contact.objects.create(account=account_outside, role="legal", email="legal@shenzhen.test")
    see(detector, sighting(account_outside, clock.now()))
    memos.render(now=clock.now())
    early = clock.now()
    Message.objects.filter(recipient="legal@shenzhen.test").update(
        state="accepted", accepted_at=early, next_attempt_at=None
    )
    pass_time(timedelta(hours=5))
    assert the_case(account_outside).due_at is None
    late = answer_mail()
    pass_time(timedelta(hours=1))
    case = the_case(account_outside)
    assert case.accepted_at == late


def test_a_natural_person_is_never_suspended_without_a_human(detector: Client, policy: PolicyVersion) -> None:
    person = make_account("li", kind=Account.Kind.PERSON)
    case = warned(person, detector)
    assert case.due_at is not None
    clock.move_to(case.due_at)
    see(detector, sighting(person, clock.now()))
    pass_time(DAY)
    assert steps(person) == [("warn", "applied"), ("suspend", "held")]
    assert not Restriction.objects.exists()


def test_a_territory_that_the_active_version_supports_brings_no_step(
    account_outside: Account, detector: Client, policy: PolicyVersion, activate
) -> None:
    case = warned(account_outside, detector)
    assert case.due_at is not None
    activate(policy.document.replace("supported: [DE,", "supported: [CN, DE,"))
    clock.move_to(case.due_at)
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=clock.now())
    case.refresh_from_db()
    assert case.state == "closed"
    assert not Restriction.objects.exists()


def test_a_case_keeps_the_version_that_it_was_told_of(
    account_outside: Account, detector: Client, policy: PolicyVersion, activate
) -> None:
    case = warned(account_outside, detector)
    due = case.due_at
    activate(policy.document.replace("notice: P15D, reminders: [P7D, P1D]", "notice: P1D"))
    pass_time(3 * DAY)
    case.refresh_from_db()
    assert (case.policy, case.due_at, case.state) == (policy, due, "warned")


def test_the_database_refuses_a_deadline_without_an_acceptance(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    from django.db import IntegrityError

    see(detector, sighting(account_outside, clock.now()))
    with pytest.raises(IntegrityError, match="case_due_only_after_acceptance"):
        Case.objects.update(due_at=datetime(2030, 1, 1, tzinfo=UTC), notice=15 * DAY)


def test_a_poison_case_steps_aside_and_the_others_are_swept(
    account_outside: Account, detector: Client, policy: PolicyVersion, monkeypatch
) -> None:
    other = make_account("other")
    for account in (account_outside, other):
        case = warned(account, detector)
    assert case.due_at is not None
    clock.move_to(case.due_at + timedelta(minutes=1))
    see(detector, sighting(account_outside, clock.now()), sighting(other, clock.now()))
    judge = sweep.deadline.judge

    def poison(due, active, *, now):
        if any(case.account_id == other.pk for case in due):
            raise ValueError("poison")
        return judge(due, active, now=now)

    monkeypatch.setattr(sweep.deadline, "judge", poison)
    done = sweep.sweep(now=clock.now())["looked"]
    assert (done.done, done.failed) == (1, 1)
    assert the_case(account_outside).state == "suspended"
    failed = the_case(other)
    assert (failed.state, failed.attempts) == ("warned", 1)


def test_without_a_cure_the_step_still_needs_traffic_after_the_memo(
    account_outside: Account, detector: Client, policy: PolicyVersion, activate
) -> None:
    activate(policy.document.replace("cure: {quiet: P7D, extend: true}", "cure: null"))
    other = make_account("other")
    for account in (account_outside, other):
        case = warned(account, detector)
    clock.move_to(case.due_at - timedelta(hours=1))
    see(detector, sighting(other, clock.now()))
    pass_time(timedelta(hours=2))
    assert (the_case(account_outside).outcome, the_case(other).state) == ("cured", "suspended")


def test_traffic_from_a_territory_that_is_supported_by_now_is_not_new_traffic(
    account_outside: Account, detector: Client, policy: PolicyVersion, activate
) -> None:
    first = activate(policy.document.replace("cure: {quiet: P7D, extend: true}", "cure: null"))
    see(detector, sighting(account_outside, clock.now(), "RU"))
    case = warned(account_outside, detector)
    activate(first.document.replace("supported: [DE,", "supported: [CN, DE,"))
    clock.move_to(case.due_at - timedelta(hours=1))
    see(detector, sighting(account_outside, clock.now(), "CN"))
    pass_time(timedelta(hours=2))
    assert the_case(account_outside).outcome == "cured"
