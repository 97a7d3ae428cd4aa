"""One action in the making: what a service does to a case under the account's lock, effects by the real table."""

from datetime import datetime

from enforcement.rules import deadlines, decisions, transitions
from enforcement.rules.transitions import Effect, Scope, State, Step
from tests.model import guards
from tests.model.state import Appeal, Case, Decision, Held, Memo, Restriction, Taken, World
from tests.model.terms import Terms

_SETTLED = frozenset({"approval", "unreachable", "bounce"})  # what a step brings to an end; the others go on
_SCOPE = {State.RESTRICTED: Scope.TERRITORY_TRAFFIC, State.SUSPENDED: Scope.ACCOUNT, State.BLOCKED: Scope.ACCOUNT}


class Refused(Exception):
    """The service says no, and nothing is written."""


class Turn:
    """A world being written, and the steps that were taken on the way."""

    def __init__(self, terms: Terms, world: World, now: datetime | None = None) -> None:
        self.terms, self.world, self.before = terms, world, world
        self.now = now or world.now
        self.accounts = list(world.accounts)
        self.braked = guards.braked(world)  # as the decider read it
        self.taken: list[Taken] = []
        self.waited = False  # the budget granted nothing: the step stays due
        self.signed: tuple[str, ...] = ()  # who answers for an act of people that is no step of a case
        self.free: int | None = None  # what a worker counted of the budget before; None: count now

    def done(self, **changes: object) -> World:
        return self.world._replace(accounts=tuple(self.accounts), **changes)  # type: ignore[arg-type]

    def case(self, i: int) -> Case:
        case = self.accounts[i].case
        if case is None:
            raise Refused("no open case")
        return case

    def put(self, i: int, **changes: object) -> None:
        """Change the account's case."""
        self.accounts[i] = self.accounts[i]._replace(case=self.case(i)._replace(**changes))  # type: ignore[arg-type]

    def mark(self, i: int) -> None:
        self.accounts[i] = self.accounts[i]._replace(marked=True)

    # -- clocks ---------------------------------------------------------------------------------------------------

    def stop(self, i: int, kind: str) -> None:
        case = self.case(i)
        if kind in case.stops:
            return
        at = guards.frozen_from(self.world.pulled_at, self.now)
        if case.remaining is None:
            self._freeze(i, at)
        since = case.stopped_since if kind in guards.MAIL else case.stopped_since or at
        self.put(i, stops=self.case(i).stops | {kind}, stopped_since=since)

    def _freeze(self, i: int, at: datetime) -> None:
        case = self.case(i)
        self.put(i, remaining=deadlines.remaining(case.due_at, at) if case.due_at else None, look_at=None)

    def resume(self, i: int, *kinds: str, at: datetime | None = None) -> None:
        """`at` is the moment that was said before, where a stop was to end by itself and we are late to see it."""
        case = self.case(i)
        if not case.stops & set(kinds):
            return
        ended_at = guards.went_on_at(case, at or self.now)
        left = case.stops - set(kinds)
        self.put(i, stops=left, last_end=ended_at if left - {"approval"} else None)
        if not self.case(i).stops - guards.MAIL and case.stopped_since is not None:
            self.put(i, stopped_since=None)
            self.note(i, case.stopped_since)
        self.go_on(i, ended_at, asked="approval" in kinds)

    def note(self, i: int, started_at: datetime) -> None:
        """A stop that ends while we wait to hear of an acceptance: its row is read when the clock is started."""
        case = self.case(i)
        if case.accepted_at is None or "bounce" in case.stops:
            self.put(i, past_stops=(*case.past_stops, (started_at, self.now)))

    def go_on(self, i: int, at: datetime, *, asked: bool = False) -> None:
        """The clock goes on; and behind a step that waits for a person it moves, for it binds that step too."""
        case = self.case(i)
        if self.braked or guards.stopped(case, besides="approval"):
            return
        waits = "approval" in case.stops
        if waits and asked:
            return
        self.thaw(i, at)
        if waits:
            self._freeze(i, at)

    def thaw(self, i: int, at: datetime) -> None:
        case = self.case(i)
        if case.due_at is None or case.remaining is None:
            return
        due = deadlines.resumed(at, case.remaining, self.terms.pinned.appeals.minimum_remaining)
        self.put(i, due_at=max(case.due_at, due), remaining=None)
        self.look_next(i)

    def give_back(self, i: int, pulled_at: datetime) -> None:
        """A brake is released: a clock that nothing else stops goes on with what was left at the pull."""
        case = self.case(i)
        self.note(i, pulled_at)
        if case.stops - {"approval"}:
            self.put(i, last_end=self.now)
        if case.due_at is None or case.accepted_at is None:
            return
        if case.remaining is None:
            self._freeze(i, max(pulled_at, case.accepted_at))
        self.go_on(i, self.now)

    def look_next(self, i: int) -> None:
        case = self.case(i)
        rung = decisions.rung_of(case.state, self.terms.pinned)
        assert case.due_at is not None
        look = deadlines.next_look(case.due_at, rung.reminders if rung else (), self.now)
        self.put(i, look_at=max(look, self.now))  # a moment that has passed is as good as now

    # -- steps ----------------------------------------------------------------------------------------------------

    def order(self, i: int, step: Step, people: int, names: tuple[str, ...] = (), *, by_hand: bool = False) -> None:
        """Take a step, or hold it until enough people put their names to it."""
        case = self.case(i)
        arrow = transitions.find_transition(case.state, step)
        self._heed_the_brake(i, step)
        if not guards.enough(step, people, names, arrow.counsel):
            self.put(i, held=Held(step, people, names, by_hand))
            self.stop(i, "approval")
            return
        if step in transitions.NEEDS_NOTICE and guards.early(self.accounts[i], self.now):
            raise Refused("the notice has not run")
        if not guards.still_unsupported(self.terms, self.world.active, step):
            raise Refused("the territory is supported now")
        if people == 0 and step in guards.BUDGETED and not self._reserve():
            self.waited = True
            return
        self._take(i, arrow, names)

    def _heed_the_brake(self, i: int, step: Step) -> None:
        if step in transitions.NEEDS_NOTICE | {Step.WARN} and self.braked:
            raise Refused("the brake is pulled")
        if step is Step.WARN and guards.exempt(self.accounts[i], self.now):
            raise Refused("the account is exempt")

    def _reserve(self) -> bool:
        free = guards.left(self.world.automatic, self.now, self.terms.pinned.safety) if self.free is None else self.free
        if free <= 0:
            return False
        kept = tuple(at for at in self.world.automatic if at > self.now - guards.WINDOW)
        self.world = self.world._replace(automatic=(*kept, self.now))
        return True

    def _take(self, i: int, arrow: transitions.Transition, names: tuple[str, ...]) -> None:
        before = self.accounts[i]
        case = self.case(i)
        decision = Decision(arrow.step, self.world.now, names, case.accepted_at)
        told = case.accepted_at is not None or _may_have_been_heard(case)
        self.put(i, state=arrow.target, decisions=(*case.decisions, decision))
        if arrow.source is arrow.target:
            self.put(i, narrowed=arrow.step is Step.NARROW)
        else:
            self._enter(i)
        for effect in arrow.effects:
            _WRITERS[effect](self, i)
        after = self.case(i)
        self.taken.append(Taken(i, before, after, decision))
        if after.state is State.CLOSED:
            used_up = told or case.state is not State.OPEN or names
            closed_at = self.now if used_up else before.closed_at  # a review that closed by itself used up nothing
            self.accounts[i] = self.accounts[i]._replace(case=None, closed_at=closed_at)

    def _enter(self, i: int) -> None:
        """Another state, told by another memo: its clock waits for an acceptance."""
        case = self.case(i)
        going_on = case.stops - _SETTLED
        since = self.now if going_on - guards.MAIL else None
        fresh = Case(case.state, case.decisions, stops=going_on, stopped_since=since)
        kept = fresh._replace(refused_at=case.refused_at, appeals=case.appeals, appealed=case.appealed)
        self.accounts[i] = self.accounts[i]._replace(case=kept)

    def restrict(self, i: int) -> None:
        case = self.case(i)
        scope = _SCOPE[transitions.standing_of(case.state, narrowed=case.narrowed)]
        self.accounts[i] = self.accounts[i]._replace(restriction=Restriction(scope, case.version))

    def lift(self, i: int) -> None:
        self.accounts[i] = self.accounts[i]._replace(restriction=None)

    def queue(self, i: int) -> None:
        if self.case(i).state is not State.CLOSED:  # the memo of an end starts no clock
            gagged = self.terms.gag and self.case(i).decisions[-1].step is Step.RESTRICT_NOW
            self.put(i, memo=Memo(gagged=gagged))

    # -- appeals --------------------------------------------------------------------------------------------------

    def appeal(self, i: int) -> None:
        """Contest the decision in force: the last one that was told of."""
        case = self.case(i)
        contestable = [n for n, each in enumerate(case.decisions, 1) if each.step not in (Step.NARROW, Step.WIDEN)]
        version = contestable[-1] if contestable else 0
        terms = self.terms.pinned.appeals
        late = case.accepted_at is not None and self.now > case.accepted_at + terms.window
        if not version or late or any(each.version == version for each in case.appeals):
            raise Refused("nothing that could be contested")
        suspensive = version not in case.appealed
        filed = Appeal(version, suspensive, self.now + terms.decide_within)
        self.put(i, appeals=(*case.appeals, filed), appealed=case.appealed | {version})
        if suspensive:
            self.put(i, held=None)
            self.stop(i, "appeal")
            self.resume(i, "approval")


def _may_have_been_heard(case: Case) -> bool:
    return case.memo is not None and any(each.accepted_at or each.in_doubt for each in case.memo.copies)


def _in_the_row(_: Turn, __: int) -> None:
    """Deadlines are columns of the case, and `_enter` has set them."""


_WRITERS = {
    Effect.RESTRICT: Turn.restrict,
    Effect.LIFT: Turn.lift,
    Effect.SEND_MEMO: Turn.queue,
    Effect.AWAIT_ACCEPTANCE: _in_the_row,
    Effect.CLEAR_DEADLINE: _in_the_row,
}
