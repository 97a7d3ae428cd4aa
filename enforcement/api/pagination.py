"""Cursor pages: the last page costs what the first does."""

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Model, QuerySet
from rest_framework.request import Request

from enforcement.services.fields import matching

PAGE = 100

Row = TypeVar("Row", bound=Model)
_digits = matching("[0-9]{1,18}", "taken from `next`")


def read_cursor(value: Any) -> int:
    return int(_digits(value))


def page(request: Request, rows: QuerySet[Row], after: int | None) -> tuple[list[Row], str | None]:
    """A page of rows, newest first, and the address of the next one."""
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows.order_by("-pk")[: PAGE + 1])
    return found[:PAGE], _address(request, found[PAGE - 1].pk) if len(found) > PAGE else None


def slice_of(request: Request, rows: Sequence[Any], first: int) -> tuple[Sequence[Any], str | None]:
    """A page of what only ever grows at its end."""
    return rows[first : first + PAGE], _address(request, first + PAGE) if len(rows) > first + PAGE else None


def _address(request: Request, cursor: int) -> str:
    """Absolute links are built from a setting, never from what a request says of its host."""
    query = request.query_params.dict() | {"cursor": cursor}
    return f"{settings.PUBLIC_URL}{request.path}?{urlencode(query)}"
