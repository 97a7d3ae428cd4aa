"""What the evidence of one account comes to, under one policy, at one moment: a score in explained lines.

The same function serves live decisions, shadow runs and backtests. All sums are exact, so that neither the
order of the sightings nor how they were batched or tallied can change a score.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext

from enforcement.rules.agreement import Report, Settled, is_one_source, settle, settle_alone, source_of
from enforcement.rules.points import EXACT, contributions, most_first
from enforcement.rules.policy import Policy
from enforcement.rules.policy_parts import EvidenceTerms, Kind
from enforcement.rules.score_lines import (
    ScoreLine,
    cap_line,
    contribution_line,
    uncounted_requests,
    uncounted_sightings,
)
from enforcement.rules.sightings import Sighting
from enforcement.rules.territory import Answer, TerritoryAnswers

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Fact:
    """A row of the table that a memo shows: unsupported requests that count."""

    credential: str  # "" where none was given
    territory: str
    network_class: str
    requests: int
    days: int


@dataclass(frozen=True, slots=True)
class Score:
    """Request numbers are of traffic kinds and plain (unweighted), after sources were compared."""

    points: Decimal
    lines: tuple[ScoreLine, ...]
    facts: tuple[Fact, ...]  # most requests first
    requests: int  # all that count, with the next four
    unsupported_requests: int
    unknown_requests: int
    unresolved_requests: int
    contested_requests: int
    weighted_unsupported_requests: Decimal  # x confidence x network factor
    share_base: int  # what stands below the share
    days: frozenset[date]
    weeks: frozenset[tuple[int, int]]  # ISO year and week
    kinds: tuple[str, ...]  # corroborating ones, sorted
    sources: frozenset[str]  # of corroborating kinds; an unnamed one is a blank and its detector
    territories: tuple[tuple[str, int], ...]  # unsupported, with requests, most first
    first_seen: datetime | None  # unsupported sightings of any kind
    last_seen: datetime | None
    last_counting_at: datetime | None  # the same of traffic kinds only: what `seen_within` and a cure look at
    sanctioned: bool  # seen in a sanctioned territory, by a kind that corroborates: a case for counsel

    @property
    def share(self) -> Decimal:
        """Unrounded; thresholds are compared without this division."""
        if not self.share_base:
            return _NOTHING
        with localcontext(EXACT):
            return self.weighted_unsupported_requests / self.share_base


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the evidence of one kind comes to."""

    name: str
    kind: Kind
    settled: list[Settled]

    @property
    def counting(self) -> list[Report]:
        return [report for each in self.settled for report in each.counting]

    @property
    def agreeing(self) -> list[Report]:
        return [report for each in self.settled for report in each.agreeing]


def score(
    sightings: Iterable[Sighting],
    policy: Policy,
    at: datetime,
    *,
    territories: TerritoryAnswers | None = None,
) -> Score:
    """Score one account's sightings as of `at`; cuts the window, and expects nothing that was observed later.

    `territories` stands in for the policy's own list: a restricting step asks for unsupported under both
    versions.
    """
    terms, today = policy.evidence, at.astimezone(UTC).date()
    with localcontext(EXACT):
        seen, only_shown = _settle(sightings, terms, today, territories or policy.territories)
        points, lines = _score_kinds(seen, terms, today)
        return _assemble(seen, points, (*lines, *uncounted_sightings(only_shown)))


def unsupported_requests(
    sightings: Iterable[Sighting],
    policy: Policy,
    at: datetime,
    *,
    territories: TerritoryAnswers | None = None,
) -> int:
    """Those of the score, for a reader who asks nothing else of it."""
    with localcontext(EXACT):
        seen, _ = _settle(sightings, policy.evidence, at.astimezone(UTC).date(), territories or policy.territories)
        return sum(report.requests for each in seen if each.kind.is_traffic for report in each.counting)


def _settle(
    sightings: Iterable[Sighting], terms: EvidenceTerms, today: date, territories: TerritoryAnswers
) -> tuple[list[_Seen], list[Report]]:
    reports, only_shown = _read(sightings, terms, today, territories)
    return [_settle_kind(name, terms.kinds[name], reports[name]) for name in sorted(reports)], only_shown


