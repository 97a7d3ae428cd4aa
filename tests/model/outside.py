"""What others do: detectors, mail servers, the account, staff. Each event is counted, so that a world stays finite."""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from itertools import pairwise

from enforcement.rules import decisions, transitions
from enforcement.rules.transitions import WORSENING, State, Step
from tests.model import doors, guards
from tests.model.state import TICK, Account, Case, World
from tests.model.turn import Refused, Turn

Work = Callable[[Turn], None]
Event = tuple[
    str, int, str, Work
]  # its kind, whose account's lock it takes (-1: none), what the trace says, what it does

NOBODYS, THE_BRAKES = -1, -2
_BY_HAND = (Step.RESTRICT, Step.SUSPEND, Step.BLOCK, Step.RESTRICT_NOW, Step.DISMISS, Step.REINSTATE)
EXEMPT_FOR = 2 * TICK
STAFF = ("ana", "ana again", "bo", "cy")


def events(world: World, staff: tuple[str, ...], kinds: Collection[str], mail: str) -> Iterator[Event]:
    """Everything that may happen next from outside, of these kinds."""
    for i, account in enumerate(world.accounts):
        yield from _of_detectors(i, account, world, kinds)
        if account.case is not None:
            yield from _of_mail(i, account.case, mail, kinds)
            yield from _of_appeals(i, account.case, staff)
            yield from _of_staff(i, account.case, staff, kinds)
        yield "contact", i, f"correct the contact of {i}", lambda turn, i=i: _correct(turn, i)
        if not guards.exempt(account, world.now):
            yield "exempt", i, f"exempt {i}", lambda turn, i=i: _exempt(turn, i)
        else:
            yield "", i, f"end the exemption of {i}", doors_of(doors.expire, i)
    yield from _of_the_house(world, staff)


def doors_of(door: doors.Door, i: int) -> Work:
    return lambda turn: door(turn, i)


# -- detectors ---------------------------------------------------------------------------------------------------


def _of_detectors(i: int, account: Account, world: World, kinds: Collection[str]) -> Iterator[Event]:
    if "post" in kinds and world.now not in account.sightings:
        yield "post", NOBODYS, f"see traffic of {i}", lambda turn: _post(turn, i)
    for n in range(len(account.sightings)) if "retract" in kinds else ():
        yield "retract", i, f"retract sighting {n} of {i}", lambda turn, n=n: _retract(turn, i, n)


def _post(turn: Turn, i: int) -> None:
    account = turn.accounts[i]
    turn.accounts[i] = account._replace(sightings=(*account.sightings, turn.world.now), marked=True)


def _retract(turn: Turn, i: int, n: int) -> None:
    account = turn.accounts[i]
    kept = account.sightings[:n] + account.sightings[n + 1 :]
    turn.accounts[i] = account._replace(sightings=kept, marked=True)
    if account.case is not None:
        _judge_again(turn, i, account.sightings)


def _judge_again(turn: Turn, i: int, before: tuple[datetime, ...]) -> None:
    """In the same transaction: what rested on the retracted evidence goes with it."""
    account, case = turn.accounts[i], turn.case(i)
    for at, told in guards.judged_again(case):
        held, holds = (_rested(turn, account, seen, at, told) for seen in (before, account.sightings))
        if held and not holds:
            turn.order(i, Step.WITHDRAW, 0)
            return
    if case.state is State.OPEN:
        if case.held is not None and case.held.step is Step.WARN and not case.held.by_hand:
            turn.put(i, held=None)  # it tells of evidence that is gone; what is left is assessed at once
            turn.resume(i, "approval")
        doors.assess(turn, i)


def _rested(
    turn: Turn, account: Account, seen: tuple[datetime, ...], at: datetime | None, told: datetime | None
) -> bool:
    """Whether a decision of that moment held, on these sightings."""
    known = guards.counting(account, tuple(each for each in seen if at is None or each <= at))
    judge = turn.terms.judged if at is not None else turn.terms.judged_under_both
    _, outcome = judge(known, 0 if at is not None else turn.world.active, turn.now)
    if outcome is None or outcome.outcome == "review":
        return False
    needs = turn.terms.pinned.ladder.deadline.needs_new_requests
    return told is None or sum(each > told for each in known) >= needs


# -- mail servers ------------------------------------------------------------------------------------------------


