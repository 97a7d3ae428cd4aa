"""The queue of cases: what it is narrowed to, and the orders it can be read in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import HttpRequest

from enforcement.admin.keyset import Order, Stretch
from enforcement.admin.lists import NEWEST
from enforcement.models import Account, Appeal, Case, Decision, Stop
from enforcement.models.account import name_begins
from enforcement.models.case import DEADLINE
from enforcement.rules.transitions import State

RUNNING = tuple(state for state in State if state is not State.CLOSED)

HELD = Decision.objects.filter(case=OuterRef("pk"), status=Decision.Status.HELD)
APPEALED = Appeal.objects.filter(case=OuterRef("pk"), status=Appeal.Status.OPEN)
STOPPED = Stop.objects.filter(case=OuterRef("pk"), ended_at=None)

SORTS = {
    "next": "what waits, then what is due",
    "deadline": "deadline",
    "points": "points",
    "state": "state",
}
# A search by name looks at no more accounts than anybody reads through; the list of accounts has them all.
MOST_ACCOUNTS = 200

_BY_DEADLINE = (DEADLINE, F("pk"))
_BY_POINTS = (F("points"), F("pk"))


class StateFilter(SimpleListFilter):
    """In progress unless something else is asked for: closed cases grow for ever."""

    title = "state"
    parameter_name = "state"
    ALL = "all"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((state.value, state.value) for state in State), (self.ALL, "all")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [first | {"display": "in progress"}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        if self.value() in list(State):
            return queryset.filter(state=self.value())
        return queryset  # `order_of` reads the states that are in progress one by one; a search wants what there is


class WaitsFilter(SimpleListFilter):
    title = "what it waits for"
    parameter_name = "waits"
    FIRST = ("approval", "appeal")  # what the queue puts before all else
    _ROWS: Mapping[str, QuerySet[Any]] = {
        "approval": Decision.objects.filter(status=Decision.Status.HELD),
        "appeal": Appeal.objects.filter(status=Appeal.Status.OPEN),
        "contact": Stop.objects.filter(kind__in=(Stop.Kind.UNREACHABLE, Stop.Kind.BOUNCE), ended_at=None),
        "stopped": Stop.objects.filter(ended_at=None),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("approval", "somebody's agreement"),
            ("appeal", "an appeal"),
            ("contact", "a contact that can be reached"),
            ("stopped", "anything that stops its clock"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        rows = self._ROWS.get(self.value() or "")
        return queryset if rows is None else queryset.filter(pk__in=rows.values("case"))


def order_of(rows: QuerySet[Case], *, state: str, sort: str, search: str) -> Order:
    """How the queue is read. A stretch a state: an index over one state cannot give several in one order."""
    if state == State.CLOSED and not search:
        return Order([Stretch(rows, (F("closed_at"), F("pk")))], name="closed")
    if state == StateFilter.ALL or search:
        return Order([Stretch(rows, NEWEST)], name="newest")
    states = [State(state)] if state in RUNNING else RUNNING
    return _ORDERS[sort](rows, states)


def _by_points(rows: QuerySet[Case], states: Sequence[State]) -> Order:
    return Order([Stretch(rows.filter(state=state), _BY_POINTS) for state in states], name="points")


def _by_deadline(rows: QuerySet[Case], states: Sequence[State]) -> Order:
    stretches = [Stretch(rows.filter(state=state), _BY_DEADLINE) for state in states]
    return Order(stretches, name="deadline", descending=False)


def _by_state(rows: QuerySet[Case], states: Sequence[State]) -> Order:
    stretches = [Stretch(rows.filter(state=state), _BY_DEADLINE, rank) for rank, state in enumerate(states)]
    return Order(stretches, name="state", descending=False)


def _what_waits_first(rows: QuerySet[Case], states: Sequence[State]) -> Order:
    held = Decision.objects.filter(status=Decision.Status.HELD).values("case")
    appealed = Appeal.objects.filter(status=Appeal.Status.OPEN).values("case")
    waiting = rows.filter(state__in=states, pk__in=held.union(appealed))
    others = rows.filter(~Exists(HELD), ~Exists(APPEALED))
    return Order(
        [
            Stretch(waiting, _BY_DEADLINE, rank=0),
            *(Stretch(others.filter(state=state), _BY_DEADLINE, rank=1) for state in states),
        ],
        name="next",
        descending=False,
    )


_ORDERS: Mapping[str, Callable[[QuerySet[Case], Sequence[State]], Order]] = {
    "next": _what_waits_first,
    "deadline": _by_deadline,
    "points": _by_points,
    "state": _by_state,
}


def search(rows: QuerySet[Case], term: str) -> tuple[QuerySet[Case], bool]:
    """Cases by their number, or by an account's id or how its name begins; and whether accounts were left out."""
    named = list(Account.objects.filter(name_begins(term)).values_list("pk", flat=True)[: MOST_ACCOUNTS + 1])
    known = list(Account.objects.filter(external_id=term).values_list("pk", flat=True))
    found = rows.filter(Q(reference=term.upper()) | Q(account__in=[*known, *named[:MOST_ACCOUNTS]]))
    return found, len(named) > MOST_ACCOUNTS
