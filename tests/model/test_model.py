"""Every state that the machine can reach, within a bound that is stated; and rules taken away, of which each is missed.

`--full` (ENFORCEMENT_FULL) searches further. `python -m tests.model` prints the figures of both.
"""

import os
from collections.abc import Callable
from functools import cache

import pytest

from enforcement.rules.transitions import Step
from tests.model import worlds
from tests.model.mutants import MUTANTS, Mutant
from tests.model.search import Bounds, Found, search

FULL = bool(os.environ.get("ENFORCEMENT_FULL"))


@cache
def _searched(world: Callable[[bool], Bounds], full: bool) -> Found:
    return search(world(full))


@pytest.mark.parametrize("world", worlds.WORLDS, ids=lambda world: world.__name__)
def test_no_reachable_state_breaks_an_invariant_and_from_each_all_that_is_due_is_done(
    world: Callable[[bool], Bounds],
) -> None:
    found = _searched(world, FULL)
    assert found.complete, f"\n{found.violation}"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.wrong)
def test_a_rule_or_guard_that_is_wrong_is_found(mutant: Mutant) -> None:
    with mutant():
        found = search(mutant.world(False))
    assert found.violation is not None, "survives"
    assert found.violation.sentence.startswith(mutant.breaks), f"\n{found.violation}"


def test_the_worlds_take_every_step_of_the_table() -> None:
    taken = set().union(*(_searched(world, FULL).steps for world in worlds.WORLDS))
    assert taken == set(Step)
