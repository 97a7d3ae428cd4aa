"""The statements of every request are planned once a connection, all others as ever; many rows are read in C."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import ProgrammingError, connection

from enforcement.services import cursors

pytestmark = pytest.mark.django_db


def planned() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return {row[0] for row in cursor.fetchall()}


def test_a_statement_is_planned_once_for_all_its_values() -> None:
    for value in (7, 8, 9):
        with cursors.prepared() as cursor:
            cursor.execute("SELECT %s::int + 1000", [value])
            assert cursor.fetchone() == (value + 1000,)
    assert "SELECT $1::int + 1000" in planned()


def test_other_statements_are_not_prepared_beside_it() -> None:
    with cursors.prepared():
        pass  # what it sets stays with the connection
    before = planned()
    for _ in range(10):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 2000")
    assert planned() == before


def test_an_error_is_the_one_that_django_raises() -> None:
    with pytest.raises(ProgrammingError), cursors.prepared() as cursor:
        cursor.execute("SELECT nothing_of_that_name")


def test_rows_in_binary_say_what_rows_in_text_say() -> None:
    sql = (
        "SELECT %(moment)s::timestamptz, %(day)s::date, 0.50::numeric, 'é'::varchar, true, NULL::date,"
        " (SELECT sum(each) FROM unnest(%(numbers)s::bigint[]) AS each)"
    )
    values = {"moment": datetime(2026, 3, 29, 1, 30, 0, 5, UTC), "day": date(2026, 3, 29), "numbers": [1, 2**40]}
    with cursors.binary() as cursor:
        cursor.execute(sql, values)
        found = cursor.fetchone()
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        assert found == cursor.fetchone()
    assert found[0].isoformat() == "2026-03-29T01:30:00.000005+00:00"
    assert str(found[2]) == str(Decimal("0.50"))
