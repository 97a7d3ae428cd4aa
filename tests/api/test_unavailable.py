"""When the database is away: 503 with Retry-After, and nothing is said to be stored."""

from collections.abc import Iterator

import pytest
from django.db import close_old_connections, connection

from enforcement.services import keys
from tests.api.conftest import Caller, assert_problem, item

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def away(tmp_path: object) -> Iterator[None]:
    """Everybody who asks for a connection finds nothing listening there."""
    settings, usual = connection.settings_dict, dict(connection.settings_dict)
    impatient = {"min_size": 0, "max_size": 1, "timeout": 0.2}
    settings |= {"HOST": str(tmp_path), "OPTIONS": settings["OPTIONS"] | {"pool": impatient}}
    connection.close()
    connection.close_pool()
    yield
    connection.close()
    connection.close_pool()
    settings |= usual


@pytest.fixture
def sender(db: None) -> Caller:
    return Caller(keys.issue("edge-logs", "detector", lasts=None))


def test_intake_is_503_and_says_when_to_come_back(sender: Caller, away: None) -> None:
    answer = sender.post("/evidence", item())
    assert_problem(answer, 503)
    assert int(answer["Retry-After"]) > 0


def test_readiness_tells_and_liveness_does_not_ask(sender: Caller, away: None) -> None:
    assert sender.browser.get("/readyz").status_code == 503
    assert sender.browser.get("/healthz").status_code == 200


def test_a_session_that_died_is_503_and_the_next_request_gets_through(sender: Caller) -> None:
    """The server was restarted under us: what was not answered with 202 is not stored."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        mine = cursor.fetchone()[0]
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [mine])
    other.close()
    assert_problem(sender.post("/evidence", item()), 503)
    close_old_connections()  # as the end of a request does; the test client leaves it out
    assert sender.post("/evidence", item()).json()["accepted"] == 1


def test_a_lock_that_somebody_keeps_is_503(sender: Caller) -> None:
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE enforcement_evidence IN SHARE MODE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        answer = sender.post("/evidence", item())
        assert_problem(answer, 503)
    finally:
        other.close()
