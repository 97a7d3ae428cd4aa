"""What our own processes do when they look: assess, render, send, start clocks, sweep. Each is one transaction."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from operator import is_ as _is

from enforcement.rules import deadlines, decisions
from enforcement.rules.decisions import AtDeadline, Proposal, Wait
from enforcement.rules.transitions import State, Step
from tests.model import guards
from tests.model.state import EPOCH, TICK, Case, Copy, Memo, World
from tests.model.terms import TOLD, Terms
from tests.model.turn import Refused, Turn

_RUNS = (State.WARNED, State.RESTRICTED, State.SUSPENDED)

Door = Callable[[Turn, int], None]


def attempt(turn: Turn, work: Callable[[Turn], None]) -> World | None:
    """The world after this work; None where the service refuses, or nothing changes."""
    try:
        work(turn)
    except Refused:
        return None
    if turn.world is turn.before and not turn.taken and all(map(_is, turn.accounts, turn.world.accounts)):
        return None
    after = turn.done()
    if turn.waited and not any(each is not None and each.phase != "picked" for each in after.workers):
        after = after._replace(pulled_at=after.pulled_at or after.now)  # the rest stays due until people release it
    return None if after == turn.before and not turn.taken else after


# -- assess ------------------------------------------------------------------------------------------------------


def assessable(world: World, i: int) -> bool:
    return world.accounts[i].marked


def assess(turn: Turn, i: int) -> None:
    account, now, terms = turn.accounts[i], turn.now, turn.terms
    turn.accounts[i] = account = account._replace(marked=False)
    _, outcome = terms.judged(guards.counting(account, account.sightings), turn.world.active, now)
    if account.case is None and decisions.opens_case(outcome):
        turn.accounts[i] = account = account._replace(case=Case())
        if guards.exempt(account, now):
            turn.stop(i, "exemption")
    if account.case is None:
        return
    if account.case.state is State.OPEN:
        _settle_open(turn, i, decisions.on_assessment(outcome, terms.manners))
    elif not _still_unsupported(turn):
        turn.order(i, Step.FREE, 0)
    elif _asleep(account.case, now):
        turn.put(i, look_at=now)  # new evidence ends the waiting for a cure


def _still_unsupported(turn: Turn) -> bool:
    pinned, active = turn.terms.pinned, turn.terms.versions[turn.world.active]
    return decisions.still_unsupported(TOLD, pinned.territories, active.territories)


def _asleep(case: Case, now: datetime) -> bool:
    return case.state is State.WARNED and guards.due(case, now) and case.look_at is not None and case.look_at > now


def _settle_open(turn: Turn, i: int, proposal: Proposal | None) -> None:
    account, case = turn.accounts[i], turn.case(i)
    if account.contacts:
        turn.resume(i, "unreachable")
    if proposal is None:
        return
    if proposal.step is not Step.WARN:
        turn.order(i, proposal.step, proposal.people)
        return
    answered = case.held is not None or case.refused_at is not None
    if answered or turn.braked or guards.exempt(account, turn.now) or "hold" in case.stops:
        return
    if not account.contacts:
        turn.stop(i, "unreachable")
        return
    turn.order(i, Step.WARN, max(proposal.people, int(account.shielded)))


# -- memos -------------------------------------------------------------------------------------------------------


def renderable(world: World, i: int) -> bool:
    case = world.accounts[i].case
    if case is None or case.memo is None or case.memo.gagged:
        return False
    if case.memo.rendered_at is None:
        return bool(world.accounts[i].contacts) or "unreachable" not in case.stops
    tried = {copy.address for copy in case.memo.copies}
    return (
        bool(case.stops & {"unreachable", "bounce"})
        and _all_failed(case.memo)
        and bool(set(world.accounts[i].contacts) - tried)
    )


def _all_failed(memo: Memo) -> bool:
    return all(copy.status in ("refused", "bounced") for copy in memo.copies)


def render(turn: Turn, i: int) -> None:
    """Give the memo its words and the deadline that they name; one message to each contact."""
    account, case = turn.accounts[i], turn.case(i)
    if not account.contacts:
        turn.stop(i, "unreachable")
        return
    turn.resume(i, "unreachable")
    rung = decisions.rung_of(case.state, turn.terms.pinned)
    told = deadlines.told_deadline(turn.now, max(rung.lasts, contract(turn.terms, case))) if rung else None
    turn.put(i, memo=Memo(turn.now, told, tuple(Copy(each) for each in account.contacts)))


def contract(terms: Terms, case: Case) -> timedelta:
    return terms.min_notice if case.state is State.WARNED else timedelta(0)


def unclaimed(case: Case) -> Iterator[tuple[int, Copy]]:
    if case.memo is not None:
        yield from ((n, copy) for n, copy in enumerate(case.memo.copies) if copy.status == "queued")


def claimed(case: Case) -> Iterator[tuple[int, Copy]]:
    if case.memo is not None:
        yield from ((n, copy) for n, copy in enumerate(case.memo.copies) if copy.status == "claimed")


def set_copy(turn: Turn, i: int, n: int, **changes: object) -> None:
    memo = turn.case(i).memo
    assert memo is not None
    copies = list(memo.copies)
    copies[n] = copies[n]._replace(**changes)  # type: ignore[arg-type]
    turn.put(i, memo=memo._replace(copies=tuple(copies)))


def to_tell(world: World, i: int) -> bool:
    """Whether a memo is on its way, or its answer was not heard yet."""
    case = world.accounts[i].case
    on_its_way = case is not None and (any(unclaimed(case)) or any(claimed(case)))
    return on_its_way or renderable(world, i) or startable(world, i)


def tell(turn: Turn, i: int) -> None:
    """The whole way of a memo in one action, for worlds that are not about mail."""
    if renderable(turn.done(), i):
        render(turn, i)
    for n, _ in [*unclaimed(turn.case(i)), *claimed(turn.case(i))]:
        set_copy(turn, i, n, status="accepted", accepted_at=turn.world.now)
    if startable(turn.done(), i):
        start_clock(turn, i)


# -- clocks ------------------------------------------------------------------------------------------------------


def startable(world: World, i: int) -> bool:
    """A state that waits for its notice to be heard, and a memo that was answered in one way or the other."""
    case = world.accounts[i].case
    if case is None or case.state not in _RUNS or case.memo is None or case.memo.rendered_at is None:
        return False
    accepted_at, unreachable = guards.reception(case.memo)
    if case.accepted_at is not None and "bounce" not in case.stops:
        return False
    return accepted_at is not None or (unreachable and not case.stops & {"unreachable", "bounce"})


def start_clock(turn: Turn, i: int) -> None:
    case = turn.case(i)
    assert case.memo is not None
    accepted_at, _ = guards.reception(case.memo)
    if accepted_at is None:  # everybody refused it
        turn.stop(i, "unreachable")
        return
    if case.decisions[-1].step is Step.RESTRICT_NOW:  # the ladder does not go on from a step without notice
        turn.put(i, accepted_at=accepted_at, stops=case.stops - guards.MAIL)
        return
    accepted_at = guards.counts_from(case.memo, accepted_at)
    rung = decisions.rung_of(case.state, turn.terms.pinned)
    assert rung is not None
    contract = turn.terms.min_notice if case.state is State.WARNED else None
    due = deadlines.due_at(accepted_at, rung.lasts, told=case.memo.told_due_at, min_notice=contract)
    due = max(due, case.due_at or due)
    due = deadlines.after_stops(due, accepted_at, case.past_stops, turn.terms.pinned.appeals.minimum_remaining)
    notice = max(rung.lasts, contract or rung.lasts)
    stops = case.stops - guards.MAIL
    turn.put(i, accepted_at=accepted_at, notice=notice, due_at=due, remaining=None, stops=stops, past_stops=())
    if stops or turn.braked:
        turn.put(i, remaining=deadlines.remaining(due, accepted_at), look_at=None)
    else:
        turn.look_next(i)


# -- the sweep ---------------------------------------------------------------------------------------------------


def lookable(world: World, i: int) -> bool:
    case = world.accounts[i].case
    if case is None or case.accepted_at is None or case.look_at is None:
        return False
    return case.look_at <= guards.clock(world)


def look(turn: Turn, i: int) -> None:
    """Look again at a due case, under the lock, and do what is to be done: remind, step, cure, or wait."""
    account = turn.accounts[i]
    case = account.case
    if turn.braked or case is None or case.accepted_at is None or case.due_at is None:
        return
    if guards.stands_still(case):
        turn.put(i, look_at=None)
    elif not guards.due(case, turn.now):
        _remind(turn, i)
    elif case.state is State.WARNED:
        _settle_warned(turn, i)
    else:
        _settle_later(turn, i)


def _remind(turn: Turn, i: int) -> None:
    case = turn.case(i)
    rung = decisions.rung_of(case.state, turn.terms.pinned)
    assert rung is not None
    assert case.due_at is not None
    before = deadlines.reminder_due(case.due_at, rung.reminders, case.reminded, turn.now)
    if before is not None:
        turn.put(i, reminded=(*case.reminded, before))
    turn.put(i, look_at=deadlines.next_look(case.due_at, rung.reminders, turn.now))


def verdict(turn: Turn, i: int) -> Proposal | Wait:
    """What the real rule says at the deadline of a warning, on what was found under the lock."""
    account, case = turn.accounts[i], turn.case(i)
    seen = guards.counting(account, account.sightings)
    since = guards.new_since(case)
    score, outcome = turn.terms.judged_under_both(seen, turn.world.active, turn.now)
    new = tuple(at for at in seen if since is None or at > since)
    assert case.due_at is not None
    found = AtDeadline(
        due_at=case.due_at,
        rule_holds=outcome is not None and outcome.outcome != "review",
        sanctioned=score.sanctioned,
        new_requests=turn.terms.new_requests(new, turn.world.active, turn.now),
        last_counting_at=score.last_counting_at,
        manners=turn.terms.manners,
    )
    return decisions.at_deadline(found, turn.terms.pinned, turn.now)


def _settle_warned(turn: Turn, i: int) -> None:
    match verdict(turn, i):
        case Wait(until=until):
            turn.put(i, look_at=_whole_tick(until))
        case Proposal() as proposal:
            _propose(turn, i, proposal)


def _propose(turn: Turn, i: int, proposal: Proposal) -> None:
    shield = int(turn.accounts[i].shielded and proposal.step in guards.BUDGETED)
    turn.order(i, proposal.step, max(proposal.people, shield))


def _whole_tick(moment: datetime) -> datetime:
    """The first tick that is not before: time comes in ticks here."""
    return EPOCH - (EPOCH - moment) // TICK * TICK


def _settle_later(turn: Turn, i: int) -> None:
    case, terms = turn.case(i), turn.terms
    proposal = decisions.later_step(case.state, terms.pinned, terms.manners)
    if not _still_unsupported(turn):
        proposal = Proposal(Step.FREE, 0, "The territory is supported now.")
    turn.put(i, look_at=None)
    if proposal is not None:
        _propose(turn, i, proposal)
        if turn.waited:
            turn.put(i, look_at=turn.now)


# -- appeals that wait too long -----------------------------------------------------------------------------------


def escalatable(world: World, i: int) -> bool:
    case = world.accounts[i].case
    return case is not None and any(not each.escalated and each.decide_by <= world.now for each in case.appeals)


def escalate(turn: Turn, i: int) -> None:
    """We owe an answer: until it is given, a suspension or block refuses no more than a restriction does."""
    case = turn.case(i)
    appeals = tuple(each._replace(escalated=each.escalated or each.decide_by <= turn.now) for each in case.appeals)
    turn.put(i, appeals=appeals)
    if case.state in (State.SUSPENDED, State.BLOCKED) and not case.narrowed:
        turn.order(i, Step.NARROW, 0)


# -- exemptions that end ------------------------------------------------------------------------------------------


def expirable(world: World, i: int) -> bool:
    until = world.accounts[i].exempt_until
    return until is not None and until <= world.now


def expire(turn: Turn, i: int) -> None:
    """By itself or by two people; the clock goes on from the moment that was said."""
    until = turn.accounts[i].exempt_until
    turn.accounts[i] = turn.accounts[i]._replace(exempt_until=None, marked=True)
    if turn.accounts[i].case is not None:
        turn.resume(i, "exemption", at=min(until or turn.now, turn.now))


# What looks by itself, with the question whether there is something for it to do.
Doors = dict[str, tuple[Callable[[World, int], bool], Door]]
_DECIDING: Doors = {
    "assess": (assessable, assess),
    "escalate": (escalatable, escalate),
    "expire": (expirable, expire),
    "look": (lookable, look),
}
DOORS: Doors = {"render": (renderable, render), "start clock": (startable, start_clock), **_DECIDING}
SWIFT_DOORS: Doors = {"tell": (to_tell, tell), **_DECIDING}
