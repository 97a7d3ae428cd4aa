"""Where and when: requests a day as coloured squares, which are a table to who cannot see colours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import log

from enforcement.admin.display import address_of_list, plain
from enforcement.admin.pages import Section
from enforcement.models import Account, Evidence
from enforcement.rules.territory import Answer
from enforcement.services.explanations import Explanation, Strip

LEVELS = 5
_MOST_ROWS = 12


@dataclass(frozen=True, slots=True)
class Cell:
    day: date
    requests: int
    level: int  # 0 for nothing, to LEVELS for the busiest day of the map
    address: str

    @property
    def words(self) -> str:
        return f"{self.requests:,}"


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    answer: str
    requests: int
    cells: list[Cell]

    @property
    def shown_name(self) -> str:
        return plain(self.name)

    @property
    def words(self) -> str:
        return f"{self.requests:,}"


@dataclass(frozen=True, slots=True)
class HeatMap:
    """`weeks` are the columns' headings: the Monday, and how many of its days are shown."""

    caption: str
    first: str  # what the first column holds
    weeks: list[tuple[date, int]]
    lines: list[Line]
    more: int  # rows left out


def heat_section(account: Account, found: Explanation) -> Section:
    maps = [
        _map("By territory, all requests that were served", "Territory", found.territories, found, account),
        _map("By key, requests from unsupported territories", "Key", found.keys, found),
        _map("By network, requests from unsupported territories", "Network", found.networks, found),
    ]
    drawn = [each for each in maps if each.lines]
    note = "" if drawn else f"No requests were seen in the last {len(found.days)} days."
    return Section("Where and when", note=note, part="admin/enforcement/heat.html", content=drawn)


def _map(
    caption: str, first: str, strips: Sequence[Strip], found: Explanation, account: Account | None = None
) -> HeatMap:
    busiest = max((requests for strip in strips for requests in strip.days.values()), default=0)
    return HeatMap(
        caption=caption,
        first=first,
        weeks=list(_weeks(found.days)),
        lines=[_line(strip, found.days, busiest, account) for strip in strips[:_MOST_ROWS]],
        more=max(len(strips) - _MOST_ROWS, 0),
    )


def _line(strip: Strip, days: Sequence[date], busiest: int, account: Account | None) -> Line:
    cells = []
    for day in days:
        requests = strip.days.get(day, 0)
        address = _rows_of(account, strip, day) if account and requests else ""
        cells.append(Cell(day, requests, _level(requests, busiest), address))
    return Line(strip.name or "none given", strip.answer, strip.requests, cells)


def _rows_of(account: Account, strip: Strip, day: date) -> str:
    place = {} if strip.answer is Answer.UNKNOWN else {"territory": strip.name}
    return address_of_list(Evidence, q=account.external_id, day=day.isoformat(), **place)


def _level(requests: int, busiest: int) -> int:
    """By orders of magnitude: a day of ten requests is seen beside one of ten thousand."""
    if not requests:
        return 0
    return min(LEVELS, 1 + int(LEVELS * log(requests) / log(busiest))) if busiest > 1 else LEVELS


def _weeks(days: Sequence[date]) -> Iterator[tuple[date, int]]:
    start, count = days[0], 0
    for day in days:
        if count and day.weekday() == 0:
            yield start, count
            start, count = day, 0
        count += 1
    yield start, count
