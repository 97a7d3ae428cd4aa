"""F15 to F18, F24, F25: the database restarts, dies, throws us out, hangs up, is full or locked. Late, nothing else.

Real web servers and sweepers, and for what concerns a whole server one of the tests' own, which syncs to disk.
"""

import itertools
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
import psycopg
import pytest
from django.db import OperationalError, connection
from django.db.models import Count, Sum
from psycopg import errors

from benchmarks.sweep_ground import lay
from devservices.postgres import Postgres
from devservices.service import free_port, is_ready, start_web
from devservices.supervisor import Family
from enforcement.models import Account, Case, Client, DayTally, Decision, Evidence, Memo, PolicyVersion, Restriction
from enforcement.services import clock, intake, invariants, keys, sweep
from tests.checks import tallies_equal_evidence
from tests.conftest import make_account
from tests.faults.own_postgres import copy, hang_up, kill_postmaster, looked_at, own_postgres
from tests.faults.theatre import ROOT
from tests.stage import see, sighting, the_case, warned

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 60.0  # seconds after which what does not happen has failed
DUE = 300  # cases: more than a batch of the sweeper


def wait_until(holds: Callable[[], bool], what: str) -> None:
    waiting = threading.Event()
    for _ in range(int(PATIENCE * 20)):
        if holds():
            return
        waiting.wait(0.05)
    raise AssertionError(f"{what}: not within {PATIENCE:.0f} seconds")


def start_sweeper(family: Family, name: str = "sweeper") -> None:
    family.add(name, sys.executable, "manage.py", "sweep", "--loop")


def suspended() -> int:
    return Case.objects.filter(state="suspended").count()


def each_was_decided_once() -> None:
    """Everybody who was due, with one decision, one restriction and one memo each; and nothing else is wrong."""
    decided = Decision.objects.filter(step="suspend", status=Decision.Status.APPLIED)
    assert set(decided.values("case").annotate(times=Count("pk")).values_list("times", flat=True)) == {1}
    assert suspended() == decided.count() == Restriction.objects.count() == DUE
    assert Memo.objects.filter(kind="suspension").count() == DUE
    assert invariants.check(now=clock.now()) == []


# -- a server of our own ------------------------------------------------------------------------------------------


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
    lay(DUE, 0, clock.now())
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


# -- single connections -------------------------------------------------------------------------------------------


