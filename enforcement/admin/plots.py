"""The figures as plots: data that the browser draws, and the same numbers as a table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from enforcement.admin.pages import Table
from enforcement.models import Figure


@dataclass(frozen=True, slots=True)
class Plot:
    """`drawn` goes to the browser as JSON; `table` stands behind it, for who cannot see it or wants the numbers."""

    name: str
    title: str
    note: str
    as_of: datetime
    drawn: dict[str, Any]
    table: Table


def plots() -> list[Plot]:
    """Those that were counted, in the order of the page."""
    counted = {figure.name: figure for figure in Figure.objects.all()}
    return [_PLOTS[name](counted[name]) for name in _PLOTS if name in counted]


def _cases(figure: Figure) -> Plot:
    content = figure.content
    days, states = content["days"], content["states"]
    weekly = range(len(days) - 1, -1, -7)
    return Plot(
        name=figure.name,
        title="Cases by state",
        note=f"At the end of each of the last {len(days)} days.",
        as_of=figure.as_of,
        drawn={"days": days, "states": states},
        table=Table(
            ("Day", *(each["state"].capitalize() for each in states)),
            [(days[day], *(each["counts"][day] for each in states)) for day in weekly],
        ),
    )


def _territories(figure: Figure) -> Plot:
    content = figure.content
    places = [(each["code"], each["answer"], each["requests"]) for each in content["places"]]
    rest = [
        ("other places", "not supported", content["others"]),
        ("all supported territories", "supported", content["supported"]),
        ("no assigned territory", "unknown", content["unknown"]),
    ]
    return Plot(
        name=figure.name,
        title="Evidence by territory",
        note=f"Requests since {content['since']} from places that are not supported, or that the list cannot decide.",
        as_of=figure.as_of,
        drawn={"places": content["places"][:_BARS]},
        table=Table(("Territory", "Answer", "Requests"), [*places, *(row for row in rest if row[2])]),
    )


_BARS = 12


def _points(figure: Figure) -> Plot:
    content, width = figure.content, figure.content["width"]
    thresholds = ", ".join(f"{each['rule']} at {each['points']:g}" for each in content["thresholds"])
    asked = f"Thresholds: {thresholds}." if thresholds else "No rule of this version asks for points alone."
    spans = [f"{bar * width} to {(bar + 1) * width}" for bar, _ in enumerate(content["bars"])]
    return Plot(
        name=figure.name,
        title="Accounts by points",
        note=f"By {content['name']} (version {content['version']}). {asked} Without points: {content['none']:,}.",
        as_of=figure.as_of,
        drawn={"width": width, "bars": content["bars"], "thresholds": content["thresholds"]},
        table=Table(("Points", "Accounts"), list(zip(spans, content["bars"], strict=True))),
    )


_PLOTS: Mapping[str, Callable[[Figure], Plot]] = {
    Figure.Name.CASES: _cases,
    Figure.Name.TERRITORIES: _territories,
    Figure.Name.POINTS: _points,
}
