"""The home page: what waits for a person, what is due today, and three figures that were counted ahead."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Exists
from django.http import HttpRequest

from enforcement.admin.display import address_of_list, in_words, label, link, moment, shown
from enforcement.admin.keyset import Place, page
from enforcement.admin.pages import Section, Table
from enforcement.admin.plots import Plot, plots
from enforcement.admin.queue import STOPPED, order_of
from enforcement.admin.reading import may_read, waiting_at
from enforcement.models import Appeal, Case, Decision
from enforcement.rules.transitions import State
from enforcement.services.waiting import in_short

Tile = tuple[str, str, str, bool]  # words, number, address, whether anything waits there

_MOST_DUE = 8


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the index says to those who have a role."""
    if not may_read(request):
        return context
    now = waiting_at(request).now
    found: list[Plot] = plots()
    return context | {
        "title": "Overview",
        "waiting": _waiting(request),
        "due": _due(now),
        "plots": found,
        "plotted": {plot.name: plot.drawn for plot in found},
    }


def _waiting(request: HttpRequest) -> list[Tile]:
    waits = waiting_at(request)
    tiles = [
        ("Decisions to agree to", waits.held, address_of_list(Decision, status=Decision.Status.HELD)),
        ("Appeals to decide", waits.appeals, address_of_list(Appeal, status=Appeal.Status.OPEN)),
        ("Cases to review", waits.reviews, address_of_list(Case, state=State.OPEN, sort="points")),
        ("Accounts no memo reaches", waits.unreachable, address_of_list(Case, waits="contact")),
    ]
    return [(words, in_short(number), address, bool(number)) for words, number, address in tiles]


def _due(now: datetime) -> Section:
    """The deadlines that come before the day ends, in UTC, and those that passed and were not looked at yet."""
    midnight = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), datetime.min.time(), UTC)
    due = Case.objects.filter(~Exists(STOPPED), due_at__lt=midnight)
    ids = page(order_of(due, state="", sort="deadline", search=""), Place(), _MOST_DUE).ids
    cases = Case.objects.select_related("account").in_bulk(ids)
    rows = [
        (link(case), link(case.account), label(case.state), f"{case.points:.2f}", moment(case.due_at), _away(case, now))
        for case in (cases[each] for each in ids if each in cases)
    ]
    if not rows:
        return Section("Due today", note="No deadline ends today.")
    return Section("Due today", table=Table(("Case", "Account", "State", "Points", "Due", "That is"), rows))


def _away(case: Case, now: datetime) -> Any:
    return shown(in_words(case.due_at, now)) if case.due_at else ""