def _of_mail(i: int, case: Case, mail: str, kinds: Collection[str]) -> Iterator[Event]:
    sending = {"claimed": doors.claimed, "sent": doors.unclaimed}.get(mail)
    for n, copy in sending(case) if sending else ():
        yield "", i, f"accept {copy.address} of {i}", lambda turn, n=n: accept(turn, i, n)
        yield "crash", i, f"accept {copy.address} of {i} and crash", lambda turn, n=n: _crash(turn, i, n)
        yield "defer", i, f"defer {copy.address} of {i}", lambda turn, n=n: _set(turn, i, n, "queued")
        yield "refuse", i, f"refuse {copy.address} of {i}", lambda turn, n=n: _set(turn, i, n, "refused")
    if case.memo is not None and "bounce" in kinds:
        for n, copy in enumerate(case.memo.copies):
            if copy.status == "accepted":
                yield "bounce", i, f"bounce {copy.address} of {i}", lambda turn, n=n: _bounce(turn, i, n)


def accept(turn: Turn, i: int, n: int) -> None:
    doors.set_copy(turn, i, n, status="accepted", accepted_at=turn.world.now)


def _crash(turn: Turn, i: int, n: int) -> None:
    """The server took it, the sender died before it could write that down: its lease ends, the copy goes out again."""
    doors.set_copy(turn, i, n, status="queued", in_doubt=True)


def _set(turn: Turn, i: int, n: int, status: str) -> None:
    doors.set_copy(turn, i, n, status=status)


def _bounce(turn: Turn, i: int, n: int) -> None:
    """A server took the memo and sends it back later."""
    doors.set_copy(turn, i, n, status="bounced", accepted_at=None)
    case = turn.case(i)
    assert case.memo is not None
    accepted_at, unreachable = guards.reception(case.memo)
    if unreachable or (accepted_at is None and case.accepted_at is not None):
        if guards.holds_bounces(case):
            turn.stop(i, "bounce")
    elif accepted_at is not None and case.accepted_at is not None:
        _count_from(turn, i, accepted_at)


def _count_from(turn: Turn, i: int, accepted_at: datetime) -> None:
    """Another contact has the memo: the notice is counted from there."""
    case = turn.case(i)
    assert case.accepted_at is not None
    turn.put(i, accepted_at=max(case.accepted_at, accepted_at))
    if case.due_at is None or case.notice is None:
        return
    due = max(case.due_at, accepted_at + case.notice)
    left = None if case.remaining is None else case.remaining + (due - case.due_at)
    turn.put(i, due_at=due, remaining=left)
    if left is None:
        turn.look_next(i)


# -- the account -------------------------------------------------------------------------------------------------


def _of_appeals(i: int, case: Case, staff: tuple[str, ...]) -> Iterator[Event]:
    yield "appeal", i, f"appeal of {i}", lambda turn: turn.appeal(i)
    for n, appeal in enumerate(case.appeals):
        for who in staff if len(staff) > 2 else staff[:1]:
            said = f"the appeal of {i} against v{appeal.version} by {who}"
            yield "", i, f"uphold {said}", lambda turn, n=n, who=who: _answer(turn, i, n, who, overturn=False)
            yield "", i, f"overturn {said}", lambda turn, n=n, who=who: _answer(turn, i, n, who, overturn=True)


def _answer(turn: Turn, i: int, n: int, who: str, *, overturn: bool) -> None:
    case = turn.case(i)
    if guards.persons([who]) & guards.involved(case, case.appeals[n].version):
        raise Refused("somebody who was not involved has to decide")
    turn.signed = (who,)
    appeals = case.appeals[:n] + case.appeals[n + 1 :]
    turn.put(i, appeals=appeals)
    if overturn:
        turn.accounts[i] = turn.accounts[i]._replace(shielded=True)
        turn.order(i, Step.REINSTATE, 1, (who,))
        return
    if case.narrowed and not any(each.escalated for each in appeals):
        turn.order(i, Step.WIDEN, 1, (who,))
    if not guards.appeal_open(turn.case(i)):
        turn.resume(i, "appeal")


# -- staff -------------------------------------------------------------------------------------------------------


def _of_staff(i: int, case: Case, staff: tuple[str, ...], kinds: Collection[str]) -> Iterator[Event]:
    if "hold" not in case.stops:
        yield "hold", i, f"hold {i}", lambda turn: turn.stop(i, "hold")
    else:
        yield "", i, f"end the hold of {i}", lambda turn: turn.resume(i, "hold")
    yield "extend", i, f"extend {i}", lambda turn: _extend(turn, i)
    if case.memo is not None and case.memo.gagged:
        yield "", i, f"end the gag of {i}", lambda turn: _ungag(turn, i)
    if case.held is not None:
        for who in staff:
            yield "", i, f"approve {case.held.step} of {i} by {who}", lambda turn, who=who: _approve(turn, i, who)
            yield "", i, f"refuse {case.held.step} of {i} by {who}", lambda turn, who=who: _decline(turn, i, who)
    for step in _BY_HAND:
        if step in kinds:
            for who in staff:
                yield step, i, f"{step} {i} by {who}", lambda turn, s=step, who=who: _propose(turn, i, s, who)