def _read(
    sightings: Iterable[Sighting], terms: EvidenceTerms, today: date, territories: TerritoryAnswers
) -> tuple[dict[str, list[Report]], list[Report]]:
    """The reports of each kind that the policy names, and the unsupported sightings that are only shown."""
    since = today - timedelta(days=terms.window_days - 1)
    reports: dict[str, list[Report]] = {}
    only_shown = []
    for alike in _by_key(each for each in sightings if since <= each.day <= today):
        key = alike[0]
        if key.kind not in terms.kinds:
            continue
        place, factor = territories.place(key.country, key.subdivision), terms.factor(key.network_class)
        report = Report(alike, place, factor, source_of(key))
        if not key.refused:
            reports.setdefault(key.kind, []).append(report)
        if place.answer is Answer.UNSUPPORTED and (key.refused or not factor):
            only_shown.append(report)
    return reports, only_shown


def _by_key(sightings: Iterable[Sighting]) -> Iterable[list[Sighting]]:
    """The tally key without its day: most accounts have one or two, and a sighting of each on many days."""
    found: dict[tuple[object, ...], list[Sighting]] = {}
    for each in sightings:
        key = (
            each.kind, each.detector, each.source, each.credential, each.country, each.subdivision,
            each.network_class, each.refused,
        )  # fmt: skip
        found.setdefault(key, []).append(each)
    return found.values()


def _settle_kind(name: str, kind: Kind, reports: list[Report]) -> _Seen:
    if kind.sources == "any" or is_one_source(reports):
        return _Seen(name, kind, [settle_alone(reports)])
    by_day: dict[date, list[Report]] = {}
    for report in reports:
        for each in report.sightings:
            by_day.setdefault(each.day, []).append(report.alone(each))
    return _Seen(name, kind, [settled for of_day in by_day.values() for settled in settle(of_day)])


def _score_kinds(seen: list[_Seen], terms: EvidenceTerms, today: date) -> tuple[Decimal, list[ScoreLine]]:
    total, lines = _NOTHING, []
    for each in seen:
        found = contributions(each.name, each.kind, each.counting, terms, today)
        together = sum((each.points for each in found), _NOTHING)
        lines += [contribution_line(each) for each in found]
        if together > each.kind.cap:
            lines.append(cap_line(each.name, each.kind.cap, together))
        lines += uncounted_requests(each.name, each.settled)
        total += min(each.kind.cap, together)
    return total, lines


def _assemble(seen: list[_Seen], points: Decimal, lines: tuple[ScoreLine, ...]) -> Score:
    traffic = [each for each in seen if each.kind.is_traffic]
    settled = [one for each in traffic for one in each.settled]
    counting = [report for each in traffic for report in each.counting]
    witnessed = [sighting for each in traffic for report in each.agreeing for sighting in report.sightings]
    evidence = [sighting for each in seen for report in each.agreeing for sighting in report.sightings]
    proof = [report for each in seen if each.kind.corroborates for report in each.agreeing]
    days = frozenset(each.day for each in witnessed)
    return Score(
        points=points,
        lines=lines,
        facts=_facts(counting),
        requests=sum(each.requests for each in settled),
        unsupported_requests=sum(each.requests for each in counting),
        unknown_requests=sum(each.unknown for each in settled),
        unresolved_requests=sum(each.unresolved for each in settled),
        contested_requests=sum(each.contested for each in settled),
        weighted_unsupported_requests=sum((each.weighted_requests for each in counting), _NOTHING),
        share_base=sum(each.share_base for each in settled),
        days=days,
        weeks=frozenset(day.isocalendar()[:2] for day in days),
        kinds=tuple(sorted({each.key.kind for each in proof})),
        sources=frozenset(each.source for each in proof),
        territories=tuple(most_first(counting)),
        first_seen=min((each.first_at for each in evidence), default=None),
        last_seen=max((each.last_at for each in evidence), default=None),
        last_counting_at=max((each.last_at for each in witnessed), default=None),
        sanctioned=any(each.place.sanctioned for each in proof),
    )


def _facts(counting: list[Report]) -> tuple[Fact, ...]:
    found: dict[tuple[str, str, str], list[Sighting]] = {}
    for each in counting:
        key = each.key.credential, each.place.code, each.key.network_class or "unknown"
        found.setdefault(key, []).extend(each.sightings)
    facts = [
        Fact(*key, requests=sum(each.requests for each in group), days=len({each.day for each in group}))
        for key, group in found.items()
    ]
    return tuple(sorted(facts, key=lambda each: (-each.requests, each.credential, each.territory, each.network_class)))
