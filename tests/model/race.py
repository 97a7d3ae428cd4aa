"""Two workers, statement by statement: pick without a lock, lock, look again, reserve of the budget, write.

Between two statements of one worker anything may happen that the locks allow: another worker's statements, an appeal,
a retraction, a tick of the clock. The worker's `now` is that of its beginning.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from tests.model import doors, guards
from tests.model.state import Account, Worker, World
from tests.model.terms import Terms
from tests.model.turn import Turn

if TYPE_CHECKING:
    from tests.model.search import Change

DOORS = ("assess", "look")  # the doors that decide; in a race they run by statements

Changer = Callable[..., Iterator["Change"]]


def is_locked(world: World, i: int) -> bool:
    """Whoever else writes to this account waits."""
    return any(worker is not None and worker.account == i and worker.phase != "picked" for worker in world.workers)


def brake_is_shared(world: World) -> bool:
    """A decider shares the switch to the end of its transaction: nobody can turn it meanwhile."""
    return any(worker is not None and worker.phase != "picked" for worker in world.workers)


def changes(terms: Terms, world: World, change: Changer) -> Iterator["Change"]:
    """The next statement of each worker."""
    for n, worker in enumerate(world.workers):
        if worker is None:
            yield from _pick(terms, world, n, change)
        elif worker.phase == "picked":
            if guards.lockable(world, worker.account):
                yield from _step(terms, world, n, _locked(world, worker), change)
        elif worker.phase == "locked" and worker.door == "look" and not _budget_is_locked(world):
            free = guards.left(world.automatic, worker.now, terms.pinned.safety)
            yield from _step(terms, world, n, worker._replace(phase="reserved", free=free), change)
        elif worker.phase == "reserved" or worker.door == "assess":
            yield from _write(terms, world, n, worker, change)


def _pick(terms: Terms, world: World, n: int, change: Changer) -> Iterator["Change"]:
    for name in DOORS:
        wanted, _ = doors.DOORS[name]
        for i, account in enumerate(world.accounts):
            if wanted(world, i):
                picked = Worker("picked", name, i, guards.clock(world), account, guards.braked(world))
                yield from _step(terms, world, n, picked, change)


def _locked(world: World, worker: Worker) -> Worker:
    """The second statement: what is read now, under the lock, is true until commit."""
    return worker._replace(
        phase="locked", read=guards.look_again(worker, world), braked=guards.brake_again(worker, world)
    )


def _budget_is_locked(world: World) -> bool:
    return guards.BUDGET_IS_LOCKED and any(each is not None and each.phase == "reserved" for each in world.workers)


def _step(terms: Terms, world: World, n: int, worker: Worker | None, change: Changer) -> Iterator["Change"]:
    said = f"worker {n} " + (f"{worker.phase} {worker.account} to {worker.door}" if worker else "rests")
    turn = Turn(terms, world)
    turn.world = _with(world, n, worker)  # nothing else has changed
    yield from change(terms, world, said, _nothing, turn)


def _nothing(_: Turn) -> None:
    """Only the worker has moved."""


def _with(world: World, n: int, worker: Worker | None) -> World:
    return world._replace(workers=(*world.workers[:n], worker, *world.workers[n + 1 :]))


def _write(terms: Terms, world: World, n: int, worker: Worker, change: Changer) -> Iterator["Change"]:
    """Decide on what was read, write, commit. Evidence takes no lock: what came in meanwhile stays, and its mark."""
    i, now_there = worker.account, world.accounts[worker.account]
    turn = Turn(terms, world, now=worker.now)
    turn.world = _with(world, n, None)
    turn.braked = worker.braked
    turn.free = worker.free if worker.door == "look" else None
    turn.accounts[i] = _aged(worker.read, now_there)
    late = tuple(at for at in now_there.sightings if at not in worker.read.sightings)
    yield from change(terms, world, f"worker {n} writes {i}", partial(_decide, worker, late), turn)


def _aged(read: Account, now_there: Account) -> Account:
    """What was read, with what the properties remember of the ticks since."""
    if read.case is None or now_there.case is None or read.case.version != now_there.case.version:
        return read
    return read._replace(case=read.case._replace(ran=now_there.case.ran, promised=now_there.case.promised))


def _decide(worker: Worker, late: tuple[object, ...], turn: Turn) -> None:
    wanted, door = doors.DOORS[worker.door]
    if wanted(turn.done(), worker.account):
        door(turn, worker.account)
    account = turn.accounts[worker.account]
    sightings = tuple(sorted((*account.sightings, *late)))  # type: ignore[type-var]
    turn.accounts[worker.account] = account._replace(sightings=sightings, marked=account.marked or bool(late))
