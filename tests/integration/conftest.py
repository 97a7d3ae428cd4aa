"""After every test here that touched the database, every invariant is asked."""

from collections.abc import Iterator

import pytest
from django.db import connection
from psycopg.pq import TransactionStatus

from enforcement.services import clock, invariants


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """While its rows are still there. `@pytest.mark.breaks("I2", …)` names those that a test breaks on purpose."""
    yield
    if _uses_rows(item) and not _is_aborted():
        on_purpose = {name for mark in item.iter_markers("breaks") for name in mark.args}
        broken = invariants.check(now=clock.now(), late=False)
        assert not [str(each) for each in broken if each.invariant.name not in on_purpose]


def _uses_rows(item: pytest.Item) -> bool:
    asks = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
    return bool(asks) or item.get_closest_marker("django_db") is not None


def _is_aborted() -> bool:
    """A test that ends with what the database refused can read nothing any more, and has left nothing."""
    return connection.connection is not None and (
        connection.connection.info.transaction_status == TransactionStatus.INERROR
    )
