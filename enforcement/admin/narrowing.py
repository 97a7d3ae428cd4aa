"""Evidence of one account, narrowed by links of the case sheet: all evidence has no index for such questions."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from enforcement.models import Evidence

Narrows = Callable[[type[Any], str], Q]


def _kind(model: type[Any], value: str) -> Q:
    return Q(kind=value)


def _network(model: type[Any], value: str) -> Q:
    return Q(network_class="" if value == "unknown" else value) | Q(network_class=value)


def _territory(model: type[Any], value: str) -> Q:
    return Q(subdivision=value) if "-" in value else Q(country=value)


def _day(model: type[Any], value: str) -> Q:
    """Raises ValueError for what is no date."""
    day = date.fromisoformat(value)
    if model is not Evidence:
        return Q(day=day)
    start = datetime.combine(day, datetime.min.time(), UTC)
    return Q(observed_at__gte=start, observed_at__lt=start + timedelta(days=1))


def _narrowing(name: str, condition: Narrows) -> type[SimpleListFilter]:
    class Filter(SimpleListFilter):
        """Offers what is given, so that it can be taken away again."""

        title = name
        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            given = self.value()
            return [(given, given)] if given else []

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            if not self.value():
                return queryset
            if not request.GET.get("q"):
                messages.error(request, f"Search for an account first: the {name} of all evidence has no index.")
                return queryset.none()
            return _narrow(request, queryset, self.value() or "")

    def _narrow(request: HttpRequest, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        try:
            if "\x00" in value:
                raise ValueError
            return queryset.filter(condition(queryset.model, value))
        except (ValueError, OverflowError):
            messages.error(request, f"This is no {name}.")
            return queryset.none()

    return Filter


NARROWED = (
    _narrowing("kind", _kind),
    _narrowing("network", _network),
    _narrowing("territory", _territory),
    _narrowing("day", _day),
)
