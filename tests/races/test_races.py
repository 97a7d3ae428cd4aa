"""Two at one case in the same moment: whoever locks first has decided, and the other one sees it."""

from collections import Counter
from functools import partial

import pytest
from django.contrib.auth.models import User

from enforcement.models import Brake, BrakePull, Case, Client, Decision, Exemption, MemoCopy, Restriction, Stop
from enforcement.rules.transitions import Step, StepRefused
from enforcement.services import (
    appeals,
    batches,
    bounces,
    brake,
    clock,
    exemptions,
    holds,
    retraction,
    review,
    sweep,
)
from enforcement.services.appeals import AppealRefused
from enforcement.services.holds import HoldRefused
from enforcement.services.review import ReviewRefused
from enforcement.services.switches import BrakePulled
from tests.conftest import DAY
from tests.races.conftest import Met, decide, now_and_then, race, seen_of, warning

pytestmark = pytest.mark.django_db(transaction=True)


def outcomes(met: list[Met]) -> Counter[str]:
    """How the races ended, by state; both ends must have been met, or the two never were at one case at a time."""
    return Counter(now_and_then(each.case)[0] for each in met)


def test_an_appeal_that_was_accepted_first_is_followed_by_no_suspension(due: list[Case]) -> None:
    met = race(due, decide, _appeal, refusals=(AppealRefused,))
    for each in met:
        state, steps = now_and_then(each.case)
        stop = Stop.objects.filter(case=each.case, kind=Stop.Kind.APPEAL).first()
        if state == "suspended":
            suspended = Decision.objects.get(case=each.case, step=Step.SUSPEND)
            assert suspended.settled_at is not None
            assert stop is None or stop.started_at >= suspended.settled_at
        else:
            assert (state, steps, stop is not None) == ("warned", ["warn"], True)
    assert set(outcomes(met)) == {"suspended", "warned"}


def _appeal(case: Case) -> object:
    return appeals.file(decision_id=warning(case), statement="We were travelling.", now=clock.now())


def test_what_rests_on_withdrawn_evidence_never_stands(due: list[Case], detector: Client) -> None:
    met = race(due, decide, partial(_retract, detector))
    for each in met:
        state, steps = now_and_then(each.case)
        assert state == "closed"
        assert steps in (["warn", "withdraw"], ["warn", "suspend", "withdraw"])
    assert not Restriction.objects.filter(lifted_at=None).exists()
    assert {len(now_and_then(each.case)[1]) for each in met} == {2, 3}


def _retract(detector: Client, case: Case) -> object:
    return retraction.retract(detector=detector, external_ids=seen_of(case), reason="A bad release.", now=clock.now())


def test_two_sweepers_settle_every_case_once(due: list[Case], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH", 1)  # so that they meet at every one
    race(due[:1], _sweep, _sweep)
    assert {tuple(now_and_then(each)[1]) for each in due} == {("warn", "suspend")}
    assert Restriction.objects.count() == len(due)


def _sweep(_: Case) -> object:
    return sweep.sweep(now=clock.now())


@pytest.mark.parametrize("step", [Step.DISMISS, Step.REINSTATE])
def test_who_closes_a_case_by_hand_meets_it_as_they_saw_it_or_is_told(
    due: list[Case], officer: User, step: Step
) -> None:
    met = race(due, decide, partial(_propose, officer, step), refusals=(ReviewRefused, StepRefused))
    for each in met:
        state, steps = now_and_then(each.case)
        refused = isinstance(each.other, Exception)
        assert (state, steps) == (("suspended", ["warn", "suspend"]) if refused else ("closed", ["warn", step]))
    assert set(outcomes(met)) == {"suspended", "closed"}


def _propose(by: User, step: Step, case: Case) -> object:
    return review.propose(
        case_id=case.pk, step=step, reason="We have looked.", by=by, now=clock.now(), version=case.version
    )


def test_a_memo_that_came_back_first_is_followed_by_no_suspension(due: list[Case]) -> None:
    met = race(due, decide, _bounce)
    for each in met:
        state, _ = now_and_then(each.case)
        stopped = Stop.objects.filter(case=each.case, kind=Stop.Kind.BOUNCE).exists()
        assert (state, stopped) in (("suspended", False), ("warned", True))
    assert set(outcomes(met)) == {"suspended", "warned"}


def _bounce(case: Case) -> object:
    messages = MemoCopy.objects.filter(memo__case=case, memo__kind="warning").values_list("message", flat=True)
    return bounces.record(message_ids=list(messages), words="550 5.1.1 unknown", now=clock.now())


def test_a_case_that_was_held_first_is_not_suspended(due: list[Case], officer: User) -> None:
    met = race(due, decide, partial(_hold, officer), refusals=(HoldRefused,))
    for each in met:
        assert isinstance(each.other, Stop)
        suspended = Decision.objects.filter(case=each.case, step=Step.SUSPEND).first()
        assert suspended is None or (suspended.settled_at or each.other.started_at) <= each.other.started_at
    assert set(outcomes(met)) == {"suspended", "warned"}


def _hold(by: User, case: Case) -> object:
    return holds.place(case_id=case.pk, reason="We ask them.", by=by, now=clock.now())


def test_an_account_that_was_exempt_first_is_not_suspended(due: list[Case], officer: User) -> None:
    met = race(due, decide, partial(_exempt, officer))
    for each in met:
        assert isinstance(each.other, Exemption)
        suspended = Decision.objects.filter(case=each.case, step=Step.SUSPEND).first()
        assert suspended is None or (suspended.settled_at or each.other.starts_at) <= each.other.starts_at
    assert set(outcomes(met)) == {"suspended", "warned"}


def _exempt(by: User, case: Case) -> object:
    return exemptions.grant(
        account_id=case.account_id,
        scope=Exemption.Scope.ACCOUNT,
        reason="They migrate.",
        by=by,
        ends_at=clock.now() + DAY,
        now=clock.now(),
    )


def test_once_the_brake_is_pulled_nothing_more_is_decided(due: list[Case]) -> None:
    """It is pulled in the middle of them, while the other hand goes on."""
    middle = due[len(due) // 2]
    met = race(due, decide, partial(_pull_at, middle), refusals=(BrakePulled,))
    pulled = BrakePull.objects.get()
    settled = Decision.objects.filter(step=Step.SUSPEND)
    assert not settled.filter(settled_at__gt=pulled.pulled_at).exists()
    assert set(outcomes(met)) == {"suspended", "warned"}


def _pull_at(middle: Case, case: Case) -> object:
    if case != middle:
        return None
    return brake.pull(Brake.What.ENFORCEMENT, BrakePull.Cause.MANUAL, "We look first.", now=clock.now())
