"""Rules and guards taken away, one at a time. Each must be found; one that changes nothing is not in the table."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any
from unittest.mock import patch

from enforcement.rules import deadlines, decisions, transitions
from enforcement.rules.decisions import AtDeadline
from enforcement.rules.transitions import Effect, Scope, Step, Transition
from tests.model import doors, guards, outside, turn, worlds
from tests.model.search import Bounds
from tests.model.state import TICK, Case, Memo, Worker, World
from tests.model.turn import Turn

Change = tuple[ModuleType | type | dict[Any, Any], Any, Any]  # where, what, and what stands there instead


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is wrong, in a sentence; the first words of the property that it breaks; where it is looked for."""

    wrong: str
    breaks: str
    world: Callable[[bool], Bounds]
    changes: tuple[Change, ...]

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with _patched(self.changes):
            yield


@contextmanager
def _patched(changes: tuple[Change, ...]) -> Iterator[None]:
    if not changes:
        yield
        return
    (where, name, instead), *others = changes
    one = patch.dict(where, {name: instead}) if isinstance(where, dict) else patch.object(where, name, instead)
    with one, _patched(tuple(others)):
        yield


# What the deciding transaction asks last. A few rules have this proof behind them: both have to be wrong.
_UNPROVED: Change = (guards, "notice_proved", lambda case, now: True)

_due_at, _at_deadline, _people = deadlines.due_at, decisions.at_deadline, decisions._people
_find, _reception, _stopped, _look = transitions.find_transition, guards.reception, guards.stopped, doors.look
_judged_again, _look_again, _lift, _enough = guards.judged_again, guards.look_again, Turn.lift, guards.enough


def _rendered(memo: Memo, accepted_at: datetime) -> datetime:
    return memo.rendered_at or accepted_at


def _without_told(accepted_at: datetime, notice: timedelta, **others: Any) -> datetime:
    return _due_at(accepted_at, notice, **others | {"told": None})


def _without_contract(accepted_at: datetime, notice: timedelta, **others: Any) -> datetime:
    return _due_at(accepted_at, notice, told=None)


def _stopped_by_less(*kinds: str) -> Callable[..., bool]:
    return lambda case, besides="": bool(case.stops - {besides, *kinds})


def _nothing_is_old(found: AtDeadline, *others: Any) -> Any:
    return _at_deadline(replace(found, new_requests=99), *others)


def _held_is_settled(case: Case) -> Any:
    return () if case.held else _judged_again(case)


def _starts_by_itself(writing: Turn, i: int) -> None:
    """The clock of a new state runs from the decision."""
    rung = decisions.rung_of(writing.case(i).state, writing.terms.pinned)
    if rung is not None:
        due = writing.now + rung.lasts
        writing.put(i, accepted_at=writing.now, notice=rung.lasts, due_at=due, look_at=due)


def _look_until_nothing_is_due(writing: Turn, i: int) -> None:
    _look(writing, i)
    if writing.taken and writing.accounts[i].case:
        writing.order(i, Step.BLOCK, 0)


def _remind_before_anything(writing: Turn, i: int) -> None:
    case, rung = writing.case(i), writing.terms.pinned.ladder.warn
    if guards.due(case, writing.now) and set(rung.reminders) - set(case.reminded):
        return
    _look(writing, i)


def _without_counsel(*found: Any) -> Transition:
    return replace(_find(*found), counsel=False)


def _suspend_without_a_word(*found: Any) -> Transition:
    arrow = _find(*found)
    return replace(arrow, effects=(Effect.RESTRICT,)) if arrow.step is Step.SUSPEND else arrow


def _close_without_lifting(*found: Any) -> Transition:
    arrow = _find(*found)
    return replace(arrow, effects=tuple(each for each in arrow.effects if each is not Effect.LIFT))


def _lift_what_is_wide(writing: Turn, i: int) -> None:
    restriction = writing.accounts[i].restriction
    if restriction is not None and restriction.scope is Scope.ACCOUNT:
        _lift(writing, i)


def _pull_and_lift(writing: Turn) -> None:
    writing.world = writing.world._replace(pulled_at=writing.now)
    for i in range(len(writing.accounts)):
        writing.lift(i)


def _thaw_only(writing: Turn, i: int, *_: Any) -> None:
    writing.go_on(i, writing.now)


def _go_on_when_nothing_waits(writing: Turn, i: int, at: datetime, *, asked: bool = False) -> None:
    if not writing.braked and not guards.stopped(writing.case(i)):
        writing.thaw(i, at)


def _as_picked(worker: Worker, _: World) -> Any:
    return worker.read


