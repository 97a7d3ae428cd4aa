"""The first page: what waits for a person, and how many cases stand where."""

from typing import Any

from django.db.models import Count
from django.http import HttpRequest

from enforcement.admin.display import address_of_list
from enforcement.admin.reading import may_read
from enforcement.models import Appeal, Case, Decision
from enforcement.rules.transitions import State

Tile = tuple[str, int, str]  # words, number, address


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds the tiles to the index; closed cases grow for ever and are not counted."""
    if not may_read(request):
        return context
    return context | {"title": "Overview", "waiting": _waiting(), "standing": _standing()}


def _waiting() -> list[Tile]:
    held = Decision.objects.filter(status=Decision.Status.HELD).count()
    disputed = Appeal.objects.filter(status=Appeal.Status.OPEN).count()
    return [
        ("Held decisions", held, address_of_list(Decision, status=Decision.Status.HELD)),
        ("Open appeals", disputed, address_of_list(Appeal, status=Appeal.Status.OPEN)),
    ]


def _standing() -> list[Tile]:
    running = [state for state in State if state is not State.CLOSED]
    counted = Case.objects.filter(state__in=running).values_list("state").annotate(Count("pk")).order_by()
    numbers = dict(counted)
    return [(state.capitalize(), numbers.get(state, 0), address_of_list(Case, state=state)) for state in running]
