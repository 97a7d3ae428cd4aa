"""Points: what the counting sightings of one kind are worth, per class of network."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import lru_cache

from enforcement.rules.agreement import Report
from enforcement.rules.policy_parts import EvidenceTerms, Kind, Per
from enforcement.rules.sightings import Sighting

# Wide enough for every sum and product of stored numbers; only the powers of a half-life are ever rounded.
EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)

_NOTHING, _ONE, _TWO = Decimal(0), Decimal(1), Decimal(2)
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one kind brings over one class of network."""

    kind: str
    network_class: str
    count: int  # requests, items or distinct days, as the kind is counted
    per: Per
    days: int
    territories: tuple[str, ...]  # most requests first
    uncapped: Decimal  # before cap and factor
    cap: Decimal
    factor: Decimal

    @property
    def points(self) -> Decimal:
        return self.factor * min(self.cap, self.uncapped)


def contributions(
    name: str, kind: Kind, counting: list[Report], terms: EvidenceTerms, today: date
) -> list[Contribution]:
    """One for each class of network, by its name; "" counts as unknown."""
    by_class = defaultdict(list)
    for each in counting:
        by_class[each.key.network_class or "unknown"].append(each)
    return [
        _contribution(name, kind, network_class, reports, terms, today)
        for network_class, reports in sorted(by_class.items())
    ]


def _contribution(
    name: str, kind: Kind, network_class: str, reports: list[Report], terms: EvidenceTerms, today: date
) -> Contribution:
    amounts = _amounts_by_day(kind.per, (each for report in reports for each in report.sightings))
    # In the order of the days, so that the rounding of the powers is the same for every order of arrival.
    uncapped = sum(
        (kind.points * amount * decay((today - day).days, terms.half_life) for day, amount in sorted(amounts.items())),
        _NOTHING,
    )
    return Contribution(
        kind=name,
        network_class=network_class,
        count=_count(kind.per, reports, len(amounts)),
        per=kind.per,
        days=len(amounts),
        territories=tuple(code for code, _ in most_first(reports)),
        uncapped=uncapped,
        cap=kind.cap,
        factor=reports[0].factor,
    )


def _amounts_by_day(per: Per, sightings: Iterable[Sighting]) -> dict[date, Decimal]:
    """What each day brings, weighed by confidence."""
    amounts: dict[date, Decimal] = defaultdict(Decimal)
    for each in sightings:
        if per == "request":
            amounts[each.day] += each.weighted_requests
        elif per == "item":
            amounts[each.day] += each.weighted_items
        else:
            amounts[each.day] = max(amounts[each.day], each.confidence)
    return amounts


def _count(per: Per, reports: list[Report], days: int) -> int:
    if per == "day":
        return days
    if per == "request":
        return sum(each.requests for each in reports)
    return sum(each.items for report in reports for each in report.sightings)


def most_first(reports: Iterable[Report]) -> list[tuple[str, int]]:
    """The territories with their plain requests, most first, ties by code."""
    found: dict[str, int] = defaultdict(int)
    for each in reports:
        found[each.place.code] += each.requests
    return sorted(found.items(), key=lambda each: (-each[1], each[0]))


@lru_cache(maxsize=4096)
def decay(age: int, half_life: timedelta | None) -> Decimal:
    """What is left of a point after `age` days."""
    if half_life is None or not age:
        return _ONE
    with localcontext(EXACT):
        return _TWO ** -(Decimal(age * (_DAY // _MICROSECOND)) / Decimal(half_life // _MICROSECOND))
