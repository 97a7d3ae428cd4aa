"""What decisions still rest on now that evidence was withdrawn: each judged again as of the moment it was made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models.functions import Coalesce

from enforcement.models import Case, Decision, Exemption, PolicyVersion, Retraction
from enforcement.rules import decisions, outcomes, scoring
from enforcement.rules.exemptions import Exempt, exempt_from, held_against
from enforcement.rules.sightings import Sighting
from enforcement.rules.territory import TerritoryAnswers, territories_under_both
from enforcement.rules.transitions import NEEDS_NOTICE, State, Step
from enforcement.services import acceptance, deadline, history, sightings

# A run reads the clock once, at its beginning; what came in while it worked, it saw as well.
_SEEN_MEANWHILE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Moment:
    """A case as it was judged at one moment, on what had come in by then.

    `told` is the acceptance after which traffic had to go on; None where the decision did not ask for that. `due_at`
    is the deadline before which it could have stopped for long enough; None where a person did not wait for that.
    """

    case: Case
    at: datetime
    territories: TerritoryAnswers
    told: datetime | None = None
    due_at: datetime | None = None


def fallen(cases: Sequence[Case], retraction: Retraction, active: PolicyVersion, *, now: datetime) -> set[int]:
    """The ids of those that cannot stand after this retraction (accounts locked, `policy` loaded).

    What was decided has to hold as of then, and a warning has to hold now as well.
    """
    judged = _on_evidence(cases)
    return groundless(judged, retraction) | _fallen(list(_today(judged, active, now)), retraction)


def groundless(cases: Sequence[Case], retraction: Retraction) -> set[int]:
    """The ids of those that rest on decisions whose ground this retraction took away.

    A case rests on the decision that warned and on the step at its deadline; later steps follow from these. What no
    rule held up before the retraction is a person's to take back, and a step without notice rests on its legal basis.
    """
    judged = _on_evidence(cases)
    earlier = ([each for each in made if each.at <= retraction.retracted_at] for made in _decided(judged))
    return set[int]().union(*(_fallen(moments, retraction) for moments in earlier))


def unfounded(cases: Sequence[Case]) -> set[int]:
    """The ids of those whose step at the deadline no rule held up, on what had come in by then and still stands."""
    moments = list(_deadlines(_on_evidence(cases)))
    return {moment.case.pk for moment in moments} - _standing(moments, None)


# -- which moments -------------------------------------------------------------------------------------------------


def _on_evidence(cases: Sequence[Case]) -> list[Case]:
    taken = Decision.objects.filter(case__among=cases, step=Step.RESTRICT_NOW, status=Decision.Status.APPLIED)
    without_notice = set(taken.values_list("case_id", flat=True))
    return [case for case in cases if case.pk not in without_notice]


def _decided(cases: Sequence[Case]) -> tuple[Iterator[_Moment], Iterator[_Moment]]:
    return _warnings(cases), _deadlines(cases)


def _warnings(cases: Sequence[Case]) -> Iterator[_Moment]:
    for case, decision in _applied(cases, step=Step.WARN).items():
        yield _Moment(case, decision.decided_at, case.policy.rules.territories)


def _deadlines(cases: Sequence[Case]) -> Iterator[_Moment]:
    taken = _applied(cases, step__in=NEEDS_NOTICE, from_state=State.WARNED)
    receptions = acceptance.receptions([each.rests_on_id for each in taken.values() if each.rests_on_id])
    for case, decision in taken.items():
        told = receptions[decision.rests_on_id].accepted_at if decision.rests_on_id else None
        due_at = decision.due_at if decision.proposed_by_id is None else None
        yield _Moment(case, decision.decided_at, case.policy.rules.territories, told, due_at)


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
    spans = {each.case.account_id: (_since(each, closes), each.at + _SEEN_MEANWHILE) for each in moments}
    told = {each.case.account_id: (each.told, each.at + _SEEN_MEANWHILE) for each in moments if each.told is not None}
    seen, new = sightings.received(spans, counted=counted), sightings.received(told, counted=counted)
    exempt = _exempt(moments)
    for account, theirs in exempt.items():
        seen[account], new[account] = held_against(seen[account], theirs), held_against(new.get(account, []), theirs)
    return {
        moment.case.pk
        for moment in moments
        if _holds(moment, seen[moment.case.account_id], new.get(moment.case.account_id, []))
    }


def _exempt(moments: Sequence[_Moment]) -> dict[int, Exempt]:
    """By account: from what it was exempt at its moment."""
    at = {moment.case.account_id: moment.at for moment in moments}
    scopes: dict[int, list[tuple[str, str]]] = {}
    granted = Exemption.objects.filter(account__among=at).annotate(over_at=Coalesce("ended_at", "ends_at"))
    for each in granted:
        if each.starts_at <= at[each.account_id] < each.over_at:
            scopes.setdefault(each.account_id, []).append((each.scope, each.value))
    return {account: exempt_from(found) for account, found in scopes.items()}


def _since(moment: _Moment, closes: Mapping[int, datetime]) -> datetime:
    oldest = sightings.before_window(moment.at, moment.case.policy.rules.evidence.window)
    return max(oldest, closes.get(moment.case.account_id, oldest))


def _holds(moment: _Moment, seen: list[Sighting], new: list[Sighting]) -> bool:
    policy, at, territories = moment.case.policy.rules, moment.at, moment.territories
    score = scoring.score(seen, policy, at, territories=territories)
    if not deadline.holds(moment.case, outcomes.outcome(score, policy, at), policy):
        return False
    if moment.told is None:
        return True
    requests = scoring.unsupported_requests(new, policy, at, territories=territories)
    return requests >= policy.ladder.deadline.needs_new_requests and not (
        moment.due_at is not None and decisions.is_quiet(moment.due_at, score.last_counting_at, policy, at)
    )
