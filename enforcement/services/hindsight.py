"""What decisions still rest on now that evidence was withdrawn: each judged again as of the moment it was made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from enforcement.models import Case, Decision, PolicyVersion, Retraction
from enforcement.rules import outcomes, scoring
from enforcement.rules.sightings import Sighting
from enforcement.rules.territory import TerritoryAnswers, territories_under_both
from enforcement.rules.transitions import NEEDS_NOTICE, State, Step
from enforcement.services import acceptance, deadline, history, sightings


@dataclass(frozen=True, slots=True)
class _Moment:
    """A case as it was judged at one moment, on what had come in by then.

    `told` is the acceptance after which traffic had to go on; None where the decision did not ask for that.
    """

    case: Case
    at: datetime
    territories: TerritoryAnswers
    told: datetime | None = None


def fallen(cases: Sequence[Case], retraction: Retraction, active: PolicyVersion, *, now: datetime) -> set[int]:
    """The ids of those whose ground this retraction took away (accounts locked, `policy` loaded).

    A case rests on the decision that warned and on the step at its deadline, and later steps follow from these; a
    warned one has to hold now as well. What no rule held up before this retraction is a person's to take back, and a
    step without notice rests on its legal basis.
    """
    judged = [case for case in cases if case.pk not in _without_notice(cases)]
    found: set[int] = set()
    for moments in (_warnings(judged), _deadlines(judged), _today(judged, active, now)):
        found |= _fallen([moment for moment in moments if moment.case.pk not in found], retraction)
    return found


# -- which moments -------------------------------------------------------------------------------------------------


def _without_notice(cases: Sequence[Case]) -> set[int]:
    taken = Decision.objects.filter(case__among=cases, step=Step.RESTRICT_NOW, status=Decision.Status.APPLIED)
    return set(taken.values_list("case_id", flat=True))


def _warnings(cases: Sequence[Case]) -> Iterator[_Moment]:
    for case, decision in _applied(cases, step=Step.WARN).items():
        yield _Moment(case, decision.decided_at, case.policy.rules.territories)


def _deadlines(cases: Sequence[Case]) -> Iterator[_Moment]:
    taken = _applied(cases, step__in=NEEDS_NOTICE, from_state=State.WARNED)
    receptions = acceptance.receptions([each.rests_on_id for each in taken.values() if each.rests_on_id])
    for case, decision in taken.items():
        told = receptions[decision.rests_on_id].accepted_at if decision.rests_on_id else None
        yield _Moment(case, decision.decided_at, case.policy.rules.territories, told)


def _today(cases: Sequence[Case], active: PolicyVersion, now: datetime) -> Iterator[_Moment]:
    for case in cases:
        if case.state == State.WARNED:
            yield _Moment(case, now, territories_under_both(case.policy.rules.territories, active.rules.territories))


def _applied(cases: Sequence[Case], **which: object) -> dict[Case, Decision]:
    by_id = {case.pk: case for case in cases}
    taken = Decision.objects.filter(case__among=cases, status=Decision.Status.APPLIED, **which)
    return {by_id[decision.case_id]: decision for decision in taken}


# -- judging them --------------------------------------------------------------------------------------------------


def _fallen(moments: Sequence[_Moment], retraction: Retraction) -> set[int]:
    before, after = (_standing(moments, counted) for counted in (retraction.pk, None))
    return before - after


def _standing(moments: Sequence[_Moment], counted: int | None) -> set[int]:
    """The ids of the cases that hold, with what this retraction took if it is `counted`."""
    closes = history.closes_of([moment.case.account_id for moment in moments])
    spans = {moment.case.account_id: (_since(moment, closes), moment.at) for moment in moments}
    told = {each.case.account_id: (each.told, each.at) for each in moments if each.told is not None}
    seen, new = sightings.received(spans, counted=counted), sightings.received(told, counted=counted)
    return {
        moment.case.pk
        for moment in moments
        if _holds(moment, seen[moment.case.account_id], new.get(moment.case.account_id, []))
    }


def _since(moment: _Moment, closes: Mapping[int, datetime]) -> datetime:
    oldest = sightings.before_window(moment.at, moment.case.policy.rules.evidence.window)
    return max(oldest, closes.get(moment.case.account_id, oldest))


def _holds(moment: _Moment, seen: list[Sighting], new: list[Sighting]) -> bool:
    policy, at, territories = moment.case.policy.rules, moment.at, moment.territories
    outcome = outcomes.outcome(scoring.score(seen, policy, at, territories=territories), policy, at)
    if moment.told is None or not deadline.holds(moment.case, outcome, policy):
        return deadline.holds(moment.case, outcome, policy)
    requests = scoring.unsupported_requests(new, policy, at, territories=territories)
    return requests >= policy.ladder.deadline.needs_new_requests
