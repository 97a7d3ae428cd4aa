"""Random lives on a real database: nothing that must not happen happens, and whoever breaks a rule is found out."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from enforcement.models import PolicyVersion
from enforcement.rules import deadlines
from enforcement.rules.decisions import AtDeadline, Proposal, Wait, at_deadline
from enforcement.rules.policy import Policy
from enforcement.services import acceptance, deadline, retraction, roles, staff, stops, switches
from enforcement.services.roles import Role
from tests.conftest import SMALL_POLICY
from tests.machine.life import Life

pytestmark = pytest.mark.django_db
FULL = "ENFORCEMENT_FULL" in os.environ
full = pytest.mark.skipif(not FULL, reason="the long form: ./run test --full")
USUAL = settings(
    max_examples=400 if FULL else 20,
    stateful_step_count=40 if FULL else 25,
    deadline=None,
    derandomize=not FULL,
    database=None,
    suppress_health_check=list(HealthCheck),
)
SEARCH = settings(USUAL, max_examples=600 if FULL else 120, phases=[Phase.generate], derandomize=True)


@pytest.fixture(autouse=True)
def cast(activate: Callable[[str], PolicyVersion], officer: User, lead: User) -> Iterator[None]:
    activate(SMALL_POLICY)
    Life.cast = {
        "officer": officer,
        "lead": lead,
        "again": staff.create(
            "olga-2", email="o2@provider.test", role=Role.LEAD, password=None, second_login_of=officer.username
        ),
        "judge": staff.create("judy", email="judy@provider.test", role=Role.LEAD, password=None),
    }
    yield
    del Life.cast


def test_no_life_breaks_an_invariant_or_a_promise() -> None:
    run_state_machine_as_test(Life, settings=USUAL)  # type: ignore[no-untyped-call]


def _no_notice(accepted_at: datetime, *_: object, **__: object) -> datetime:
    return accepted_at


def _left(ended_at: datetime, left: timedelta, _: timedelta) -> datetime:
    return ended_at + left


def _at_once(found: AtDeadline, policy: Policy, now: datetime) -> Proposal | Wait:
    return at_deadline(found, replace(policy, ladder=replace(policy.ladder, cure=None)), now)


def _never_back(state: str, accepted_at: datetime | None, _: object, copy: type = acceptance._Copy) -> object:
    return copy(state, accepted_at, None)


# What is broken, and where; the others of tests/model are of guards that only the model has.
MUTANTS: dict[str, tuple[object, str, object]] = {
    "a deadline without its notice": (deadlines, "due_at", _no_notice),
    "a stop gives no time back": (deadlines, "resumed", _left),
    "stops are not seen": (stops, "stopped_cases", lambda *_, **__: set()),
    "the brake is not seen": (switches, "pulled_at", lambda _: None),
    "a memo that came back counts": (acceptance, "_Copy", _never_back),
    "the cure eats the notice": (deadline, "at_deadline", _at_once),
    "withdrawn evidence is not judged": (retraction, "_judge_again", lambda *_: None),
    "one person signs twice": (roles, "people_of", lambda logins: {getattr(each, "pk", each) for each in logins}),
}


@full
@pytest.mark.parametrize("name", MUTANTS)
def test_whoever_breaks_a_rule_is_found_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, attribute, broken = MUTANTS[name]
    monkeypatch.setattr(module, attribute, broken)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever notices: the machine, an invariant, the database
        run_state_machine_as_test(Life, settings=SEARCH)  # type: ignore[no-untyped-call]
