"""Where a search may begin: in the middle of a life, so that few ticks are spent on getting there."""

from enforcement.rules import deadlines, decisions
from enforcement.rules.transitions import Scope, State, Step
from tests.model import promises
from tests.model.state import EPOCH, TICK, Account, Case, Copy, Decision, Memo, Restriction, World
from tests.model.terms import Terms

_STEPS = {State.WARNED: (Step.WARN,), State.SUSPENDED: (Step.WARN, Step.SUSPEND)}
_STEPS[State.BLOCKED] = (*_STEPS[State.SUSPENDED], Step.BLOCK)


def world(*accounts: Account, workers: int = 0) -> World:
    return World(accounts=accounts, workers=(None,) * workers)


def seen(times: int = 2) -> Account:
    """An account whose traffic was seen, and nobody has looked yet."""
    return Account(sightings=tuple(EPOCH - n * TICK for n in range(times, 0, -1)), marked=True)


def told(terms: Terms, state: State, *contacts: str, heard: bool = True) -> Account:
    """An account in this state, decided at the beginning; its memo was accepted then, or waits to be rendered."""
    taken = _STEPS[state]
    at = [EPOCH - 10 * n * TICK for n in reversed(range(len(taken)))]
    decided = tuple(Decision(step, moment, ()) for step, moment in zip(taken, at, strict=True))
    addresses = contacts or ("owner",)
    case = Case(state=state, decisions=decided, memo=Memo())
    if heard:
        case = _heard(terms, case, addresses)
    scope = Restriction(Scope.ACCOUNT, case.version) if state is not State.WARNED else None
    return Account((at[0] - TICK, at[0]), contacts=addresses, case=case, restriction=scope)


def _heard(terms: Terms, case: Case, contacts: tuple[str, ...]) -> Case:
    copies = tuple(Copy(each, "accepted", EPOCH) for each in contacts)
    if case.state is State.BLOCKED:
        return case._replace(memo=Memo(EPOCH, None, copies), accepted_at=None)
    rung = decisions.rung_of(case.state, terms.pinned)
    assert rung is not None
    notice = promises.notice_of(terms, case.state)
    words = deadlines.told_deadline(EPOCH, notice)
    due = deadlines.due_at(EPOCH, notice, told=words)
    look = deadlines.next_look(due, rung.reminders, EPOCH)
    memo = Memo(EPOCH, words, copies)
    return case._replace(memo=memo, accepted_at=EPOCH, notice=notice, due_at=due, look_at=look, promised=due)
