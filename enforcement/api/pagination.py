"""Cursor pages: the last page costs what the first does."""

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Model, QuerySet
from rest_framework.request import Request

from enforcement.api.problems import Problem
from enforcement.services.fields import FieldRefused, matching

PAGE = 100

Row = TypeVar("Row", bound=Model)
_digits = matching("[0-9]{1,18}", "taken from `next`")


def page(request: Request, rows: QuerySet[Row]) -> tuple[list[Row], str | None]:
    """A page of rows, newest first, and the address of the next one."""
    after = _cursor(request)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows.order_by("-pk")[: PAGE + 1])
    return found[:PAGE], _address(request, found[PAGE - 1].pk) if len(found) > PAGE else None


def slice_of(request: Request, rows: Sequence[Any]) -> tuple[Sequence[Any], str | None]:
    """A page of what only ever grows at its end."""
    first = _cursor(request) or 0
    return rows[first : first + PAGE], _address(request, first + PAGE) if len(rows) > first + PAGE else None


def _cursor(request: Request) -> int | None:
    given = request.query_params.get("cursor")
    try:
        return None if given is None else int(_digits(given))
    except FieldRefused as refused:
        raise Problem(400, "The cursor is not one of ours.", {"cursor": str(refused)}) from None


def _address(request: Request, cursor: int) -> str:
    """Absolute links are built from a setting, never from what a request says of its host."""
    query = request.query_params.dict() | {"cursor": cursor}
    return f"{settings.PUBLIC_URL}{request.path}?{urlencode(query)}"
