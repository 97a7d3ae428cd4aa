"""Rows that nobody may write or take back: the guards of some tables are away for it, and only for it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

_GUARDS = """
SELECT quote_ident(relname), quote_ident(tgname) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
 WHERE tgname LIKE 'pgtrigger%%' AND tgenabled = 'O' AND relname = ANY(%s)
"""


@contextmanager
def unguarded(*tables: str) -> Iterator[None]:
    """Without the guards of these tables, in a transaction of its own; those that were on are on again afterwards."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # no trigger may wait while a table is altered
        cursor.execute(_GUARDS, [list(tables)])
        guards = cursor.fetchall()
        for table, guard in guards:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {guard}")
        yield
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table, guard in guards:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {guard}")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
