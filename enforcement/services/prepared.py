"""Statements that every request asks, planned once a connection: planning them takes longer than running them."""

from typing import Any, cast

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor

# Django switches preparing off, since its own statements carry their values; here nothing is prepared unasked either.
_ONLY_WHEN_ASKED = 2**31


class _PreparingCursor(Cursor[Any]):
    def execute(self, query: Any, params: Any = None, **_: Any) -> "_PreparingCursor":
        return super().execute(query, params, prepare=True)


def cursor() -> CursorWrapper:
    """As `connection.cursor()`; what it executes is prepared and sent with its values beside it."""
    connection.ensure_connection()
    link = connection.connection
    if link.prepare_threshold is None:
        link.prepare_threshold = _ONLY_WHEN_ASKED
    made = cast(CursorWrapper, _PreparingCursor(link))  # what Django's stubs call a bare cursor
    return connection.make_debug_cursor(made) if connection.queries_logged else connection.make_cursor(made)
