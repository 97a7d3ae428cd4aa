"""The budget of the automation: nobody spends more of it than there is, and what is not taken comes back."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from enforcement.models import Account, Brake, BrakePull, Budget, Case, Client, PolicyVersion
from enforcement.rules.policy import Policy
from enforcement.rules.transitions import Step
from enforcement.services import budget, clock, review, sweep, switches
from enforcement.services.switches import NoSwitch
from tests.conftest import SMALL_POLICY, make_account
from tests.stage import answer_mail, pass_time, see, sighting, the_case

pytestmark = pytest.mark.django_db
ENFORCEMENT = Brake.What.ENFORCEMENT
HOUR = timedelta(hours=1)


def limited(steps: int, share: float = 1) -> str:
    return SMALL_POLICY + f"safety: {{max_steps_per_hour: {steps}, max_share_of_accounts: {share}}}\n"


@pytest.fixture
def three_an_hour(activate: Callable[[str], PolicyVersion]) -> Policy:
    return activate(limited(3)).rules


def due(detector: Client, number: int) -> list[Account]:
    """Accounts whose deadline has come and whose traffic went on."""
    accounts = [make_account(f"due-{n}") for n in range(number)]
    see(detector, *(sighting(account, clock.now()) for account in accounts))
    answer_mail()
    sweep.sweep(now=clock.now())
    clock.move_to(max(case.due_at for case in Case.objects.all() if case.due_at))
    see(detector, *(sighting(account, clock.now()) for account in accounts))
    return accounts


def suspend(detector: Client, number: int) -> datetime:
    """So many steps of the automation, all at the moment that is answered."""
    due(detector, number)
    sweep.sweep(now=(now := clock.now()))
    assert Case.objects.filter(state="suspended").count() == number
    return now


@pytest.mark.django_db(transaction=True)  # the brake is pulled after the commit
def test_what_the_budget_does_not_cover_stays_due_and_pulls_the_brake(detector: Client, three_an_hour: Policy) -> None:
    accounts = due(detector, 5)
    told = {account.pk: the_case(account).due_at for account in accounts}
    sweep.sweep(now=clock.now())
    states = [the_case(account).state for account in accounts]
    assert sorted(states) == ["suspended"] * 3 + ["warned"] * 2
    for account in accounts:
        case = the_case(account)
        assert case.state == "suspended" or (case.due_at, case.remaining) == (told[account.pk], None)
    pulled = BrakePull.objects.get()
    assert (pulled.what, pulled.cause, pulled.pulled_by) == ("enforcement", "budget", None)
    pass_time(2 * HOUR)  # the hour is over, and the brake is not
    assert Case.objects.filter(state="suspended").count() == 3


def test_the_budget_is_not_spent_by_warnings_or_people(
    detector: Client, three_an_hour: Policy, officer: User, lead: User
) -> None:
    for account in due(detector, 3):
        case = the_case(account)
        asked = {"reason": "By hand.", "now": clock.now()}
        held = review.propose(case_id=case.pk, step=Step.SUSPEND, by=officer, version=case.version, **asked)
        review.approve(decision_id=held.pk, by=lead, **asked)
        assert the_case(account).state == "suspended"
    assert budget.reserve(3, policy=three_an_hour, now=clock.now()) == 3


def test_an_hour_later_there_is_a_new_budget(detector: Client, three_an_hour: Policy) -> None:
    now = suspend(detector, 3)
    assert budget.reserve(1, policy=three_an_hour, now=now + HOUR - timedelta(microseconds=1)) == 0
    assert budget.reserve(1, policy=three_an_hour, now=now + HOUR) == 1


def test_the_share_of_a_day_begins_with_the_twentieth_step(
    detector: Client, activate: Callable[[str], PolicyVersion]
) -> None:
    policy = activate(limited(1000, 0.005)).rules
    now = suspend(detector, 18)
    assert budget.reserve(2, policy=policy, now=now + 20 * HOUR) == 1  # no step at all would be 0.5 % of 18 accounts
    Account.objects.bulk_create(Account(external_id=f"crowd-{n}", name="Crowd") for n in range(3982))
    assert budget.reserve(3, policy=policy, now=now + 20 * HOUR) == 2  # 4,000 accounts have a share of 20
    assert budget.reserve(30, policy=policy, now=now + 24 * HOUR) == 20  # another day


def test_a_rollback_gives_everything_back_and_pulls_nothing(three_an_hour: Policy) -> None:
    def fail_after_reserving() -> None:
        with transaction.atomic():
            assert budget.reserve(5, policy=three_an_hour, now=clock.now()) == 3
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_reserving()
    assert Budget.objects.get().steps == 0
    assert switches.pulled_at(ENFORCEMENT) is None


def test_what_is_not_granted_is_not_counted_as_spent(three_an_hour: Policy) -> None:
    budget.reserve(5, policy=three_an_hour, now=clock.now())
    assert Budget.objects.get().steps == 3


def test_without_its_row_nothing_is_granted(three_an_hour: Policy) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE enforcement_budget")
    with pytest.raises(NoSwitch, match="budget"):
        budget.reserve(1, policy=three_an_hour, now=clock.now())
    switches.make()


@pytest.mark.django_db(transaction=True)
class TestManyDeciders:
    def test_together_they_take_no_step_too_many(self, detector: Client, three_an_hour: Policy) -> None:
        due(detector, 8)
        now, start = clock.now(), threading.Barrier(4)
        failures: list[Exception] = []

        def decide() -> None:
            try:
                start.wait(10)
                sweep.sweep(now=now)
            except Exception as failed:
                failures.append(failed)
            finally:
                connection.close()

        deciders = [threading.Thread(target=decide) for _ in range(4)]
        for each in deciders:
            each.start()
        for each in deciders:
            each.join(60)
        assert not failures
        assert Case.objects.filter(state="suspended").count() == 3
        assert Case.objects.filter(state="warned").count() == 5
        assert BrakePull.objects.get().cause == "budget"

    def test_the_second_waits_for_the_first_and_sees_what_it_took(
        self, detector: Client, three_an_hour: Policy
    ) -> None:
        """Counted before the first had committed, the second would be granted everything once more."""
        due(detector, 2)
        now, granted = clock.now(), []

        def second() -> None:
            with transaction.atomic():
                granted.append(budget.reserve(3, policy=three_an_hour, now=now))
            connection.close()

        thread = threading.Thread(target=second)
        with transaction.atomic():
            sweep.sweep(now=now)
            assert Case.objects.filter(state="suspended").count() == 2
            thread.start()
            _until_somebody_waits_for_a_row()
        thread.join(20)
        assert granted == [1]
        assert BrakePull.objects.get().cause == "budget"


def _until_somebody_waits_for_a_row() -> None:
    waiting = 0
    while not waiting:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted")
            (waiting,) = cursor.fetchone()
