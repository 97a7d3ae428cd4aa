"""The table of transitions: which arrows there are, who must agree, and what each brings about."""

from itertools import product
from pathlib import Path

import pytest

from enforcement.rules.transitions import (
    ENDING_OF,
    NEEDS_NOTICE,
    TRANSITIONS,
    WORSENING,
    Effect,
    State,
    Step,
    StepRefused,
    as_mermaid,
    find_transition,
    standing_of,
    steps_from,
)

CLOSING = {Step.DISMISS, Step.CURE, Step.REINSTATE, Step.WITHDRAW, Step.FREE}
ARROWS = {
    (State.OPEN, Step.WARN): (State.WARNED, 1),
    (State.WARNED, Step.RESTRICT): (State.RESTRICTED, 2),
    (State.WARNED, Step.SUSPEND): (State.SUSPENDED, 2),
    (State.WARNED, Step.BLOCK): (State.BLOCKED, 2),
    (State.RESTRICTED, Step.SUSPEND): (State.SUSPENDED, 2),
    (State.SUSPENDED, Step.BLOCK): (State.BLOCKED, 2),
    (State.OPEN, Step.RESTRICT_NOW): (State.RESTRICTED, 2),
    (State.WARNED, Step.RESTRICT_NOW): (State.RESTRICTED, 2),
    **{(state, Step.NARROW): (state, 0) for state in (State.SUSPENDED, State.BLOCKED)},
    **{(state, Step.WIDEN): (state, 1) for state in (State.SUSPENDED, State.BLOCKED)},
    **{(State.OPEN, step): (State.CLOSED, 1) for step in CLOSING - {Step.REINSTATE}},
    **{
        (state, step): (State.CLOSED, 1)
        for state in (State.WARNED, State.RESTRICTED, State.SUSPENDED, State.BLOCKED)
        for step in CLOSING
    },
}


@pytest.mark.parametrize(("state", "step"), list(product(State, Step)))
def test_every_pair_is_an_arrow_of_the_semantics_or_refused(state: State, step: Step) -> None:
    if (state, step) in ARROWS:
        found = find_transition(state, step)
        assert (found.target, found.people) == ARROWS[state, step]
    else:
        with pytest.raises(StepRefused, match=f"that is {state} cannot take the step {step}"):
            find_transition(state, step)


def test_no_arrow_stands_twice() -> None:
    assert len({(each.source, each.step) for each in TRANSITIONS}) == len(TRANSITIONS)


def test_nothing_leads_out_of_a_closed_case() -> None:
    assert steps_from(State.CLOSED) == ()


def test_only_a_warning_leads_from_an_open_case_to_anything_worse_except_the_lawful_path() -> None:
    worse = {each.step for each in TRANSITIONS if each.source is State.OPEN and each.target is not State.CLOSED}
    assert worse == {Step.WARN, Step.RESTRICT_NOW}


def test_the_path_without_notice_takes_counsel_and_no_other_does() -> None:
    assert {each.step for each in TRANSITIONS if each.counsel} == {Step.RESTRICT_NOW}


def test_whatever_makes_things_worse_is_announced_and_restricts() -> None:
    for each in TRANSITIONS:
        refuses = each.target in (State.RESTRICTED, State.SUSPENDED, State.BLOCKED)
        assert (Effect.RESTRICT in each.effects) is refuses
        assert each.step in WORSENING or not refuses or each.source is each.target
        assert each.step not in WORSENING or Effect.SEND_MEMO in each.effects


def test_a_late_answer_narrows_what_is_refused_and_leaves_the_state_and_its_deadline() -> None:
    for each in (each for each in TRANSITIONS if each.step in (Step.NARROW, Step.WIDEN)):
        assert each.source is each.target
        assert each.effects == (Effect.RESTRICT,)
    assert standing_of(State.BLOCKED, narrowed=True) is State.RESTRICTED
    assert standing_of(State.BLOCKED, narrowed=False) is State.BLOCKED


def test_only_the_path_without_notice_needs_none() -> None:
    assert {Step.RESTRICT_NOW} == WORSENING - NEEDS_NOTICE


def test_whoever_was_told_of_a_case_is_told_of_its_end_and_every_restriction_is_lifted() -> None:
    for each in TRANSITIONS:
        if each.target is State.CLOSED and each.source is not State.OPEN:
            assert {Effect.SEND_MEMO, Effect.LIFT, Effect.CLEAR_DEADLINE} <= set(each.effects)


def test_every_step_that_closes_has_an_ending_and_no_other() -> None:
    assert set(ENDING_OF) == {each.step for each in TRANSITIONS if each.target is State.CLOSED}


def test_the_picture_in_the_docs_is_the_table() -> None:
    page = Path(__file__).parents[3] / "docs" / "states.md"
    assert as_mermaid() in page.read_text(encoding="utf-8")
