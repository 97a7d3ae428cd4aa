"""Why an account stands where it does, at one moment: its evidence scored anew, rule by rule and day by day.

What a decision rested on is kept with the decision; this is what is known beside it, for people who look. Of an account
with more evidence than anybody waits for, only the heaviest part is read, and nothing is scored: a part has no score.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from enforcement.models import Case, PolicyVersion
from enforcement.rules import outcomes, scoring
from enforcement.rules.agreement import source_of
from enforcement.rules.outcomes import RuleResult
from enforcement.rules.policy import Policy
from enforcement.rules.scoring import Score
from enforcement.rules.sightings import Sighting
from enforcement.rules.territory import Answer, Place
from enforcement.rules.transitions import State
from enforcement.services import heaviest, history, sightings
from enforcement.services.heaviest import Size


@dataclass(frozen=True, slots=True)
class Strip:
    """Requests a day of one territory, key or class of network, as the source that saw most of them reported it."""

    name: str  # "" where none was given
    answer: Answer
    days: Mapping[date, int]

    @property
    def requests(self) -> int:
        return sum(self.days.values())


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score with how each rule stands, and the served requests behind it, day by day.

    Where the evidence is large, there is no score and no result, and the strips are those of its heaviest tallies.
    """

    version: PolicyVersion
    at: datetime
    since: datetime | None  # only what was observed after an earlier case was closed counts
    size: Size
    score: Score | None
    results: tuple[RuleResult, ...]
    days: tuple[date, ...]  # of the window, in order
    territories: tuple[Strip, ...]  # each most requests first
    keys: tuple[Strip, ...]  # unsupported requests only, as the next
    networks: tuple[Strip, ...]


def explain(case: Case, version: PolicyVersion, *, earlier_close: datetime | None, now: datetime) -> Explanation:
    """The case's account under this version, as of now; of a closed case as of its close.

    `earlier_close` is when another case of the account was closed before; None spares a query.
    """
    policy, at = version.rules, case.closed_at or now
    since, is_closed = _since(case, earlier_close), case.state == State.CLOSED
    days = tuple(_day(at) - timedelta(days=back) for back in reversed(range(policy.evidence.window_days)))
    in_part = [_day(each) for each in (since, at if is_closed else None) if each]
    size = heaviest.size_of(case.account_id, days[0], days[-1], in_part=in_part)
    seen = _heaviest(case, days, since) if size.is_large else _all(case, policy, at, since)
    score = None if size.is_large else scoring.score(seen, policy, at)
    return Explanation(
        version=version,
        at=at,
        since=since,
        size=size,
        score=score,
        results=outcomes.weigh_rules(score, policy, at) if score else (),
        days=days,
        **_strips(seen, policy),
    )


def _all(case: Case, policy: Policy, at: datetime, since: datetime | None) -> list[Sighting]:
    after, is_closed = {case.account_id: since} if since else {}, case.state == State.CLOSED
    window = policy.evidence.window
    return sightings.load([case.account_id], window=window, at=at, after=after, exact=is_closed)[case.account_id]


def _heaviest(case: Case, days: Sequence[date], since: datetime | None) -> list[Sighting]:
    """Whole days: rows of a day that a boundary falls into may be as many as all the tallies."""
    first = max(days[0], _day(since) + timedelta(days=1)) if since else days[0]
    return heaviest.heaviest(case.account_id, first, days[-1])


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _since(case: Case, earlier_close: datetime | None) -> datetime | None:
    """A review that closed by itself uses no evidence up; `history` knows which did."""
    if earlier_close is None or case.state == State.CLOSED:
        return earlier_close
    return history.closes_of([case.account_id]).get(case.account_id)


def _strips(seen: Iterable[Sighting], policy: Policy) -> dict[str, tuple[Strip, ...]]:
    kinds = policy.evidence.kinds
    served = [
        (each, policy.territories.place(each.country, each.subdivision))
        for each in seen
        if not each.refused and each.kind in kinds and kinds[each.kind].is_traffic
    ]
    outside = [(each, place) for each, place in served if place.answer is Answer.UNSUPPORTED]
    return {
        "territories": _by(served, lambda each, place: place.code),
        "keys": _by(outside, lambda each, place: each.credential),
        "networks": _by(outside, lambda each, place: each.network_class or "unknown"),
    }


def _by(seen: list[tuple[Sighting, Place]], name: Callable[[Sighting, Place], str]) -> tuple[Strip, ...]:
    """Sources that saw the same requests are not added up."""
    reported: dict[tuple[str, Answer], dict[tuple[date, str], int]] = defaultdict(lambda: defaultdict(int))
    for each, place in seen:
        reported[name(each, place), place.answer][each.day, source_of(each)] += each.requests
    strips = (Strip(*key, days=_most(by_source)) for key, by_source in reported.items())
    return tuple(sorted(strips, key=lambda strip: (-strip.requests, strip.name)))


def _most(by_source: Mapping[tuple[date, str], int]) -> dict[date, int]:
    days: dict[date, int] = defaultdict(int)
    for (day, _), requests in by_source.items():
        days[day] = max(days[day], requests)
    return dict(days)