def _propose(turn: Turn, i: int, step: Step, who: str) -> None:
    case = turn.case(i)
    if case.held is not None and step in WORSENING:
        raise Refused("a decision is held already")
    if step not in transitions.steps_from(case.state):
        raise Refused("the table has no such arrow")
    people = decisions.people_by_hand(case.state, step, turn.terms.manners)
    turn.order(i, step, people, (who,), by_hand=True)


def _approve(turn: Turn, i: int, who: str) -> None:
    case = turn.case(i)
    held = case.held
    if held is None or not guards.may_sign(who, held.names):
        raise Refused("somebody else has to agree")
    if not held.by_hand and not _still_proposed(turn, i, held.step):
        turn.put(i, held=None)
        turn.resume(i, "approval")
        return
    turn.order(i, held.step, held.people, (*held.names, who), by_hand=held.by_hand)


def _still_proposed(turn: Turn, i: int, step: Step) -> bool:
    """Whether the automation would say the same now; a later step rests on the decision that warned."""
    account, case = turn.accounts[i], turn.case(i)
    if case.state is State.WARNED:
        found = doors.verdict(turn, i)
        return isinstance(found, decisions.Proposal) and found.step is step
    if case.state is State.OPEN:
        _, outcome = turn.terms.judged(guards.counting(account, account.sightings), turn.world.active, turn.now)
        return guards.still_warns(outcome)
    return True


def _decline(turn: Turn, i: int, who: str) -> None:
    case = turn.case(i)
    if case.held is None or not guards.may_sign(who, case.held.names):
        raise Refused("somebody else has to refuse it")
    turn.put(i, held=None, refused_at=turn.now)
    turn.resume(i, "approval")


def _extend(turn: Turn, i: int) -> None:
    """A person gives more time; a date only ever moves later."""
    case = turn.case(i)
    if case.due_at is None:
        raise Refused("no deadline runs")
    due = guards.extended(case.due_at, TICK)
    left = None if case.remaining is None else case.remaining + (due - case.due_at)
    turn.put(i, due_at=due, remaining=left)
    if left is None and not guards.stopped(case):
        turn.look_next(i)


def _ungag(turn: Turn, i: int) -> None:
    memo = turn.case(i).memo
    assert memo is not None
    turn.put(i, memo=memo._replace(gagged=False))


def _correct(turn: Turn, i: int) -> None:
    account = turn.accounts[i]
    contacts = tuple(f"{each}'" for each in account.contacts) or ("owner'",)
    turn.accounts[i] = account._replace(contacts=contacts, marked=True)


def _exempt(turn: Turn, i: int) -> None:
    turn.accounts[i] = turn.accounts[i]._replace(exempt_until=turn.now + EXEMPT_FOR)
    case = turn.accounts[i].case
    if case is not None:
        turn.put(i, held=None)
        turn.stop(i, "exemption")
        turn.resume(i, "approval")


# -- the house ---------------------------------------------------------------------------------------------------


def _of_the_house(world: World, staff: tuple[str, ...]) -> Iterator[Event]:
    if not world.active:
        yield "activate", NOBODYS, "support the territory", _activate
    if world.pulled_at is None:
        yield "pull", THE_BRAKES, "pull the brake", _pull
        return
    for first, second in pairwise(staff):
        said = f"release the brake by {first} and {second}"
        yield "", THE_BRAKES, said, lambda turn, a=first, b=second: _release(turn, a, b)
        yield (
            "interrupt",
            NOBODYS,
            f"{said}, and crash",
            lambda turn, a=first, b=second: _release(turn, a, b, all=False),
        )


def _activate(turn: Turn) -> None:
    turn.world = turn.world._replace(active=1)
    for i in range(len(turn.accounts)):
        turn.mark(i)


def _pull(turn: Turn) -> None:
    turn.world = turn.world._replace(pulled_at=turn.now)


def _release(turn: Turn, first: str, second: str, *, all: bool = True) -> None:
    """The time of the pull is given back, what waited is looked at again; only then the switch turns."""
    if not guards.may_sign(second, [first]):
        raise Refused("a different person has to agree")
    turn.signed, turn.braked = (first, second), False
    for i, account in enumerate(turn.accounts if all else turn.accounts[:1]):
        since = guards.to_give_back(turn.world, i)
        if account.case is not None and account.case.state is State.OPEN:
            turn.mark(i)
        elif account.case is not None and since is not None:
            turn.give_back(i, since)
    if all:
        turn.world = turn.world._replace(pulled_at=None, set_on=())
    else:
        turn.world = turn.world._replace(set_on=((0, turn.now),))
