"""The figures of the home page say what the rows say, day by day, and are counted by nobody who waits for a page."""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from benchmarks.unguarded import unguarded
from enforcement import tasks
from enforcement.models import Account, Case, Client, Figure, PolicyVersion, Score
from enforcement.rules.transitions import Step
from enforcement.services import clock, figures, review
from tests.conftest import SMALL_POLICY, make_account
from tests.stage import DAY, see, sighting, suspended, the_case

pytestmark = pytest.mark.django_db


def counted(name: str) -> Any:
    figures.refresh(now=clock.now())
    return Figure.objects.get(name=name).content


def states(day: int) -> dict[str, int]:
    """How many cases stood where at the end of a day; -1 is today."""
    found = counted("cases")
    return {each["state"]: each["counts"][day] for each in found["states"] if each["counts"][day]}


# -- cases by state ----------------------------------------------------------------------------------------------


def test_a_case_stands_in_the_state_that_it_had_at_the_end_of_each_day(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    opened = clock.now()
    suspended(account_outside, detector)
    days = (clock.now().date() - opened.date()).days
    assert states(-1) == {"suspended": 1}
    assert states(-2) == {"warned": 1}
    assert states(-1 - days) == {"warned": 1}
    assert states(-2 - days) == {}


def test_what_is_closed_stood_somewhere_before(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=4))
    clock.advance(2 * DAY)
    case = the_case(account_outside)
    review.propose(case_id=case.pk, step=Step.DISMISS, reason="No.", by=officer, now=clock.now(), version=0)
    assert states(-1) == {}
    assert states(-2) == states(-3) == {"open": 1}
    assert states(-4) == {}


def test_a_decision_that_was_held_or_refused_moves_nothing(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
) -> None:
    Account.objects.filter(pk=account_outside.pk).update(protected=True)
    see(detector, sighting(account_outside, clock.now()))
    held = the_case(account_outside).decisions.get()
    assert states(-1) == {"open": 1}
    review.refuse(decision_id=held.pk, reason="A traveller.", by=officer, now=clock.now())
    clock.advance(DAY)
    assert states(-1) == states(-2) == {"open": 1}
    assert states(-3) == {}


def test_the_days_are_the_last_ninety_and_each_state_has_them_all(policy: PolicyVersion) -> None:
    found = counted("cases")
    assert (found["days"][-1], len(found["days"])) == (clock.now().date().isoformat(), 90)
    assert [each["state"] for each in found["states"]] == ["open", "warned", "restricted", "suspended", "blocked"]
    assert {len(each["counts"]) for each in found["states"]} == {90}


def test_a_case_from_before_the_ninety_days_is_in_all_of_them(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=4))
    with unguarded("enforcement_case"):
        Case.objects.update(opened_at=clock.now() - timedelta(days=400))
    assert states(0) == {"open": 1}


# -- evidence by territory ---------------------------------------------------------------------------------------


def test_places_that_are_not_supported_are_told_one_by_one_and_the_rest_in_sum(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    now = clock.now()
    see(
        detector,
        sighting(account_outside, now, requests=9),
        sighting(account_outside, now, "UA", subdivision="UA-65", requests=3),
        sighting(account_outside, now, "DE", requests=50),
        sighting(account_outside, now, "FR", requests=5),
        sighting(account_outside, now, "XX", requests=2),
        sighting(account_outside, now, requests=700, outcome="refused"),
        sighting(account_outside, now, kind="billing_country", requests=1000),
        sighting(account_outside, now - timedelta(days=90), requests=10_000),
    )
    found = counted("territories")
    assert found["places"] == [
        {"code": "CN", "answer": "unsupported", "requests": 9},
        {"code": "UA-65", "answer": "unresolved", "requests": 3},
    ]
    assert (found["supported"], found["unknown"], found["others"]) == (55, 2, 0)


def test_only_the_busiest_places_are_told_one_by_one(
    account_outside: Account, detector: Client, policy: PolicyVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "_MOST_PLACES", 1)
    now = clock.now()
    see(detector, sighting(account_outside, now, requests=9), sighting(account_outside, now, "IR", requests=4))
    found = counted("territories")
    assert [each["code"] for each in found["places"]] == ["CN"]
    assert found["others"] == 4


# -- points ------------------------------------------------------------------------------------------------------


def points(policy: PolicyVersion, *given: str) -> None:
    for number, each in enumerate(given):
        account = make_account(f"points-{number}")
        Score.objects.create(account=account, policy=policy, points=Decimal(each), assessed_at=clock.now())


def test_accounts_stand_in_the_bar_of_their_points(policy: PolicyVersion) -> None:
    points(policy, "0", "0.01", "1.99", "2", "38.5", "39.99")
    found = counted("points")
    assert found["width"] == 2
    assert found["none"] == 1
    assert [(bar, count) for bar, count in enumerate(found["bars"]) if count] == [(0, 2), (1, 1), (19, 2)]


@pytest.mark.parametrize(("highest", "width"), [("19.99", 1), ("20", 2), ("100", 10), ("19999", 1000), ("90000", 1000)])
def test_the_bars_are_as_wide_as_the_highest_points_ask(policy: PolicyVersion, highest: str, width: int) -> None:
    points(policy, highest)
    found = counted("points")
    assert found["width"] == width
    assert len(found["bars"]) <= 20
    assert found["bars"][-1] == 1


def test_only_scores_of_the_active_version_are_counted(
    policy: PolicyVersion, activate: Callable[[str], PolicyVersion]
) -> None:
    points(policy, "5")
    newer = activate(SMALL_POLICY.replace("name: small", "name: newer"))
    found = counted("points")
    assert (found["version"], found["bars"], found["none"]) == (newer.pk, [0], 0)


def test_the_thresholds_are_those_of_the_policy(policy: PolicyVersion) -> None:
    assert counted("points")["thresholds"] == [{"rule": "any", "points": 0.01}]


# -- who counts --------------------------------------------------------------------------------------------------


def test_without_a_policy_only_cases_are_counted(db: None) -> None:
    assert figures.refresh(now=clock.now()) == ["cases"]
    assert [figure.name for figure in Figure.objects.all()] == ["cases"]


def test_counting_again_replaces_what_was_counted(policy: PolicyVersion) -> None:
    figures.refresh(now=clock.now())
    now = clock.advance(DAY)
    figures.refresh(now=now)
    assert {figure.as_of for figure in Figure.objects.all()} == {now}
    assert Figure.objects.count() == 3


def test_the_command_says_what_it_counted(policy: PolicyVersion) -> None:
    said = StringIO()
    call_command("figures", stdout=said)
    assert json.loads(said.getvalue()) == {"figures": ["cases", "territories", "points"]}


def test_the_tick_counts_too_and_swallows_what_it_does_not_know(policy: PolicyVersion) -> None:
    tasks.figures(unheard_of=1)
    assert Figure.objects.count() == 3
