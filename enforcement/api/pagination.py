"""Cursor pages over a primary key: the last page costs what the first does."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Model, QuerySet
from rest_framework.request import Request

from enforcement.api.problems import Problem

PAGE = 100


def page(request: Request, rows: QuerySet[Any]) -> tuple[Sequence[Model], str | None]:
    """A page, newest first, and the address of the next one; absolute links are built from a setting, never from Host."""
    after = request.query_params.get("cursor")
    if after is not None:
        if not (after.isascii() and after.isdigit()) or len(after) > 18:
            raise Problem(400, "The cursor is not one of ours.", {"cursor": "take it from `next`"})
        rows = rows.filter(pk__lt=int(after))
    found = list(rows.order_by("-pk")[: PAGE + 1])
    if len(found) <= PAGE:
        return found, None
    query = {name: value for name, value in request.query_params.items() if name != "cursor"}
    return found[:PAGE], f"{settings.PUBLIC_URL}{request.path}?{urlencode({**query, 'cursor': found[PAGE - 1].pk})}"
