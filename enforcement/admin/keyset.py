"""Pages that begin where another ended: the last costs what the first does, and nothing is ever counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.core import signing
from django.db.models import F, Field, Func, Model, QuerySet, Value
from django.db.models.expressions import BaseExpression
from django.db.models.lookups import GreaterThan, LessThan

Column = BaseExpression | F
Key = tuple[Any, ...]  # the rank of a stretch, then the values of its keys


class BadPage(ValueError):
    """An address that no list of ours has written."""


class Row(Func):
    """Values side by side, compared as one: what an index over several columns answers without reading on."""

    function = "ROW"
    output_field = Field()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows that one index gives in the order of `keys`, the last of which is unique.

    A list is one stretch or several. Those of one rank are merged by their keys; a lower rank comes first.
    """

    rows: QuerySet[Any]
    keys: tuple[Column, ...]
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """Stretches, all read in one direction; `name` keeps the pages of one order from being asked of another."""

    stretches: Sequence[Stretch]
    name: str = ""
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: at the start, at the end, or beside a row."""

    way: Literal["first", "last", "after", "before"] = "first"
    key: Key = ()

    @property
    def is_backward(self) -> bool:
        return self.way in ("last", "before")


@dataclass(frozen=True, slots=True)
class Page:
    """The ids of a page in order, and the addresses (values of one parameter) of the pages around it."""

    ids: list[int]
    previous: str
    next: str


def read_place(text: str | None, order: Order) -> Place:
    """The place that an address names; raises BadPage for one that we did not write."""
    if not text:
        return Place()
    if text == "last":
        return Place("last")
    way, _, token = text.partition(".")
    try:
        key = _signer(order).unsign_object(token)
    except signing.BadSignature:
        raise BadPage("This page is not one of this list.") from None
    return Place("before" if way == "before" else "after", tuple(key))


def _write(way: str, key: Key, order: Order) -> str:
    plain = [each.isoformat() if isinstance(each, datetime) else each for each in key]
    words = [each if isinstance(each, int | str) else str(each) for each in plain]
    return f"{way}.{_signer(order).sign_object(words)}"


def _signer(order: Order) -> signing.Signer:
    return signing.Signer(salt=f"enforcement.admin.keyset:{order.name}")


def page(order: Order, place: Place, size: int) -> Page:
    """One query for the ids of a page; each stretch reads no more rows than the page holds."""
    found = _read(order, place, size + 1)
    has_more, found = len(found) > size, found[:size]
    if place.is_backward:
        found.reverse()
    goes_back = has_more if place.is_backward else place.way == "after"
    goes_on = place.way == "before" if place.is_backward else has_more
    return Page(
        ids=[key[-1] for key in found],
        previous=_write("before", found[0], order) if found and goes_back else "",
        next=_write("after", found[-1], order) if found and goes_on else "",
    )


def _read(order: Order, place: Place, limit: int) -> list[Key]:
    falls = order.descending != place.is_backward
    stretches = [_cut(each, place, falls)[:limit] for each in order.stretches if _reaches(each, place, falls)]
    if not stretches:
        return []
    first, *others = stretches
    rows = first.union(*others, all=True).order_by(*_columns(order, falls))[:limit] if others else first
    return list(rows)


def _reaches(stretch: Stretch, place: Place, falls: bool) -> bool:
    """Whether any of the stretch lies beyond the place."""
    if not place.key:
        return True
    return stretch.rank <= place.key[0] if falls else stretch.rank >= place.key[0]


def _cut(stretch: Stretch, place: Place, falls: bool) -> QuerySet[Any, Key]:
    rows = stretch.rows
    names = [f"key_{number}" for number, _ in enumerate(stretch.keys)]
    if place.key and place.key[0] == stretch.rank:
        beyond = (LessThan if falls else GreaterThan)(Row(*stretch.keys), Row(*_values(stretch, place)))
        rows = rows.filter(beyond)
    rows = rows.annotate(rank=Value(stretch.rank), **dict(zip(names, stretch.keys, strict=True)))
    ordering = [each.desc() if falls else each.asc() for each in stretch.keys]
    return rows.order_by(*ordering).values_list("rank", *names)


def _values(stretch: Stretch, place: Place) -> list[Value]:
    model: type[Model] = stretch.rows.model
    fields = [each.resolve_expression(model._default_manager.all().query).output_field for each in stretch.keys]
    return [
        Value(field.to_python(value), output_field=field) for field, value in zip(fields, place.key[1:], strict=True)
    ]


def _columns(order: Order, falls: bool) -> list[str]:
    names = ("rank", *(f"key_{number}" for number, _ in enumerate(order.stretches[0].keys)))
    return [f"-{name}" if falls else name for name in names]
