"""What becomes of a persona under a policy, by the pure rules alone: the outcome, and what follows a warning.

The memo is accepted at once. From then on the traffic of the last weeks is seen again, mirrored: what was seen five
days before is seen five days after. Held steps are agreed to when they come.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from enforcement.rules import deadlines
from enforcement.rules.decisions import (
    AtDeadline,
    Manners,
    Proposal,
    at_deadline,
    later_step,
    on_assessment,
    rung_of,
)
from enforcement.rules.durations import parse_duration
from enforcement.rules.outcomes import outcome
from enforcement.rules.policy import SANCTIONED, Policy
from enforcement.rules.scoring import score
from enforcement.rules.sightings import Sighting
from enforcement.rules.transitions import WORSENING, State, Step, find_transition
from examples.personas import PERSONAS, Persona
from tests.unit.rules.evidence import as_sighting

NOW = datetime(2026, 6, 11, 12, tzinfo=UTC)
DAY = timedelta(days=1)
_AHEAD = 300 * DAY  # nothing here waits longer

CAST = tuple({each.number: each for each in PERSONAS}.values())  # the six of the rotator fare alike
STOPS: dict[str, tuple[int, ...]] = {"10": (9, 14)}  # on which days of the notice the traffic stops; the others go on

TAKEN = {Step.RESTRICT: "territory restricted", Step.SUSPEND: "suspended", Step.BLOCK: "blocked"}
HELD = {Step.RESTRICT: "restriction", Step.SUSPEND: "suspension", Step.BLOCK: "block"}
_PEOPLE = {1: "a person", 2: "two people"}


@dataclass(frozen=True)
class _Clock:
    """Where a case stands: its state, and since when the memo that announced it is accepted."""

    state: State
    accepted_at: datetime


def fate(persona: Persona, policy: Policy) -> str:
    """One line: who is left alone, looked at or warned, and what follows by which day after the warning."""
    found = outcome(score(_past(persona.number), policy, NOW), policy, NOW)
    if found is None:
        return "left alone"
    if found.rule == SANCTIONED:
        return "for counsel"
    if found.outcome == "review":
        return f"for a person to look at ({found.rule})"
    proposal = on_assessment(found, _manners(persona))
    assert proposal is not None
    asked = f"warning waits for {_PEOPLE[proposal.people]}" if proposal.people else "warned"
    return f"{asked} ({found.rule}); {_what_follows(persona, policy)}"


def _what_follows(persona: Persona, policy: Policy) -> str:
    stops = STOPS.get(persona.number, (None,))
    told = {day: ", ".join(_steps(persona, policy, day)) for day in stops}
    return "; ".join(f"stops on day {day}: {words}" if day else words for day, words in told.items())


def _steps(persona: Persona, policy: Policy, stops_on: int | None) -> Iterator[str]:
    """What happens after the warning, in order, each with its day."""
    seen = _stream(persona, stops_on)
    manners = _manners(persona)
    clock = _Clock(State.WARNED, NOW)
    due = _due(persona, policy)
    yield from _reminders(clock, due, policy)
    step, at = _at_the_deadline(seen, due, policy, manners)
    yield _told(step, at)
    while step.step in WORSENING:
        clock = _Clock(find_transition(clock.state, step.step).target, at)
        rung = rung_of(clock.state, policy)
        later = later_step(clock.state, policy, manners) if rung else None
        if rung is None or later is None:
            return
        step, at = later, at + rung.lasts
        yield from _reminders(clock, at, policy)
        yield _told(step, at)


def _due(persona: Persona, policy: Policy) -> datetime:
    notice, promised = policy.ladder.warn.notice, _promised(persona)
    told = deadlines.told_deadline(NOW, max(notice, promised or notice))
    return deadlines.due_at(NOW, notice, told=told, min_notice=promised)


def _at_the_deadline(
    seen: list[Sighting], due: datetime, policy: Policy, manners: Manners
) -> tuple[Proposal, datetime]:
    """As the sweep looks: at the deadline, when it has waited long enough, and when new evidence comes in."""
    at = due
    while True:
        verdict = at_deadline(_found(seen, due, at, policy, manners), policy, at)
        if isinstance(verdict, Proposal):
            return verdict, at
        comes = min((each.last_at for each in seen if each.last_at > at), default=verdict.until)
        at = min(verdict.until, comes)


def _found(seen: list[Sighting], due: datetime, at: datetime, policy: Policy, manners: Manners) -> AtDeadline:
    until = [each for each in seen if each.last_at <= at]  # a day is told once it is over
    scored = score(until, policy, at)
    holds = outcome(scored, policy, at)
    return AtDeadline(
        due_at=due,
        rule_holds=holds is not None and (holds.outcome != "review" or holds.rule == SANCTIONED),
        sanctioned=scored.sanctioned,
        new_requests=score([each for each in until if each.first_at > NOW], policy, at).unsupported_requests,
        last_counting_at=scored.last_counting_at,
        manners=manners,
    )


def _told(proposal: Proposal, at: datetime) -> str:
    day = f"day {(at - NOW) // DAY}"
    if proposal.step not in WORSENING:
        return f"{day} closed as cured"
    if proposal.people:
        return f"{day} {HELD[proposal.step]} waits for {_PEOPLE[proposal.people]}"
    return f"{day} {TAKEN[proposal.step]}"


def _reminders(clock: _Clock, due: datetime, policy: Policy) -> Iterator[str]:
    rung = rung_of(clock.state, policy)
    moments = [due - each for each in rung.reminders] if rung else []
    days = [str((at - NOW) // DAY) for at in moments if at > clock.accepted_at]
    if days:
        yield f"reminded on day {' and '.join(days)}"


# -- what was seen, and will be ------------------------------------------------------------------------------


@cache
def _past(number: str) -> tuple[Sighting, ...]:
    persona = next(each for each in CAST if each.number == number)
    return tuple(map(as_sighting, persona.evidence(NOW)))


def _stream(persona: Persona, stops_on: int | None) -> list[Sighting]:
    """The past, and the same again mirrored, up to the day on which it stops."""
    past = _past(persona.number)
    end = NOW + (_AHEAD if stops_on is None else stops_on * DAY)
    future = [mirrored for each in past if (mirrored := _mirrored(each)).last_at <= end]
    return sorted((*past, *future), key=lambda each: each.first_at)


def _mirrored(each: Sighting) -> Sighting:
    ahead = 2 * (NOW.date() - each.day)
    moved = {"day": each.day + ahead, "first_at": each.first_at + ahead, "last_at": each.last_at + ahead}
    return _replaced(each, **moved)


def _replaced(each: Sighting, **changes: object) -> Sighting:
    fields = {name: getattr(each, name) for name in each.__struct_fields__}
    return Sighting(**(fields | changes))


def _manners(persona: Persona) -> Manners:
    terms = persona.account.get("terms", {})
    return Manners(
        is_person=persona.account["kind"] == "person",
        protected=bool(persona.account.get("protected")),
        no_suspension=bool(terms.get("no_suspension")),
    )


def _promised(persona: Persona) -> timedelta | None:
    notice = persona.account.get("terms", {}).get("min_notice")
    return parse_duration(notice) if notice else None
