"""The console's cast and cases, and what every test of a refusal asks: is every row as it was?"""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from tests.admin.conftest import (  # noqa: F401 - fixtures
    browser_of,
    due_case,
    held,
    in_review,
    suspended_case,
    warned_case,
    written_by_strangers,
)
from tests.api.conftest import caller, gateway, reader, registrar, sender  # noqa: F401 - fixtures

# What logging in and out may write.
_OWN_BUSINESS = ("django_session", "axes_")


@pytest.fixture
def rows(db: None) -> Callable[[], dict[str, str]]:
    """A digest of every table, without the sessions."""

    def digests() -> dict[str, str]:
        names = [each for each in connection.introspection.table_names() if not each.startswith(_OWN_BUSINESS)]
        with connection.cursor() as cursor:
            return {name: _digest(cursor, name) for name in names}

    return digests


def _digest(cursor: Any, table: str) -> str:
    # A log-in notes when it was, and the use of a key too.
    lines = f"""SELECT (to_jsonb(t) - 'last_login' - 'last_used_at')::text AS line FROM "{table}" t"""
    cursor.execute(f"SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM ({lines}) AS each")
    return str(cursor.fetchone()[0])
