"""A score in words: one readable line for each contribution, and for what is shown but does not count."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from enforcement.rules.agreement import Report, Settled
from enforcement.rules.points import Contribution, most_first

_UNITS = {"request": ("request", "requests"), "item": ("report", "reports"), "day": ("day", "days")}


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """The points of all lines add up to the score's."""

    text: str
    kind: str
    network_class: str  # "" where the line is about the kind as a whole
    count: int  # as the kind is counted: requests, items or days; requests where nothing counts
    points: Decimal
    capped: bool = False
    territories: tuple[str, ...] = ()
    days: int = 0
    counted: bool = True


def contribution_line(found: Contribution) -> ScoreLine:
    capped = found.uncapped > found.cap
    text = (
        f"{found.kind} over {found.network_class}: {_counted(found)} from {', '.join(found.territories)}: "
        f"{found.points:.2f} points"
    )
    notes = [f"{found.uncapped:.2f} before the cap of {found.cap.normalize():f}"] if capped else []
    notes += [f"weighed by {found.factor.normalize():f}"] if found.factor != 1 else []
    return ScoreLine(
        text=f"{text} ({', '.join(notes)})" if notes else text,
        kind=found.kind,
        network_class=found.network_class,
        count=found.count,
        points=found.points,
        capped=capped,
        territories=found.territories,
        days=found.days,
    )


def _counted(found: Contribution) -> str:
    amount = _amount(found.count, found.per)
    return amount if found.per == "day" else f"{amount} on {_amount(found.days, 'day')}"


def _amount(count: int, per: str) -> str:
    one, many = _UNITS[per]
    return f"{count:,} {one if count == 1 else many}"


def cap_line(kind: str, cap: Decimal, together: Decimal) -> ScoreLine:
    """What the cap of a kind takes off what its classes of network bring together."""
    text = f"{kind}: {together:.2f} points together, at most {cap.normalize():f} count"
    return ScoreLine(text, kind, "", 0, cap - together, capped=True)


def uncounted_requests(kind: str, settled: list[Settled]) -> list[ScoreLine]:
    """Requests that say nothing against the account, and why."""
    reasons = (
        ("contested: the sources disagree", sum(each.contested for each in settled)),
        ("from a place that the list cannot decide", sum(each.unresolved for each in settled)),
        ("without an assigned territory", sum(each.unknown for each in settled)),
    )
    return [
        ScoreLine(
            f"{kind}: {_amount(count, 'request')} {why}; not counted",
            kind,
            "",
            count,
            Decimal(0),
            counted=False,
        )
        for why, count in reasons
        if count
    ]


def uncounted_sightings(reports: list[Report]) -> list[ScoreLine]:
    """Sightings outside the supported territory that were refused, or whose network proves nothing."""
    found = defaultdict(list)
    for each in reports:
        key = each.key
        found[key.kind, key.network_class or "unknown", key.refused].append(each)
    return [_uncounted_line(*key, group) for key, group in sorted(found.items())]


def _uncounted_line(kind: str, network_class: str, refused: bool, reports: list[Report]) -> ScoreLine:
    places = most_first(reports)
    count = sum(requests for _, requests in places)
    codes = tuple(code for code, _ in places)
    why = "they were refused" if refused else "this network proves nothing"
    amount = f"{_amount(count, 'request')} from {', '.join(codes)}"
    return ScoreLine(
        text=f"{kind} over {network_class}: {amount} not counted: {why}",
        kind=kind,
        network_class=network_class,
        count=count,
        points=Decimal(0),
        territories=codes,
        days=len({each.day for report in reports for each in report.sightings}),
        counted=False,
    )
