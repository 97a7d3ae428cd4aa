"""The brake: pulled it stops every warning and everything worse, released it gives every clock its time back."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pytest_django import Settings

from enforcement.models import Account, AssessmentMark, Brake, BrakePull, Case, Client, PolicyVersion, Stop
from enforcement.rules.transitions import Step
from enforcement.services import appeals, assessment, brake, clock, mail, memos, review, staff, stops, sweep, switches
from enforcement.services.brake import ReleaseRefused
from enforcement.services.roles import NotAllowed, Role
from enforcement.services.switches import BrakePulled
from notifications.models import Message
from tests.conftest import make_account
from tests.stage import DAY, answer_mail, pass_time, see, sighting, suspended, the_case, warned

pytestmark = pytest.mark.django_db
ENFORCEMENT, MAIL = Brake.What.ENFORCEMENT, Brake.What.MAIL
MINIMUM = timedelta(days=7)


def pull(what: Brake.What = ENFORCEMENT) -> BrakePull | None:
    return brake.pull(what, BrakePull.Cause.MANUAL, "We look first.", now=clock.now())


def release(officer: User, lead: User, what: Brake.What = ENFORCEMENT) -> None:
    brake.propose_release(what, because="We have looked.", by=officer)
    brake.approve_release(what, by=lead, now=clock.now())


def test_what_is_due_waits_while_the_brake_is_pulled_and_never_catches_up(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    case = warned(account_outside, detector)
    pull()
    pass_time(40 * DAY)
    see(detector, sighting(account_outside, clock.now()))
    pass_time(DAY)
    assert the_case(account_outside).state == "warned"
    release(officer, lead)
    released_at = clock.now()
    pass_time(timedelta(0))
    case.refresh_from_db()
    assert case.state == "warned"
    assert case.due_at is not None
    assert case.due_at >= released_at + 14 * DAY  # nearly all of its notice was left at the pull
    see(detector, sighting(account_outside, clock.now() + timedelta(minutes=1)))
    clock.move_to(case.due_at)
    see(detector, sighting(account_outside, clock.now()))
    pass_time(timedelta(0))
    assert the_case(account_outside).state == "suspended"


def test_whose_deadline_had_come_gets_the_policys_minimum(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    case = warned(account_outside, detector)
    clock.advance(20 * DAY)  # nobody swept: the step is due
    pull()
    release(officer, lead)
    released_at = BrakePull.objects.get().released_at
    case.refresh_from_db()
    assert case.due_at is not None
    assert released_at is not None
    assert case.due_at == released_at + MINIMUM
    stop = Stop.objects.get(case=case)
    assert (stop.kind, stop.ended_at) == ("brake", released_at)


def test_a_hold_that_begins_and_ends_under_the_brake_is_one_stop_with_it(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    case = warned(account_outside, detector)
    left = case.due_at - clock.now()  # type: ignore[operator]
    pull()
    clock.advance(10 * DAY)
    stops.stop([the_case(account_outside)], Stop.Kind.HOLD, "We ask.", now=clock.now())
    clock.advance(DAY)
    stops.resume([the_case(account_outside)], [Stop.Kind.HOLD], now=clock.now())
    pass_time(30 * DAY)
    release(officer, lead)
    pass_time(timedelta(0))
    case.refresh_from_db()
    assert case.remaining is None
    assert case.due_at is not None
    assert abs(case.due_at - (clock.now() + left)) < timedelta(minutes=1)


def test_a_clock_that_would_start_under_the_brake_keeps_all_of_its_notice(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    pull()
    answer_mail()
    pass_time(20 * DAY)
    assert the_case(account_outside).accepted_at is not None
    release(officer, lead)
    pass_time(timedelta(0))
    case = the_case(account_outside)
    assert case.due_at is not None
    assert case.due_at >= clock.now() + 15 * DAY - timedelta(minutes=1)


def test_nobody_is_warned_under_the_brake_and_nobody_is_forgotten(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    pull()
    see(detector, sighting(account_outside, clock.now()))
    assert the_case(account_outside).state == "open"
    assert not AssessmentMark.objects.exists()
    release(officer, lead)
    assessment.assess(now=clock.now())
    assert the_case(account_outside).state == "warned"


def test_people_can_make_nothing_worse_under_the_brake_and_everything_better(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    case = suspended(account_outside, detector)
    answer_mail()
    pass_time(31 * DAY)
    pull()
    case.refresh_from_db()
    asked = {"case_id": case.pk, "reason": "By hand.", "by": officer, "now": clock.now(), "version": case.version}
    if case.state == "suspended":
        with pytest.raises(BrakePulled):
            review.propose(step=Step.BLOCK, **asked)
    review.propose(step=Step.REINSTATE, **asked)
    assert the_case(account_outside).outcome == "reinstated"


def test_a_release_takes_two_people_one_of_them_a_lead(officer: User, lead: User) -> None:
    again = staff.create(
        "leo-2", email="leo2@provider.test", role=Role.LEAD, password=None, second_login_of=lead.username
    )
    with pytest.raises(ReleaseRefused, match="not pulled"):
        brake.propose_release(ENFORCEMENT, because="Why not.", by=officer)
    pull()
    with pytest.raises(ReleaseRefused, match="proposed"):
        brake.approve_release(ENFORCEMENT, by=lead, now=clock.now())
    brake.propose_release(ENFORCEMENT, because="Looked.", by=lead)
    for somebody in (lead, again):
        with pytest.raises(NotAllowed, match="Somebody else"):
            brake.approve_release(ENFORCEMENT, by=somebody, now=clock.now())
    with pytest.raises(NotAllowed, match="takes a lead"):
        brake.approve_release(ENFORCEMENT, by=officer, now=clock.now())
    assert switches.pulled_at(ENFORCEMENT) is not None
    brake.propose_release(ENFORCEMENT, because="Looked.", by=officer)
    brake.approve_release(ENFORCEMENT, by=lead, now=clock.now())
    assert switches.pulled_at(ENFORCEMENT) is None


def test_a_second_pull_changes_nothing() -> None:
    first = pull()
    clock.advance(DAY)
    assert pull() is None
    assert BrakePull.objects.get() == first


def test_mail_waits_for_its_own_brake(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    memos.render(now=clock.now())
    pull(MAIL)
    assert mail.deliver() == {}
    assert Message.objects.get().attempts == 0
    release(officer, lead, MAIL)
    mail.deliver()
    assert Message.objects.get().attempts == 1


def test_too_many_open_appeals_for_the_reviewers_pull_it_and_keep_it_pulled(
    account_outside: Account,
    detector: Client,
    policy: PolicyVersion,
    officer: User,
    lead: User,
    settings: Settings,
) -> None:
    settings.MAX_OPEN_APPEALS_PER_REVIEWER = 0
    case = warned(account_outside, detector)
    brake.watch(now=clock.now())
    assert switches.pulled_at(ENFORCEMENT) is None
    appeal = appeals.file(decision_id=case.decisions.get().pk, statement="We were travelling.", now=clock.now())
    sweep.sweep(now=clock.now())
    assert BrakePull.objects.get().cause == "appeals"
    brake.propose_release(ENFORCEMENT, because="Looked.", by=officer)
    with pytest.raises(ReleaseRefused, match="1 appeals are open for 2 reviewers"):
        brake.approve_release(ENFORCEMENT, by=lead, now=clock.now())
    appeals.decide(appeal_id=appeal.pk, overturn=False, reason="It was you.", by=officer, now=clock.now())
    brake.approve_release(ENFORCEMENT, by=lead, now=clock.now())
    assert switches.pulled_at(ENFORCEMENT) is None


class TestCommand:
    def test_two_names_release_what_one_pulled(
        self, officer: User, lead: User, capsys: pytest.CaptureFixture[str]
    ) -> None:
        call_command("brake", "pull", "--by", "olga", "--reason", "Odd figures.")
        assert '"reason": "Odd figures.", "by": "olga"' in capsys.readouterr().out
        call_command("brake", "status")
        assert '"pulled": true' in capsys.readouterr().out
        call_command("brake", "release", "--by", "olga", "--by", "leo")
        assert '"pulled": true' not in capsys.readouterr().out

    @pytest.mark.parametrize("by", [[], ["leo"], ["leo", "leo"], ["leo", "olga"]])
    def test_no_fewer_and_no_others_do(self, officer: User, lead: User, by: list[str]) -> None:
        call_command("brake", "pull")
        with pytest.raises(CommandError) as refused:
            call_command("brake", "release", *(part for name in by for part in ("--by", name)))
        assert refused.value.returncode == 2
        assert switches.pulled_at(ENFORCEMENT) is not None


@pytest.mark.django_db(transaction=True)
def test_a_pull_waits_for_the_batch_that_runs_and_lets_no_other_past(policy: PolicyVersion) -> None:
    """The queue of the switch is fair: deciders that take turns cannot keep the brake waiting."""
    shared, go_on, seen = threading.Event(), threading.Event(), []

    def decide() -> None:
        with transaction.atomic():
            seen.append(switches.share(ENFORCEMENT))
            shared.set()
            assert go_on.wait(10)
        connection.close()

    def pull_it() -> None:
        pull()
        connection.close()

    first, puller = threading.Thread(target=decide), threading.Thread(target=pull_it)
    first.start()
    assert shared.wait(10)
    puller.start()
    _until_somebody_waits()
    later = threading.Thread(target=decide)
    later.start()
    go_on.set()
    for thread in (first, puller, later):
        thread.join(20)
        assert not thread.is_alive()
    assert seen[0] is None
    assert seen[1] is not None  # it came after the pull had begun, so it waited for it


def _until_somebody_waits() -> None:
    waiting = 0
    while not waiting:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            (waiting,) = cursor.fetchone()


def test_a_second_account_is_no_reason_to_forget_the_first(
    detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    """The release walks all clocks, batch by batch, and twice over none."""
    accounts = [make_account(f"many-{n}") for n in range(7)]
    for account in accounts:
        warned(account, detector)
    pull()
    clock.advance(DAY)
    brake.propose_release(ENFORCEMENT, because="Looked.", by=officer)
    brake.approve_release(ENFORCEMENT, by=lead, now=clock.now())
    assert Stop.objects.filter(kind="brake").count() == len(accounts)
    assert not Case.objects.filter(remaining__isnull=False).exists()
