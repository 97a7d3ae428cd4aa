"""Many accounts at their deadline, and two hands that meet at each of them."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest
from django.db import connection, transaction

from enforcement.models import Account, Case, Client, Contact, Decision, Evidence, PolicyVersion
from enforcement.rules.transitions import Step
from enforcement.services import assessment, clock, intake, invariants, memos, sweep
from enforcement.services.locks import lock_accounts
from notifications.models import Message
from tests.conftest import SMALL_POLICY
from tests.stage import sighting

UNLIMITED = SMALL_POLICY + "safety: {max_steps_per_hour: 1000000, max_share_of_accounts: 1}\n"
_LONGEST_DELAY = 0.004  # seconds: about as long as a decision holds its lock

Act = Callable[[Case], object]


@pytest.fixture
def rounds() -> int:
    """A thousand of each race with `--full`; without, enough to meet in both orders."""
    return 1000 if "ENFORCEMENT_FULL" in os.environ else 60


@pytest.fixture
def policy(activate: Callable[[str], PolicyVersion]) -> PolicyVersion:
    return activate(UNLIMITED)


@pytest.fixture(autouse=True)
def nothing_is_broken() -> Iterator[None]:
    yield
    assert [str(each) for each in invariants.check(now=clock.now(), late=False)] == []


@pytest.fixture
def due(rounds: int, detector: Client, policy: PolicyVersion) -> list[Case]:
    """So many cases whose notice is over and whose traffic went on; by services, since nobody else may write them."""
    accounts = Account.objects.bulk_create(Account(external_id=f"race-{n:04}", name="Race") for n in range(rounds))
    Contact.objects.bulk_create(
        Contact(account=each, role=Contact.Role.OWNER, email=f"owner@{each.external_id}.test") for each in accounts
    )
    _see(detector, accounts)
    assessment.assess(now=clock.now())
    memos.render(now=clock.now())
    accepted = {"state": Message.State.ACCEPTED, "accepted_at": clock.now(), "next_attempt_at": None}
    Message.objects.update(**accepted)
    sweep.sweep(now=clock.now())
    last = Case.objects.latest("due_at").due_at
    assert last is not None
    clock.move_to(last)
    _see(detector, accounts)
    cases = list(Case.objects.filter(state="warned").select_related("account").order_by("pk"))
    assert len(cases) == rounds
    return cases


def _see(detector: Client, accounts: Sequence[Account]) -> None:
    items = [sighting(account, clock.now()) for account in accounts]
    assert intake.record(detector, items, now=clock.now()).accepted == len(items)


@dataclass(frozen=True, slots=True)
class Met:
    """What each of the two hands answered at one case: a value, or what it was refused with."""

    case: Case
    one: object
    other: object


def race(cases: Sequence[Case], one: Act, other: Act, refusals: tuple[type[Exception], ...] = ()) -> list[Met]:
    """Both act on each case at the same moment, one of them a little later by chance; other errors come out."""
    start = threading.Barrier(2)
    answers: tuple[list[object], list[object]] = ([], [])
    errors: list[Exception] = []

    def act(index: int, what: Act) -> None:
        delay = random.Random(f"{what}-{index}")
        try:
            for case in cases:
                start.wait(timeout=60)
                time.sleep(delay.random() * _LONGEST_DELAY * delay.randint(0, 1))
                try:
                    answers[index].append(what(case))
                except refusals as refused:
                    answers[index].append(refused)
        except Exception as error:
            errors.append(error)
            start.abort()
        finally:
            connection.close()

    hands = [threading.Thread(target=act, args=each) for each in enumerate((one, other))]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert not errors, errors
    return [Met(*each) for each in zip(cases, *answers, strict=True)]


def decide(case: Case) -> object:
    """What a sweeper does with one account that it has claimed; False where somebody else holds it."""
    with transaction.atomic():
        if not lock_accounts([case.account_id], wait=False):
            return False
        sweep.look([case.account_id], now=clock.now())
        return True


def now_and_then(case: Case) -> tuple[str, list[str]]:
    """The state of the case, and the steps taken on it."""
    steps = Decision.objects.filter(case=case, status=Decision.Status.APPLIED).order_by("pk")
    return Case.objects.get(pk=case.pk).state, list(steps.values_list("step", flat=True))


def warning(case: Case) -> int:
    return Decision.objects.get(case=case, step=Step.WARN).pk


def seen_of(case: Case) -> list[str]:
    return list(Evidence.objects.filter(account=case.account_id).values_list("external_id", flat=True))
