"""Breadth first through every state that a world can reach; the first violation found has a shortest trace."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from time import process_time
from typing import Literal, NamedTuple

from enforcement.rules.transitions import Step
from tests.model import doors, outside, promises, properties, race
from tests.model.state import EPOCH, TICK, Taken, World, describe
from tests.model.terms import Terms
from tests.model.turn import Turn


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a world holds: its policy, how long it lasts, how often each event comes from outside, and all together."""

    name: str
    terms: Terms
    ticks: int
    events: dict[str, int]
    most: int = 99
    staff: tuple[str, ...] = ("ana", "bo")
    start: World = World()  # noqa: RUF009 (a value)
    mail: Literal["claimed", "sent", "at once"] = "at once"  # in how many actions a message reaches its server
    _left: dict[tuple[int, ...], dict[str, tuple[int, ...]]] = field(default_factory=dict, init=False)

    def left(self, spent: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The kinds of events that may still happen, each with what is spent after it."""
        if spent not in self._left:
            found = {}
            for n, (kind, often) in enumerate(self.events.items()):
                if spent[n] < often and sum(spent) < self.most:
                    found[kind] = (*spent[:n], spent[n] + 1, *spent[n + 1 :])
            self._left[spent] = found
        return self._left[spent]


class Change(NamedTuple):
    """One atomic action: what a trace calls it, the world after it, and what the properties want to know of it."""

    label: str
    world: World
    taken: list[Taken]
    signed: tuple[str, ...] = ()


class Violation(NamedTuple):
    sentence: str
    trace: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((self.sentence, *(f"  {n:>3}  {line}" for n, line in enumerate(self.trace))))


@dataclass(slots=True)
class Found:
    """What a search came to."""

    states: int = 0
    transitions: int = 0
    seconds: float = 0.0
    violation: Violation | None = None
    complete: bool = False
    steps: set[Step] = field(default_factory=set)  # that were taken at all


def changes(bounds: Bounds, world: World) -> Iterator[Change]:
    """Every action that is possible now."""
    yield from _of_doors(bounds, world)
    yield from _of_outside(bounds, world)
    if world.now < EPOCH + bounds.ticks * TICK:
        yield Change("tick", _tick(bounds.terms, world), [])


def _of_doors(bounds: Bounds, world: World) -> Iterator[Change]:
    yield from race.changes(bounds.terms, world, _change)
    for i in range(len(world.accounts)):
        if race.is_locked(world, i):
            continue
        for name, (wanted, door) in (doors.SWIFT_DOORS if bounds.mail == "at once" else doors.DOORS).items():
            if wanted(world, i) and not (world.workers and name in race.DOORS):
                yield from _change(bounds.terms, world, f"{name} {i}", partial(_at, door, i))
        case = world.accounts[i].case
        if case is not None and bounds.mail == "claimed":
            for n, copy in doors.unclaimed(case):
                yield from _change(bounds.terms, world, f"claim {copy.address} of {i}", partial(_claim, i, n))


def _at(door: doors.Door, i: int, turn: Turn) -> None:
    door(turn, i)


def _claim(i: int, n: int, turn: Turn) -> None:
    doors.set_copy(turn, i, n, status="claimed")


def _of_outside(bounds: Bounds, world: World) -> Iterator[Change]:
    spent = world.spent or (0,) * len(bounds.events)
    left = bounds.left(spent)
    for kind, lock, label, work in outside.events(world, bounds.staff, left, bounds.mail):
        if kind and kind not in left:
            continue
        if (lock == outside.THE_BRAKES and race.brake_is_shared(world)) or race.is_locked(world, lock):
            continue
        yield from _change(bounds.terms, world, label, work, spent=left[kind] if kind else spent)


def _change(
    terms: Terms, world: World, label: str, work: outside.Work, turn: Turn | None = None, spent: tuple[int, ...] = ()
) -> Iterator[Change]:
    turn = turn or Turn(terms, world)
    after = doors.attempt(turn, work)
    if after is not None:
        after = promises.remember(terms, world, after, spent or world.spent)
        yield Change(label, after, turn.taken, turn.signed)


def _tick(terms: Terms, world: World) -> World:
    accounts = tuple(
        promises.let_run(terms, account, world.pulled_at is not None, world.now) for account in world.accounts
    )
    return world._replace(now=world.now + TICK, accounts=accounts)


# -- searching ---------------------------------------------------------------------------------------------------


def search(bounds: Bounds, seconds: float = 1e9, states: int = 10**9) -> Found:
    """Look at every reachable world once; states are told apart by a 64-bit hash. Stops at the first violation."""
    gc.disable()  # there are no cycles among these tuples, and looking for some takes a quarter of the time
    try:
        return _search(bounds, seconds, states)
    finally:
        gc.enable()


def _search(bounds: Bounds, seconds: float, states: int) -> Found:
    found, began = Found(), process_time()
    first = bounds.start
    parents: dict[int, tuple[int, str]] = {hash(first): (0, "")}
    frontier = [first]
    settled: set[int] = set()
    while frontier and found.violation is None:
        following: list[World] = []
        for world in frontier:
            here = hash(world)
            broken = properties.of_state(bounds.terms, world) or _stuck(bounds, world, settled)
            if broken:
                found.violation = _explain(bounds, first, parents, here, broken, "")
                break
            for change in changes(bounds, world):
                found.transitions += 1
                found.steps.update(each.decision.step for each in change.taken)
                broken = properties.of_change(bounds.terms, world, change)
                if broken:
                    found.violation = _explain(bounds, first, parents, here, broken, change.label)
                    break
                key = hash(change.world)
                if key not in parents:
                    parents[key] = (here, change.label)
                    following.append(change.world)
            if found.violation or process_time() - began > seconds or len(parents) > states:
                break
        else:
            frontier = following
            continue
        break
    found.complete = not frontier
    found.states, found.seconds = len(parents), process_time() - began
    return found


def _explain(
    bounds: Bounds, first: World, parents: dict[int, tuple[int, str]], here: int, broken: str, last: str
) -> Violation:
    labels = [last] if last else []
    while here != hash(first):
        here, label = parents[here]
        labels.append(label)
    world, trace = first, [f"{'at first':<42} {describe(first)}"]
    for label in reversed(labels):
        world = next(change.world for change in changes(bounds, world) if change.label == label)
        trace.append(f"{label:<42} {describe(world)}")
    return Violation(broken, tuple(trace))


# -- nothing is lost ---------------------------------------------------------------------------------------------

_PATIENCE = 40  # ticks in which everything that was due has to be done


def _stuck(bounds: Bounds, world: World, settled: set[int]) -> str:
    """Let only our own processes run, and mail servers that accept: does everything that is due come to be done?"""
    if any(world.workers):
        return ""
    path: list[int] = []
    until = world.now + _PATIENCE * TICK
    while hash(world) not in settled:
        path.append(hash(world))
        after = _work(bounds, world)
        if after is None:
            if properties.at_rest(bounds.terms, world):
                break
            after = _tick(bounds.terms, world)
        if after.now > until:
            return "Liveness: something is due and nothing does it: " + describe(world)
        world = after
    settled.update(path)
    return ""


def _work(bounds: Bounds, world: World) -> World | None:
    """One thing that our processes have to do, without anybody's help."""
    alone: Callable[[Terms, World], Iterator[Change]] = lambda terms, at: _accepting(terms, at)  # noqa: E731
    single = world._replace(workers=()) if world.workers else world
    for change in _of_doors(bounds, single):
        return change.world
    for change in alone(bounds.terms, single):
        return change.world
    return None


def _accepting(terms: Terms, world: World) -> Iterator[Change]:
    for i, account in enumerate(world.accounts):
        if account.case is not None:
            for n, _ in (*doors.claimed(account.case), *doors.unclaimed(account.case)):
                yield from _change(terms, world, "accept", partial(_accept, i, n))


def _accept(i: int, n: int, turn: Turn) -> None:
    outside.accept(turn, i, n)
