"""Where and when: requests a day as coloured squares, which are a table to who cannot see colours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import log

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from enforcement.admin.display import address_of_list, plain
from enforcement.admin.pages import Section
from enforcement.models import Account, Evidence
from enforcement.rules.territory import Answer
from enforcement.services.explanations import Explanation, Strip
from enforcement.services.heaviest import MOST_COUNTED, MOST_DRAWN

LEVELS = 5
_MOST_ROWS = 12


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    answer: str
    requests: str
    cells: SafeString  # one per day, drawn here: a page has a thousand of them, too many for a template's loop


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
    note = _part_of(found) if drawn else f"No requests were seen in the last {len(found.days)} days."
    return Section("Where and when", note=note, part="admin/enforcement/heat.html", content=drawn)


def _part_of(found: Explanation) -> str:
    """Whether anything is left out."""
    return "" if found.score else f"Drawn are {in_part(found)}; the sums are theirs alone."


def in_part(found: Explanation) -> str:
    more = "more than " if found.size.tallies >= MOST_COUNTED else ""
    return f"the {MOST_DRAWN:,} heaviest of {more}{found.size.tallies:,} day tallies"


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
    rows = _rows_of(account, strip) if account else ""
    cells = format_html_join("", "{}", ((_cell(strip.days.get(day, 0), day, busiest, rows),) for day in days))
    return Line(plain(strip.name) or "none given", strip.answer, f"{strip.requests:,}", cells)


def _rows_of(account: Account, strip: Strip) -> str:
    """The strip's evidence; the day is still to be added."""
    place = {} if strip.answer is Answer.UNKNOWN else {"territory": strip.name}
    return address_of_list(Evidence, q=account.external_id, **place)


def _cell(requests: int, day: date, busiest: int, rows: str) -> SafeString:
    if not requests:
        return _NOTHING
    words = f"{requests:,}"
    drawn = format_html(_LINK, rows, day, words) if rows else format_html(_PLAIN, day, words)
    return format_html('<td class="ae-heat-{}">{}</td>', _level(requests, busiest), drawn)


_NOTHING = SafeString("<td></td>")
# The square is coloured and says its number to who hovers over it, walks through the table, or listens.
_LINK = '<a href="{0}&amp;day={1}" title="{1}: {2}" aria-label="{1}: {2}"></a>'
_PLAIN = '<span role="img" title="{0}: {1}" aria-label="{0}: {1}"></span>'


def _level(requests: int, busiest: int) -> int:
    """1 to LEVELS, by orders of magnitude: a day of ten requests is seen beside one of ten thousand."""
    return min(LEVELS, 1 + int(LEVELS * log(requests) / log(busiest))) if busiest > 1 else LEVELS


def _weeks(days: Sequence[date]) -> Iterator[tuple[date, int]]:
    start, count = days[0], 0
    for day in days:
        if count and day.weekday() == 0:
            yield start, count
            start, count = day, 0
        count += 1
    yield start, count
