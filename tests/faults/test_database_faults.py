"""F15, F16, F24: the database restarts, dies, or has no place left. What was acknowledged is there, and each step once.

Real web servers and sweepers, on a server of the tests' own, which syncs to disk.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from django.db.models import Sum
from psycopg import errors

from devservices.postgres import Postgres
from devservices.service import free_port, is_ready, start_web
from devservices.supervisor import Family
from enforcement.models import Account, Client, DayTally, Evidence
from enforcement.services import clock, keys
from tests.conftest import make_account
from tests.faults.due_cases import DUE, PATIENCE, each_was_decided_once, lay_due, start_sweeper, suspended, wait_until
from tests.faults.own_postgres import copy, hang_up, kill_postmaster, looked_at, own_postgres
from tests.stage import sighting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with own_postgres() as started:
        yield started


@pytest.fixture
def ours(transactional_db: None, server: Postgres) -> Iterator[dict[str, str]]:
    """The environment of processes on a fresh database of that server; the test looks at it too."""
    name = f"faults_{uuid4().hex[:8]}"
    url = copy(server, name)
    with looked_at(server, name):
        yield {**os.environ, "DATABASE_URL": url, "LOG_LEVEL": "WARNING"}


class Detector(threading.Thread):
    """Posts items of its own, one after the other, and keeps what it was answered."""

    def __init__(self, port: int, account: Account, key: str) -> None:
        super().__init__()
        self.account, self.stopping = account, threading.Event()
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE
        )
        self.item = sighting(account, clock.now())  # the thread itself never asks the database
        self.stored: list[str] = []
        self.refused: list[httpx.Response] = []
        self.strange: list[httpx.Response] = []

    def run(self) -> None:
        while not self.stopping.wait(0.01):
            item = self.item | {"id": uuid4().hex}
            answer = self.client.post("/evidence", json=item)
            if answer.status_code == 202 and answer.json()["accepted"] == 1:
                self.stored.append(item["id"])
            else:
                (self.refused if answer.status_code == 503 else self.strange).append(answer)

    def __enter__(self) -> "Detector":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.join()
        self.client.close()

    def hears_of_storing(self) -> None:
        already = len(self.stored)
        wait_until(lambda: len(self.stored) > already + 5, "evidence is taken")

    def hears_of_nothing(self) -> None:
        already = len(self.refused)
        wait_until(lambda: len(self.refused) > already, "evidence is refused")

    def was_told_the_truth(self) -> None:
        assert self.strange == []
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in self.refused)
        assert set(self.stored) <= set(Evidence.objects.values_list("external_id", flat=True))
        tallied = DayTally.objects.filter(account=self.account).aggregate(items=Sum("items"))["items"]
        assert tallied == Evidence.objects.filter(account=self.account).count()


@contextmanager
def at_work(environment: dict[str, str], logs: Path) -> Iterator[Detector]:
    """A web server with a detector, and a sweeper that has begun with what is due."""
    port, key = free_port(), keys.issue("edge-logs", Client.Kind.DETECTOR, lasts=None)
    with Family(logs, environment) as family:
        start_web(family, port)
        family.wait_until(lambda: is_ready(port), "the web server is ready")
        with Detector(port, make_account("berlin", home="DE"), key) as detector:
            detector.hears_of_storing()
            start_sweeper(family)
            wait_until(lambda: suspended() > 0, "the sweeper has begun")
            yield detector
            family.check()  # nobody died of it


def fast_stop(server: Postgres) -> None:
    server.stop()


@pytest.mark.parametrize(
    "end", [pytest.param(fast_stop, id="F15-fast-restart"), pytest.param(kill_postmaster, id="F16-kill-9")]
)
def test_F15_and_F16_a_database_that_goes_and_comes_back_has_all_that_was_acknowledged_and_each_step_once(
    end: Callable[[Postgres], None], server: Postgres, ours: dict[str, str], tmp_path: Path
) -> None:
    lay_due()
    with at_work(ours, tmp_path) as detector:
        end(server)
        detector.hears_of_nothing()
        hang_up()
        server.start()
        detector.hears_of_storing()
        wait_until(lambda: suspended() == DUE, "all that is due is settled")
    detector.was_told_the_truth()
    each_was_decided_once()


def test_F24_when_no_connection_is_left_evidence_is_refused_and_nothing_is_forgotten(
    server: Postgres, ours: dict[str, str], tmp_path: Path
) -> None:
    """Idle sessions of others take every place that the web server leaves; the ones that it has are ended."""
    key = keys.issue("edge-logs", Client.Kind.DETECTOR, lasts=None)
    port, others = free_port(), []
    with Family(tmp_path, ours) as family:
        start_web(family, port)
        family.wait_until(lambda: is_ready(port), "the web server is ready")
        with Detector(port, make_account("berlin", home="DE"), key) as detector:
            detector.hears_of_storing()
            hang_up()
            others = _take_every_place(ours["DATABASE_URL"])
            detector.hears_of_nothing()
            for each in others:
                each.close()
            detector.hears_of_storing()
        family.check()
    detector.was_told_the_truth()


def _take_every_place(url: str) -> list[psycopg.Connection]:
    """Who is thrown out finds its place taken."""
    taken: list[psycopg.Connection] = []
    full = False
    while not full:
        try:
            taken.append(psycopg.connect(url, autocommit=True))
        except errors.OperationalError:
            mine = [each.info.backend_pid for each in taken]
            thrown = taken[0].execute(
                "SELECT count(pg_terminate_backend(pid, 1000)) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> ALL(%s)", [mine],
            ).fetchone()  # fmt: skip
            full = thrown == (0,)
    return taken
