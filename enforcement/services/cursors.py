"""Cursors for statements where Django's own costs more than the statement."""

from typing import Any, cast

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor

# Django switches preparing off, since its own statements carry their values; here nothing is prepared unasked either.
_ONLY_WHEN_ASKED = 2**31


class _PreparingCursor(Cursor[Any]):
    def execute(self, query: Any, params: Any = None, **_: Any) -> "_PreparingCursor":
        return super().execute(query, params, prepare=True)


class _BinaryCursor(Cursor[Any]):
    def execute(self, query: Any, params: Any = None, **_: Any) -> "_BinaryCursor":
        return super().execute(query, params, prepare=False, binary=True)


def prepared() -> CursorWrapper:
    """As `connection.cursor()`; what it executes is planned once a connection and sent with its values beside it.

    For what every request asks: planning takes longer than running.
    """
    connection.ensure_connection()
    link = connection.connection
    if link.prepare_threshold is None:
        link.prepare_threshold = _ONLY_WHEN_ASKED
    return _wrapped(_PreparingCursor(link))


def binary() -> CursorWrapper:
    """As `connection.cursor()`; rows come in PostgreSQL's binary format, read in C.

    For tens of thousands of rows with moments in them: Django reads each moment from text, in Python.
    """
    connection.ensure_connection()
    return _wrapped(_BinaryCursor(connection.connection))


def _wrapped(made: Cursor[Any]) -> CursorWrapper:
    bare = cast(CursorWrapper, made)  # what Django's stubs call a bare cursor
    return connection.make_debug_cursor(bare) if connection.queries_logged else connection.make_cursor(bare)
