"""The statements of every request are planned once a connection, and all others as ever."""

import pytest
from django.db import ProgrammingError, connection

from enforcement.services import prepared

pytestmark = pytest.mark.django_db


def planned() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return {row[0] for row in cursor.fetchall()}


def test_a_statement_is_planned_once_for_all_its_values() -> None:
    for value in (7, 8, 9):
        with prepared.cursor() as cursor:
            cursor.execute("SELECT %s::int + 1000", [value])
            assert cursor.fetchone() == (value + 1000,)
    assert "SELECT $1::int + 1000" in planned()


def test_other_statements_are_not_prepared_beside_it() -> None:
    with prepared.cursor():
        pass  # what it sets stays with the connection
    before = planned()
    for _ in range(10):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 2000")
    assert planned() == before


def test_an_error_is_the_one_that_django_raises() -> None:
    with pytest.raises(ProgrammingError), prepared.cursor() as cursor:
        cursor.execute("SELECT nothing_of_that_name")
