"""Every two services that write, at the same accounts at the same moment: none waits for another in a circle."""

import random
import threading
from collections.abc import Callable
from itertools import combinations_with_replacement
from operator import itemgetter

import pytest
from django.contrib.auth.models import User
from django.db import connection

from enforcement.models import Account, Brake, BrakePull, Case, Client, MemoCopy, PolicyVersion, Stop
from enforcement.rules.transitions import Step, StepRefused
from enforcement.services import (
    accounts,
    appeals,
    assessment,
    bounces,
    brake,
    clock,
    exemptions,
    holds,
    intake,
    memos,
    overdue,
    policies,
    retraction,
    review,
    sweep,
    transactions,
)
from enforcement.services.account_documents import read_change
from enforcement.services.appeals import AppealRefused
from enforcement.services.brake import ReleaseRefused
from enforcement.services.holds import HoldRefused
from enforcement.services.notice_rule import NoticeNotOver
from enforcement.services.review import ReviewRefused
from enforcement.services.roles import NotAllowed
from enforcement.services.switches import BrakePulled
from tests.races.conftest import UNLIMITED, seen_of, warning
from tests.stage import sighting

pytestmark = pytest.mark.django_db(transaction=True)
REFUSALS = (
    AppealRefused, BrakePulled, HoldRefused, NotAllowed, NoticeNotOver, ReleaseRefused, ReviewRefused, StepRefused,
)  # fmt: skip
ENFORCEMENT = Brake.What.ENFORCEMENT
Write = Callable[[], object]


@pytest.fixture
def rounds() -> int:
    return 12  # cases; each pair of services meets at all of them


@pytest.fixture(autouse=True)
def a_lost_transaction_is_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadlock that is run again does no harm and would not be seen here."""
    monkeypatch.setattr(transactions, "_LOST", ())


@pytest.fixture
def writes(due: list[Case], detector: Client, policy: PolicyVersion, officer: User, lead: User) -> dict[str, Write]:
    shuffled = random.Random(4)

    def cases() -> list[Case]:
        return shuffled.sample(due, len(due))

    def see() -> object:
        seen = [sighting(each.account, clock.now()) for each in cases()]
        return intake.record(detector, seen, now=clock.now())

    def register() -> object:
        changes = [
            read_change({"external_id": each.account.external_id, "plan": f"{n}"}) for n, each in enumerate(cases())
        ]
        return accounts.upsert(changes, now=clock.now())

    def retract() -> object:
        one, other = cases()[:2]
        taken = seen_of(one)[:1] + seen_of(other)[:1]
        return retraction.retract(detector=detector, external_ids=taken, reason="Bad data.", now=clock.now())

    def bounce() -> object:
        messages = MemoCopy.objects.filter(memo__case__in=cases()[:2]).values_list("message", flat=True)
        return bounces.record(message_ids=list(messages), now=clock.now())

    def appeal() -> object:
        return appeals.file(decision_id=warning(cases()[0]), statement="We travel.", now=clock.now())

    def hold() -> object:
        return holds.place(case_id=cases()[0].pk, reason="We ask.", by=officer, now=clock.now())

    def pull_and_release() -> object:
        brake.pull(ENFORCEMENT, BrakePull.Cause.MANUAL, "We look.", now=clock.now())
        brake.propose_release(ENFORCEMENT, because="Looked.", by=officer)
        return brake.approve_release(ENFORCEMENT, by=lead, now=clock.now())

    def dismiss() -> object:
        case = Case.objects.get(pk=cases()[0].pk)
        asked = {"case_id": case.pk, "reason": "No harm.", "by": officer, "version": case.version}
        return review.propose(step=Step.DISMISS, now=clock.now(), **asked)

    other = policies.draft(UNLIMITED.replace("name: small", "name: other"), now=clock.now())

    def activate() -> object:
        drafted = PolicyVersion.objects.exclude(status=PolicyVersion.Status.ACTIVE).earliest("activated_at")
        return policies.activate(drafted.pk, proposed_by=officer, approved_by=lead, now=clock.now())

    assert {policy.pk, other.pk} == set(PolicyVersion.objects.values_list("pk", flat=True))
    return {
        "accounts.upsert": register,
        "appeals.file": appeal,
        "assessment.assess": lambda: assessment.assess(now=clock.now()),
        "bounces.record": bounce,
        "brake.approve_release": pull_and_release,
        "exemptions.mark_ended": lambda: exemptions.mark_ended(now=clock.now()),
        "holds.place": hold,
        "intake.record": see,
        "memos.render": lambda: memos.render(now=clock.now()),
        "overdue.escalate": lambda: overdue.escalate(now=clock.now()),
        "policies.activate": activate,
        "retraction.retract": retract,
        "review.propose": dismiss,
        "sweep.sweep": lambda: sweep.sweep(now=clock.now()),
    }


def test_no_two_services_wait_for_each_other_in_a_circle(writes: dict[str, Write]) -> None:
    for (one, first), (other, second) in combinations_with_replacement(sorted(writes.items(), key=itemgetter(0)), 2):
        met = _at_once(first, second)
        assert not met, (one, other, met)
    assert Account.objects.count() == 12
    assert Stop.objects.exists()


def _at_once(*work: Write) -> list[Exception]:
    start, errors = threading.Barrier(len(work)), []

    def act(each: Write) -> None:
        try:
            start.wait(timeout=60)
            each()
        except REFUSALS:
            pass  # somebody was there before, and it was said so
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    hands = [threading.Thread(target=act, args=(each,)) for each in work]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    return errors
