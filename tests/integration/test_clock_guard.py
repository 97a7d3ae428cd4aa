"""The guard of the clock: a jump ahead pulls the brake, a clock set back waits, and the test clock means nothing."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User

from enforcement.models import Account, Brake, BrakePull, Client, ClockReading, PolicyVersion
from enforcement.services import assessment, brake, clock, clock_guard, sweep, switches
from enforcement.services.clock_guard import JUMP, Here
from tests.stage import DAY, see, sighting, the_case, warned

pytestmark = pytest.mark.django_db
ENFORCEMENT = Brake.What.ENFORCEMENT
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def read(ahead: timedelta, *, boot_id: UUID | None = None) -> None:
    """A reading of this machine (or another) after which the clock was moved by `ahead`."""
    here = clock_guard.here()
    ClockReading.objects.create(boot_id=boot_id or here.boot_id, uptime=here.uptime, read_at=clock.real_now() - ahead)


def check() -> bool:
    return clock_guard.check(now=clock.now())


def test_the_first_reading_is_believed_and_kept() -> None:
    assert check()
    kept = ClockReading.objects.get()
    assert kept.boot_id == clock_guard.here().boot_id
    assert check()
    assert ClockReading.objects.get().read_at > kept.read_at
    assert switches.pulled_at(ENFORCEMENT) is None


def test_uptime_that_passed_is_no_jump() -> None:
    here = clock_guard.here()
    earlier = {"uptime": here.uptime - DAY, "read_at": clock.real_now() - DAY}
    ClockReading.objects.create(boot_id=here.boot_id, **earlier)
    assert check()
    assert switches.pulled_at(ENFORCEMENT) is None


@pytest.mark.parametrize(("ahead", "pulled"), [(JUMP - SECOND, False), (JUMP + SECOND, True), (30 * DAY, True)])
def test_a_jump_ahead_of_more_than_ten_minutes_pulls_the_brake(ahead: timedelta, pulled: bool) -> None:
    read(ahead)
    check()
    assert (switches.pulled_at(ENFORCEMENT) is not None) == pulled
    assert [each.cause for each in BrakePull.objects.all()] == ["clock"] * pulled


@pytest.mark.parametrize(("away", "pulled"), [(JUMP - SECOND, False), (JUMP + SECOND, True)])
def test_after_a_boot_nobody_knows_how_much_of_the_time_was_real(away: timedelta, pulled: bool) -> None:
    read(away, boot_id=uuid4())
    check()
    assert (switches.pulled_at(ENFORCEMENT) is not None) == pulled


def test_another_machine_that_reads_at_the_same_time_is_no_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check()
    monkeypatch.setattr(clock_guard, "here", lambda: Here(uuid4(), timedelta(hours=3)))
    assert check()
    assert ClockReading.objects.count() == 2
    assert switches.pulled_at(ENFORCEMENT) is None


def test_a_clock_that_was_set_back_lets_decisions_wait_and_pulls_nothing(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    ClockReading.objects.all().delete()
    read(-5 * MINUTE)
    clock.move_to(case.due_at)  # type: ignore[arg-type]
    assert sweep.sweep(now=clock.now()) == {}
    see(detector, sighting(account_outside, clock.now()))
    assert assessment.assess(now=clock.now()).done == 0
    assert the_case(account_outside).state == "warned"
    assert switches.pulled_at(ENFORCEMENT) is None


def test_a_slip_of_less_than_a_second_is_what_clocks_do() -> None:
    read(-SECOND / 2)
    assert check()


def test_moving_the_test_clock_never_matters() -> None:
    assert check()
    clock.advance(400 * DAY)
    assert check()
    clock.advance(-300 * DAY)
    assert check()
    assert switches.pulled_at(ENFORCEMENT) is None


def test_a_jump_is_not_believed_before_two_people_have_released_the_brake(officer: User, lead: User) -> None:
    read(30 * DAY)
    check()
    check()
    assert BrakePull.objects.count() == 1
    brake.propose_release(ENFORCEMENT, because="The clock was wrong before.", by=officer)
    brake.approve_release(ENFORCEMENT, by=lead, now=clock.now())
    check()
    assert switches.pulled_at(ENFORCEMENT) is None


def test_a_release_of_the_mail_says_nothing_about_the_clock(officer: User, lead: User) -> None:
    mail = Brake.What.MAIL
    brake.pull(mail, BrakePull.Cause.MANUAL, "A wrong template.", now=clock.now())
    read(30 * DAY)
    brake.propose_release(mail, because="Corrected.", by=officer)
    brake.approve_release(mail, by=lead, now=clock.now())
    check()
    assert switches.pulled_at(ENFORCEMENT) is not None


def test_a_deadline_that_came_by_a_wrong_clock_has_no_consequence(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    ClockReading.objects.all().delete()
    clock.move_to(case.due_at)  # type: ignore[arg-type]
    see(detector, sighting(account_outside, clock.now()))
    ClockReading.objects.all().delete()
    read(30 * DAY)
    sweep.sweep(now=clock.now())
    assert BrakePull.objects.get().cause == "clock"
    assert the_case(account_outside).state == "warned"
