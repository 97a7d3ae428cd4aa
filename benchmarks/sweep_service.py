"""The service's side of the sweep benchmark: undisturbed, and while somebody ends its connections."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from django.db import OperationalError, connection, connections, transaction

from enforcement.services import sweep

_EVERY = 0.5  # seconds from one terminated connection to the next
_PICK = """
SELECT pg_terminate_backend(pid) FROM (
    SELECT pid FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%%enforcement_%%'
     ORDER BY random() LIMIT 1) AS one
"""


def run(now: datetime, hand: int, hands: int) -> list[float]:
    """Settle all that is due; answers with the seconds for which each batch held its locks."""
    with _holds() as held:
        done = sweep.sweep(now=now)["looked"]
    assert not done.failed, done
    return held


def run_again(now: datetime, hand: int, hands: int) -> int:
    """The same, taken up again whenever the connection is lost, as the next tick does; answers with how often."""
    lost = 0
    while True:
        try:
            sweep.sweep(now=now)
            return lost
        except OperationalError:
            lost += 1
            connections.close_all()


@contextmanager
def _holds() -> Iterator[list[float]]:
    """From the statement that locks a batch to its commit."""
    held: list[float] = []

    def watch(execute: Callable[..., Any], sql: Any, *rest: Any) -> Any:
        answer = execute(sql, *rest)
        if "FOR NO KEY UPDATE OF account" in str(sql):
            began = time.monotonic()
            transaction.on_commit(lambda: held.append(time.monotonic() - began))
        return answer

    with connection.execute_wrapper(watch):
        yield held


@contextmanager
def killer() -> Iterator[list[int]]:
    """Ends a connection that works, twice a second; the list holds how many, at the end."""
    ended, stop = [0], threading.Event()

    def kill() -> None:
        with psycopg.connect(**_parameters(), autocommit=True) as own:
            while not stop.wait(_EVERY):
                ended[0] += own.execute(_PICK).rowcount

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield ended
    finally:
        stop.set()
        thread.join()


def _parameters() -> dict[str, Any]:
    return {name: value for name, value in connection.get_connection_params().items() if name in _CONNECTS}


_CONNECTS = ("dbname", "user", "password", "host", "port")
