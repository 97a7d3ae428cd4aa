"""What the automation wants to do about an account: values only, carried out by services under lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from enforcement.rules.outcomes import Outcome
from enforcement.rules.policy import Policy
from enforcement.rules.territory import Answer, TerritoryAnswers
from enforcement.rules.transitions import State, Step, find_transition

_STEP_OF_POLICY = {"restrict_territory": Step.RESTRICT, "suspend": Step.SUSPEND, "block": Step.BLOCK}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A step that the automation proposes; with `people` above zero it is held until that many agreed."""

    step: Step
    people: int
    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Manners:
    """What about the account makes a person look before the automation acts."""

    is_person: bool
    protected: bool
    no_suspension: bool
    overturned: frozenset[str] = frozenset()  # the rules that an appeal of this account was won against


# -- after an assessment -----------------------------------------------------------------------------------------


def opens_case(outcome: Outcome | None) -> bool:
    """Whether an account without an open case gets one."""
    return outcome is not None


def on_assessment(outcome: Outcome | None, manners: Manners) -> Proposal | None:
    """What to propose on an *open* case, freshly scored: warn, close silently, or leave it to a person."""
    if outcome is None:
        return Proposal(Step.CURE, 0, "No rule of the policy matches any more.")
    if outcome.outcome == "review":
        return None
    people = _with_manners(outcome.outcome == "held", outcome.rule, manners)
    return Proposal(Step.WARN, people, f"Rule {outcome.rule} holds.")


# -- at the deadline of a warning --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AtDeadline:
    """What the sweep found under the lock.

    `new_requests` counts unsupported requests observed after the memo's acceptance; `last_counting_at` is the last
    counting unsupported sighting of a traffic kind in the window, None if there is none; `rule` is the one that holds.
    """

    due_at: datetime
    rule_holds: bool
    sanctioned: bool  # counsel's territory is among the traffic: nothing is automatic any more
    new_requests: int
    last_counting_at: datetime | None
    manners: Manners
    rule: str = ""


def at_deadline(found: AtDeadline, policy: Policy, now: datetime) -> Proposal | Wait:
    """The step, the cure, or waiting for one of the two, once `due_at` has come."""
    if now < found.due_at:
        return Wait(found.due_at)
    if not found.rule_holds:
        return Proposal(Step.CURE, 0, "No rule of the policy holds any more.")
    if found.new_requests < policy.ladder.deadline.needs_new_requests:
        return Proposal(Step.CURE, 0, "The traffic did not continue after the warning.")
    waiting = _cure_or_wait(found.due_at, found.last_counting_at, policy, now)
    return _deadline_step(found, policy) if waiting is None else waiting


def is_quiet(due_at: datetime, last_counting_at: datetime | None, policy: Policy, now: datetime) -> bool:
    """Whether traffic stopped early enough for a cure, or may yet have: there is no step at this deadline."""
    return _cure_or_wait(due_at, last_counting_at, policy, now) is not None


def _cure_or_wait(due_at: datetime, last: datetime | None, policy: Policy, now: datetime) -> Proposal | Wait | None:
    """None where the traffic went on and the step is due."""
    cure = policy.ladder.cure
    if cure is None or last is None:
        return None
    if last < due_at - cure.quiet:
        return Proposal(Step.CURE, 0, "The traffic stopped and stayed away for the quiet period.")
    # The cure must not eat the notice: who stopped before the deadline has until last sighting + quiet period.
    if not cure.extend or last >= due_at:
        return None
    quiet_until = last + cure.quiet
    if now > quiet_until:
        return Proposal(Step.CURE, 0, "The traffic stopped and stayed away for the quiet period.")
    return Wait(quiet_until + timedelta.resolution)  # the quiet period has to pass, not only to be reached


def _deadline_step(found: AtDeadline, policy: Policy) -> Proposal:
    step = _STEP_OF_POLICY[policy.ladder.deadline.step]
    held = policy.ladder.deadline.automation == "held" or found.sanctioned
    reason = "The traffic continued after the warning and its deadline has passed."
    return Proposal(step, _people(step, held, found.rule, policy, found.manners), reason)


# -- the ladder --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rung:
    """How long a state lasts from the acceptance of its memo, and when before its end the account is reminded."""

    lasts: timedelta
    reminders: tuple[timedelta, ...]


def rung_of(state: State, policy: Policy) -> Rung | None:
    """The rung that a state stands on; None where nothing follows."""
    ladder = policy.ladder
    if state is State.WARNED:
        return Rung(ladder.warn.notice, ladder.warn.reminders)
    later = {State.RESTRICTED: ladder.restriction, State.SUSPENDED: ladder.suspension}.get(state)
    return None if later is None else Rung(later.after, later.reminders)


# -- later steps -------------------------------------------------------------------------------------------------


def later_step(state: State, policy: Policy, manners: Manners, rule: str = "") -> Proposal | None:
    """What follows a restriction or a suspension once its own notice has run; None where the ladder ends.

    `rule` is the one that the account was warned by.
    """
    rung = policy.ladder.restriction if state is State.RESTRICTED else policy.ladder.suspension
    if rung is None:
        return None
    step = _STEP_OF_POLICY[rung.step]
    reason = f"The account has been {state} for the time that was announced."
    return Proposal(step, _people(step, rung.automation == "held", rule, policy, manners), reason)


def _people(step: Step, held: bool, rule: str, policy: Policy, manners: Manners) -> int:
    """How many must agree: one if the rung, the person or the contract asks for somebody, and more with manners."""
    asks = held or (manners.is_person and policy.ladder.persons == "held")
    if manners.no_suspension and step in (Step.SUSPEND, Step.BLOCK):
        asks = True
    return _with_manners(asks, rule, manners)


def _with_manners(asks: bool, rule: str, manners: Manners) -> int:
    """One more for a protected account, and one where an appeal was won against this very rule.

    No more than two: a decision has no room for further names beside the proposer's, and nobody could ever settle it.
    """
    return min(2, int(asks) + int(manners.protected) + int(rule in manners.overturned))


def people_by_hand(state: State, step: Step, manners: Manners) -> int:
    """How many must agree to a step that a person proposes, the proposer included; raises StepRefused."""
    return find_transition(state, step).people + int(manners.protected)


def still_unsupported(codes: Sequence[str], pinned: TerritoryAnswers, active: TerritoryAnswers) -> bool:
    """Whether any of the territories that the account was told of is unsupported under both versions.

    An account that was told of none (billing facts only) has none that could have become supported.
    """
    places = [(code[:2], code if "-" in code else "") for code in codes]
    return not places or any(
        pinned.answer(*place) is Answer.UNSUPPORTED and active.answer(*place) is Answer.UNSUPPORTED for place in places
    )
