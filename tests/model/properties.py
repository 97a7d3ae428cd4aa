"""What must hold in every state and over every action: the invariants, said anew and without the rules' arithmetic."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from enforcement.rules.transitions import Scope, State, Step
from tests.model.guards import COUNSEL, PERSON_OF, WINDOW
from tests.model.promises import RUNS, have_it, notice_of
from tests.model.state import Account, Case, Taken, World
from tests.model.terms import Terms

if TYPE_CHECKING:
    from tests.model.search import Change

_WORSE = {Step.RESTRICT: State.RESTRICTED, Step.SUSPEND: State.SUSPENDED, Step.BLOCK: State.BLOCKED}
_OF_POLICY = {"restrict_territory": Step.RESTRICT, "suspend": Step.SUSPEND, "block": Step.BLOCK}
_CLOSES = frozenset({Step.DISMISS, Step.CURE, Step.REINSTATE, Step.WITHDRAW, Step.FREE})
# The arrows of `semantics.md`, written down a second time on purpose.
_ARROWS = {
    (State.OPEN, Step.WARN): State.WARNED,
    (State.WARNED, Step.RESTRICT): State.RESTRICTED,
    (State.WARNED, Step.SUSPEND): State.SUSPENDED,
    (State.WARNED, Step.BLOCK): State.BLOCKED,
    (State.RESTRICTED, Step.SUSPEND): State.SUSPENDED,
    (State.SUSPENDED, Step.BLOCK): State.BLOCKED,
    (State.OPEN, Step.RESTRICT_NOW): State.RESTRICTED,
    (State.WARNED, Step.RESTRICT_NOW): State.RESTRICTED,
    **{(state, step): state for state in (State.SUSPENDED, State.BLOCKED) for step in (Step.NARROW, Step.WIDEN)},
    **{(state, step): State.CLOSED for state in State if state is not State.CLOSED for step in _CLOSES},
}  # fmt: skip
_PLACES = {Step.RESTRICT, Step.SUSPEND, Step.BLOCK, Step.RESTRICT_NOW, Step.NARROW, Step.WIDEN}


# -- of every state ----------------------------------------------------------------------------------------------


def of_state(terms: Terms, world: World) -> str:
    """The first sentence that does not hold, or nothing."""
    for account in world.accounts:
        broken = _of_account(terms, account, world)
        if broken:
            return broken
    return ""


def _of_account(terms: Terms, account: Account, world: World) -> str:
    case, restriction = account.case, account.restriction
    if case is None:
        return "A restriction is in force, and no case is open" if restriction else ""
    scope = _scope(case)
    if (restriction.scope if restriction else None) != scope:
        return f"A case that is {case.state} refuses {restriction.scope if restriction else 'nothing'}, not {scope}"
    if restriction and case.decisions[restriction.version - 1].step not in _PLACES:
        return "Every restriction has a decision that placed it"
    return _of_clock(case, world) or _of_evidence(account, case, world)


def _scope(case: Case) -> Scope | None:
    if case.state in (State.SUSPENDED, State.BLOCKED) and not case.narrowed:
        return Scope.ACCOUNT
    return Scope.TERRITORY_TRAFFIC if case.state in (State.RESTRICTED, State.SUSPENDED, State.BLOCKED) else None


def _of_clock(case: Case, world: World) -> str:
    if case.due_at is not None and case.accepted_at is None:
        return "I2: a deadline runs that nobody was told of"
    if any(each.suspensive for each in case.appeals) and "appeal" not in case.stops:
        return "I3: an appeal is open and does not stop the clock"
    if (case.held is not None) != ("approval" in case.stops):
        return "A step waits for a person, and the clock with it; or neither does"
    if case.due_at is not None and case.state in RUNS and not have_it(case) and "bounce" not in case.stops:
        return "I16: nobody has the memo any more, and the case goes on"
    if case.narrowed and not any(each.escalated for each in case.appeals):
        return "A case is narrowed, and no overdue appeal is open"
    if case.due_at and case.stops and case.remaining is None:
        return "A clock is stopped, and nobody knows what is left of it"
    if case.remaining is not None and not case.stops and world.pulled_at is None:
        return "What is left is remembered of a clock that runs"
    return ""


def _of_evidence(account: Account, case: Case, world: World) -> str:
    """What is open, held or in force rests on evidence that was not retracted."""
    if any(each.step is Step.RESTRICT_NOW for each in case.decisions) or any(
        each.step is Step.WARN and each.names for each in case.decisions
    ):
        return ""
    seen = [at for at in account.sightings if account.closed_at is None or at > account.closed_at]
    held = case.held is not None and not case.held.by_hand
    if case.state is State.OPEN and not world.active and len(seen) < 1 + held:
        return "I6: a case is open or held, and what it rests on was retracted"
    if case.state is State.WARNED and len(seen) < 2:
        return "I6: a case is warned, and what it rests on was retracted"
    for each in case.decisions:
        if each.step in (Step.WARN, *_WORSE) and sum(at <= each.at for at in seen) < 2:
            return f"I6: what the decision to {each.step} rests on was retracted, and it stands"
    return ""


# -- of every action ---------------------------------------------------------------------------------------------


def of_change(terms: Terms, before: World, change: "Change") -> str:
    after = change.world
    for i, (old, new) in enumerate(zip(before.accounts, after.accounts, strict=True)):
        steps = [each for each in change.taken if each.account == i]
        broken = _of_steps(old, new, steps)
        if broken:
            return broken
    for taken in change.taken:
        broken = _of_step(terms, taken, before, after)
        if broken:
            return broken
    if change.signed and before.pulled_at and not after.pulled_at and len(_persons(change.signed)) < 2:
        return "I22: one person released the brake"
    recent = sum(1 for at in after.automatic if at > after.now - WINDOW)
    over = recent > terms.pinned.safety.max_steps_per_hour
    return "I23: more automatic steps than the budget" if over else ""


def _persons(names: Iterable[str]) -> set[str]:
    return {PERSON_OF[each] for each in names}


def _of_steps(old: Account, new: Account, steps: list[Taken]) -> str:
    was, case = old.case, steps[-1].after if steps else new.case
    if len(steps) > 1:
        return "Two steps in one look"
    if case is None:
        return "I12: a case vanished without a decision" if was is not None else ""
    was = was or Case()  # opened by the same action
    if case.version != was.version + len(steps):
        return "I13: a version without its one event"
    if not steps and (old.restriction != new.restriction or was.state is not case.state):
        return "I12: a state or a restriction changed without a decision"
    if was.state is case.state and was.due_at is not None and (case.due_at is None or case.due_at < was.due_at):
        return "I4: a deadline moved earlier"
    return _of_mail(was, case)


def _of_mail(was: Case, case: Case) -> str:
    if (
        was.memo is None
        or case.memo is None
        or was.memo.rendered_at != case.memo.rendered_at
        or was.version != case.version
    ):
        return ""
    for old, new in zip(was.memo.copies, case.memo.copies, strict=False):
        if old.accepted_at and new.status != "bounced" and old.accepted_at != new.accepted_at:
            return "I17: one message was recorded as accepted twice"
    return ""


def _of_step(terms: Terms, taken: Taken, before: World, after: World) -> str:
    was, step, names = taken.before.case, taken.decision.step, taken.decision.names
    assert was is not None
    if _ARROWS.get((was.state, step)) is not taken.after.state:
        return f"I12: {step} took a case from {was.state} to {taken.after.state}"
    if len(_persons(names)) < len(names):
        return "I22: one person put two names to a step"
    if step is Step.RESTRICT_NOW and (len(_persons(names)) < 2 or not COUNSEL & set(names)):
        return "I22: restrict_now without two people, one of them counsel"
    if step is Step.WARN:
        return _of_warning(terms, taken, was, before)
    if step in _WORSE:
        return _of_worsening(terms, taken, was, before)
    if step in (Step.NARROW, Step.WIDEN):
        overdue = any(each.escalated for each in taken.after.appeals)
        return "" if overdue is (step is Step.NARROW) else f"{step} does not go with the appeals that are open"
    if step is Step.CURE and was.state is State.WARNED:
        return _of_cure(terms, taken, was, before.active)
    return "The territory was freed, and nobody supports it" if step is Step.FREE and not before.active else ""


def _of_warning(terms: Terms, taken: Taken, was: Case, before: World) -> str:
    if before.pulled_at is not None:
        return "I23: a warning while the brake is pulled"
    exempt_until = taken.before.exempt_until
    if exempt_until and taken.decision.at < exempt_until:
        return "An exempt account was warned"
    people = int(terms.pinned.ladder.warn.automation == "held") + int(terms.manners.protected)
    people = max(people, int(taken.before.shielded))
    if not taken.decision.names or (was.held and not was.held.by_hand):
        if len(_seen(taken.before)) < 2 or before.active:
            return "I5: a warning without a rule that holds"
        return "I22: a warning that nobody agreed to" if len(taken.decision.names) < people else ""
    return ""


def _seen(account: Account) -> list[datetime]:
    return [at for at in account.sightings if account.closed_at is None or at > account.closed_at]


def _of_worsening(terms: Terms, taken: Taken, was: Case, before: World) -> str:
    now, notice = taken.decision.at, notice_of(terms, was.state)
    if any(each.suspensive for each in was.appeals):
        return "I3: a step while an appeal is open"
    if was.stops - {"approval"}:
        return f"A step while {'+'.join(sorted(was.stops - {'approval'}))} stops the clock"
    if taken.before.exempt_until and now < taken.before.exempt_until:
        return "A step against an exempt account"
    if was.due_at is None or now < was.due_at or was.promised is None or now < was.promised:
        return "I1: a step before the date that was promised"
    if not any(at + notice <= now for at in have_it(was)):
        return "I2: a step, and nobody had the memo of the state before for the notice"
    if was.ran < notice:
        return "I2: a step before the clock ran for the whole notice, stops not counted"
    if before.pulled_at is not None:
        return "I23: a step while the brake is pulled"
    if before.active:
        return "I5: a step for a territory that is supported"
    return _of_people(terms, taken, was) or _of_facts(terms, taken, was)


def _of_people(terms: Terms, taken: Taken, was: Case) -> str:
    ladder, manners, step = terms.pinned.ladder, terms.manners, taken.decision.step
    if was.held is not None and was.held.by_hand:
        people = 2 + int(manners.protected)
    else:
        rung = {State.WARNED: ladder.deadline, State.RESTRICTED: ladder.restriction}.get(was.state, ladder.suspension)
        assert rung is not None
        contract = manners.no_suspension and step in (Step.SUSPEND, Step.BLOCK)
        person = manners.is_person and ladder.persons == "held"
        asks = rung.automation == "held" or person or contract or taken.before.shielded
        people = int(asks) + int(manners.protected)
    return "I22: fewer people than must agree" if len(_persons(taken.decision.names)) < people else ""


def _of_facts(terms: Terms, taken: Taken, was: Case) -> str:
    """What an automatic step from a warning rests on; later ones rest on the decision that warned."""
    ladder, seen = terms.pinned.ladder, _seen(taken.before)
    if was.state is not State.WARNED or (was.held is not None and was.held.by_hand):
        return ""
    if taken.decision.step is not _OF_POLICY[ladder.deadline.step]:
        return "A stage was skipped"
    if len(seen) < 2:
        return "I5: a step without a rule that holds"
    since = max(at for at in (was.accepted_at, was.refused_at) if at)
    if ladder.deadline.needs_new_requests and not any(at > since for at in seen):
        return "A step, and nothing was seen since the account was told"
    assert was.due_at is not None
    if ladder.cure is not None and max(seen) < (was.due_at if ladder.cure.extend else was.due_at - ladder.cure.quiet):
        return "The cure ate the notice: who had stopped before the deadline was not given the quiet period"
    return ""


def _of_cure(terms: Terms, taken: Taken, was: Case, active: int) -> str:
    """Nobody is cured by mistake either: the account would be told that it stopped, and warned again."""
    cure, seen, now = terms.pinned.ladder.cure, _seen(taken.before), taken.decision.at
    if len(seen) < 2 or was.due_at is None or was.accepted_at is None or taken.before.case is None:
        return "" if was.due_at is not None else "A warned case was cured before its deadline"
    since = max(at for at in (was.accepted_at, was.refused_at) if at)
    new = any(at > since for at in seen)
    if not new:
        return ""
    if not active and (cure is None or not (max(seen) < was.due_at - cure.quiet or now > max(seen) + cure.quiet)):
        return "A case was cured whose traffic goes on"
    return ""


def _by_order(case: Case) -> bool:
    return bool(case.decisions) and case.decisions[-1].step is Step.RESTRICT_NOW


# -- rest --------------------------------------------------------------------------------------------------------


def at_rest(terms: Terms, world: World) -> bool:
    """Whether nothing is due and nothing will be, unless a person does something."""
    return all(_rests(account, world) for account in world.accounts)


def _rests(account: Account, world: World) -> bool:
    case = account.case
    if account.marked or account.exempt_until is not None:
        return False
    if case is None or case.state in (State.OPEN, State.BLOCKED) or (_by_order(case) and case.accepted_at):
        return case is None or not any(not each.escalated for each in case.appeals)
    waits = bool(case.stops) or (case.memo is not None and case.memo.gagged) or world.pulled_at is not None
    return waits and not any(not each.escalated for each in case.appeals)
