"""One write per table for many rows.

The rows travel as one JSON document, which is written and read in C. Django's `bulk_create` prepares each value of
each row in Python, and its `bulk_update` builds a CASE per row and column; both cost more than the write itself.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar, cast

from django.db import connection, models
from msgspec import json

from enforcement.services import cursors

Row = TypeVar("Row", bound=models.Model)
_Column: TypeAlias = "models.Field[Any, Any]"


def insert_rows(model: type[Row], rows: Iterable[Row]) -> list[Row]:
    """Insert all rows in one statement and answer with them; they know their keys then."""
    new, meta = list(rows), model._meta
    if not new:
        return new
    columns = [each for each in meta.concrete_fields if not each.primary_key]
    with cursors.prepared() as cursor:
        cursor.execute(f"{_insertion(model, columns)} RETURNING {_name(meta.pk)}", [_document(new, columns)])
        for row, (key,) in zip(new, cursor.fetchall(), strict=True):
            row.pk, row._state.adding = key, False
    return new


def put_rows(model: type[Row], rows: Sequence[Row]) -> None:
    """Write rows that carry their keys, in one statement: each takes the place of the one with its key, if any."""
    if not rows:
        return
    columns = model._meta.concrete_fields
    changes = ", ".join(f"{_name(each)} = EXCLUDED.{_name(each)}" for each in columns if not each.primary_key)
    sql = f"{_insertion(model, columns)} ON CONFLICT ({_name(model._meta.pk)}) DO UPDATE SET {changes}"
    with cursors.prepared() as cursor:
        cursor.execute(sql, [_document(rows, columns)])


def update_rows(rows: Sequence[models.Model], fields: Sequence[str]) -> int:
    """Write `fields` of all rows in one statement and answer how many rows were found."""
    if not rows:
        return 0
    meta = rows[0]._meta
    columns = [cast(_Column, meta.get_field(name)) for name in fields]
    key = _name(meta.pk)
    sql = (
        f"UPDATE {connection.ops.quote_name(meta.db_table)} AS row"
        f" SET {', '.join(f'{_name(each)} = new.{_name(each)}' for each in columns)}"
        f" FROM {_recordset([meta.pk, *columns])} WHERE row.{key} = new.{key}"
    )
    with cursors.prepared() as cursor:
        cursor.execute(sql, [_document(rows, [meta.pk, *columns])])
        return int(cursor.rowcount)


def _insertion(model: type[models.Model], columns: Sequence[_Column]) -> str:
    names = ", ".join(map(_name, columns))
    table = connection.ops.quote_name(model._meta.db_table)
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM {_recordset(columns)}"


def _recordset(columns: Sequence[_Column]) -> str:
    typed = (f"{_name(each)} {each.rel_db_type(connection)}" for each in columns)
    return f"json_to_recordset(%s::json) AS new ({', '.join(typed)})"


def _name(column: _Column) -> str:
    return connection.ops.quote_name(cast(str, column.column))


def _document(rows: Sequence[models.Model], columns: Sequence[_Column]) -> str:
    names = [each.column for each in columns]
    values = zip(*(_values(rows, each) for each in columns), strict=True)
    return json.encode([dict(zip(names, each, strict=True)) for each in values], enc_hook=_plain).decode()


def _values(rows: Sequence[models.Model], column: _Column) -> list[Any]:
    values = [getattr(row, column.attname) for row in rows]
    if isinstance(column, models.DurationField):  # PostgreSQL reads no ISO duration below zero
        return [None if each is None else f"{each // timedelta.resolution} microseconds" for each in values]
    return values


def _plain(value: object) -> str:
    """What templates write is a string of a kind of their own."""
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"{value!r} cannot be written")