@pytest.fixture
def here(transactional_db: None) -> dict[str, str]:
    """The environment of processes on the tests' database; they say who they are."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    return {**os.environ, "DATABASE_URL": url, "PGAPPNAME": "sweeper", "LOG_LEVEL": "WARNING"}


def test_F17_backends_that_are_terminated_at_random_settle_each_case_once(here: dict[str, str], tmp_path: Path) -> None:
    lay(DUE, 0, clock.now())
    with Family(tmp_path, here) as family:
        for name in ("one", "two"):
            start_sweeper(family, name)
        ended, looks = 0, itertools.count()

        def settled() -> bool:
            nonlocal ended
            if next(looks) % 5 == 0:  # more often, and the two would do nothing but connect
                ended += _terminate_one("sweeper")
            return suspended() == DUE and ended > 5

        wait_until(settled, "all that is due is settled")
        family.check()
    each_was_decided_once()


def _terminate_one(application: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database() ORDER BY random() LIMIT 1) AS one",
            [application],
        )
        return int(cursor.fetchone()[0])


class Cutter(threading.Thread):
    """Stands between a process and PostgreSQL, and hangs up after a COMMIT was done and before its answer is passed on.

    It cuts once, at the first COMMIT of a transaction in which `marked` was written.
    """

    def __init__(self, upstream: str, marked: bytes) -> None:
        super().__init__(daemon=True)
        self.upstream, self.marked = upstream, marked
        self.cut = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self) -> None:
        with suppress(OSError):  # closed: the test is over
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self.upstream)
            threading.Thread(target=self._answers, args=(server, client), daemon=True).start()
            marked = False
            with suppress(OSError):
                while said := client.recv(65536):
                    marked = marked or self.marked in said
                    if marked and b"COMMIT" in said and not self.cut.is_set():
                        client.shutdown(socket.SHUT_RDWR)  # whatever is answered from now on reaches nobody
                        self.cut.set()
                        server.sendall(said)
                        return
                    server.sendall(said)

    @staticmethod
    def _answers(server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while said := server.recv(65536):
                client.sendall(said)

    def __enter__(self) -> "Cutter":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()


def _through(cutter: Cutter, environment: dict[str, str]) -> dict[str, str]:
    name = connection.settings_dict["NAME"]
    return environment | {"DATABASE_URL": f"postgresql://postgres@127.0.0.1:{cutter.port}/{quote(name)}"}


@pytest.fixture
def upstream(transactional_db: None) -> str:
    directory = connection.get_connection_params()["host"]
    assert directory.startswith("/"), "the tests' engine is reached by a unix socket"
    return f"{directory}/.s.PGSQL.{connection.settings_dict['PORT'] or 5432}"


def test_F18_a_decision_whose_commit_was_acknowledged_to_nobody_is_not_taken_again(
    here: dict[str, str], upstream: str, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    clock.move_to(case.due_at)  # type: ignore[arg-type]
    see(detector, sighting(account_outside, clock.now()))
    with Cutter(upstream, b"enforcement_decision") as cutter:
        _sweep_once(_through(cutter, here))
        assert cutter.cut.is_set()
        wait_until(lambda: suspended() == 1, "what was committed is there")
        assert _sweep_once(here) == 0
    case.refresh_from_db()
    assert (case.state, case.version) == ("suspended", 2)
    assert Decision.objects.filter(case=case, step="suspend").count() == Restriction.objects.count() == 1
    assert invariants.check(now=clock.now()) == []


def _sweep_once(environment: dict[str, str]) -> int:
    words = [sys.executable, "manage.py", "sweep"]
    return subprocess.run(words, env=environment, cwd=ROOT, timeout=PATIENCE, capture_output=True).returncode


def test_F18_evidence_whose_commit_was_acknowledged_to_nobody_is_a_duplicate_when_it_comes_again(
    here: dict[str, str], upstream: str, account_outside: Account, tmp_path: Path
) -> None:
    key, port = keys.issue("edge-logs", Client.Kind.DETECTOR, lasts=None), free_port()
    item = sighting(account_outside, clock.now())
    with Cutter(upstream, b"enforcement_evidence") as cutter, Family(tmp_path, _through(cutter, here)) as family:
        start_web(family, port)
        family.wait_until(lambda: is_ready(port), "the web server is ready")

        def post() -> httpx.Response:
            headers = {"Authorization": f"Bearer {key}"}
            return httpx.post(f"http://127.0.0.1:{port}/api/v1/evidence", json=item, headers=headers, timeout=PATIENCE)

        assert post().status_code == 503
        assert cutter.cut.is_set()
        wait_until(Evidence.objects.exists, "what was committed is there")
        said: dict[str, Any] = post().json()
    assert (said["accepted"], said["duplicates"]) == (0, 1)
    assert Evidence.objects.count() == 1
    assert tallies_equal_evidence() == []


def test_F25_a_migration_that_holds_the_cases_makes_steps_late_and_keeps_no_evidence_out(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    clock.move_to(case.due_at)  # type: ignore[arg-type]
    see(detector, sighting(account_outside, clock.now()))
    migration = connection.copy()
    migration.set_autocommit(False)
    try:
        with migration.cursor() as cursor:
            cursor.execute("LOCK TABLE enforcement_case IN ACCESS EXCLUSIVE MODE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            sweep.sweep(now=clock.now())
        taken = intake.record(detector, [sighting(account_outside, clock.now())], now=clock.now())
        assert taken.accepted == 1
        migration.rollback()
    finally:
        migration.close()
    assert the_case(account_outside).state == "warned"
    sweep.sweep(now=clock.now())
    connection.close()
    assert the_case(account_outside).state == "suspended"
    assert invariants.check(now=clock.now()) == []