MUTANTS = (
    Mutant(
        "the notice runs from the rendering of the memo",
        "I1",
        worlds.mail,
        ((guards, "counts_from", _rendered), _UNPROVED),
    ),
    Mutant("the date that the memo told is ignored", "I1", worlds.cure, ((deadlines, "due_at", _without_told),)),
    Mutant(
        "the contract's longer notice is ignored",
        "I1",
        worlds.contract,
        ((deadlines, "due_at", _without_contract), _UNPROVED),
    ),
    Mutant(
        "a hold is ignored at the deadline",
        "A step while",
        worlds.everything,
        ((guards, "stands_still", _stopped_by_less("hold")),),
    ),
    Mutant(
        "an open appeal is ignored at the deadline",
        "I3",
        worlds.everything,
        ((guards, "stands_still", _stopped_by_less("appeal")), (guards, "appeal_open", lambda case: False)),
    ),
    Mutant(
        "the minimum that remains is dropped",
        "I1",
        worlds.appeals,
        ((deadlines, "resumed", lambda ended_at, left, minimum: ended_at + left),),
    ),
    Mutant(
        "what remained at the start of a stop is forgotten",
        "I2",
        worlds.stops,
        ((deadlines, "remaining", lambda due, stopped_at: timedelta(0)),),
    ),
    Mutant(
        "a stop that ended before we heard of the acceptance is forgotten",
        "I2",
        worlds.outage,
        ((deadlines, "after_stops", lambda due, *others: due),),
    ),
    Mutant(
        "a stop behind a step that waits for a person gives nothing back",
        "I1",
        worlds.everything,
        ((Turn, "go_on", _go_on_when_nothing_waits),),
    ),
    Mutant(
        "a stop that was to end by itself ends the others too",
        "I2",
        worlds.ends,
        ((guards, "went_on_at", lambda case, ended_at: ended_at),),
    ),
    Mutant(
        "an interrupted release forgets how long the brake stayed pulled after it",
        "I2",
        worlds.release,
        ((guards, "to_give_back", lambda world, i: None if i in dict(world.set_on) else world.pulled_at),),
    ),
    Mutant("a bounce is ignored", "I16", worlds.mail, ((guards, "holds_bounces", lambda case: False),)),
    Mutant(
        "a retraction forgets cases with a held step",
        "I6",
        worlds.people,
        ((guards, "judged_again", _held_is_settled),),
    ),
    Mutant(
        "a retraction judges nothing that was told", "I6", worlds.ladder, ((guards, "judged_again", lambda case: ()),)
    ),
    Mutant(
        "needs_new is ignored", "A step, and nothing", worlds.contract, ((decisions, "at_deadline", _nothing_is_old),)
    ),
    Mutant("the cure eats the notice", "The cure", worlds.cure, ((decisions, "_cure_or_wait", lambda *found: None),)),
    Mutant(
        "a later step runs from the decision, not from the acceptance",
        "I16",
        worlds.ladder,
        ((turn._WRITERS, Effect.AWAIT_ACCEPTANCE, _starts_by_itself), _UNPROVED),
    ),
    Mutant(
        "a look takes every step that is due",
        "Two steps",
        worlds.ladder,
        (
            (doors.SWIFT_DOORS, "look", (doors.lookable, _look_until_nothing_is_due)),
            (guards, "early", lambda *_: False),
        ),
    ),
    Mutant(
        "a stage is skipped",
        "A stage",
        worlds.ladder,
        ((decisions, "_STEP_OF_POLICY", {"suspend": Step.BLOCK, "block": Step.BLOCK}),),
    ),
    Mutant(
        "a reminder that was not sent holds the step",
        "Liveness",
        worlds.cure,
        ((doors.SWIFT_DOORS, "look", (doors.lookable, _remind_before_anything)),),
    ),
    Mutant(
        "an extension moves the deadline earlier", "I4", worlds.stops, ((guards, "extended", lambda due, by: due - by),)
    ),
    Mutant(
        "an exemption does not keep a warning back",
        "An exempt",
        worlds.warning,
        ((guards, "exempt", lambda *_: False),),
    ),
    Mutant(
        "an exemption does not keep a step back",
        "A step while",
        worlds.everything,
        ((guards, "exempt", lambda *_: False), (guards, "stands_still", _stopped_by_less("exemption"))),
    ),
    Mutant(
        "two log-ins of one person are two people",
        "I22",
        worlds.people,
        ((guards, "persons", set), (guards, "may_sign", lambda name, names: name not in names)),
    ),
    Mutant("a person's account needs nobody", "I22", worlds.people, ((decisions, "_people", lambda *_: 0),)),
    Mutant(
        "restrict_now without counsel", "I22", worlds.counsel, ((transitions, "find_transition", _without_counsel),)
    ),
    Mutant(
        "a person may take a step for a territory that is supported",
        "I5",
        worlds.everything,
        ((guards, "still_unsupported", lambda *_: True),),
    ),
    Mutant(
        "a warning that waited is not looked at again when a person agrees",
        "I5",
        worlds.warning,
        ((guards, "still_warns", lambda outcome: True),),
    ),
    Mutant(
        "a suspension is not told",
        "Liveness",
        worlds.ladder,
        ((transitions, "find_transition", _suspend_without_a_word),),
    ),
    Mutant(
        "a close lifts nothing",
        "A restriction",
        worlds.policy,
        ((transitions, "find_transition", _close_without_lifting),),
    ),
    Mutant(
        "an overturned decision forgets what was narrowed",
        "A restriction",
        worlds.appeals,
        ((turn._WRITERS, Effect.LIFT, _lift_what_is_wide),),
    ),
    Mutant("a pulled brake lifts", "I12", worlds.appeals, ((outside, "_pull", _pull_and_lift),)),
    Mutant("a released brake gives no time back", "I", worlds.stops, ((Turn, "give_back", _thaw_only),)),
    Mutant(
        "the brake is read when a worker begins, not when it decides",
        "I23",
        worlds.race,
        ((guards, "brake_again", lambda worker, world: worker.braked),),
    ),
    Mutant("the budget is counted without a lock", "I23", worlds.race, ((guards, "BUDGET_IS_LOCKED", False),)),
    Mutant("a worker decides on what it read before the lock", "I", worlds.race, ((guards, "look_again", _as_picked),)),
    Mutant(
        "a worker opens on what it read before the lock", "I", worlds.opening, ((guards, "look_again", _as_picked),)
    ),
    Mutant("two workers hold one account", "I", worlds.opening, ((guards, "lockable", lambda *_: True),)),
    Mutant("a worker's clock is a tick ahead", "I1", worlds.race, ((guards, "clock", lambda world: world.now + TICK),)),
)
