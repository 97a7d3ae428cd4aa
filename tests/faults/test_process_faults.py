"""Processes that die or stand still at a named place, and what the next one makes of it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import connection

from devservices.service import free_port, is_ready, start_web
from devservices.supervisor import Family
from enforcement.models import Account, Case, Client, Decision, Evidence, Memo, PolicyVersion, Score
from enforcement.services import assessment, clock, intake, invariants, keys, memos, sweep
from notifications import delivery
from notifications.models import Message
from tests.checks import stored, tallies_equal_evidence
from tests.faults.theatre import ROOT
from tests.integration.mail_server import MailServer, mail_server
from tests.stage import see, sighting, steps, the_case, warned

pytestmark = pytest.mark.django_db(transaction=True)
KILLED = -signal.SIGKILL
PATIENCE = 60  # seconds after which what does not happen has failed
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as found:
        yield found


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "faults"


@pytest.fixture
def ours(server: MailServer, record: Path) -> dict[str, str]:
    """The environment of a process of the service on the tests' database."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    return {**os.environ, "DATABASE_URL": url, "EMAIL_URL": server.url, "FAULTS_RECORD": str(record)}


@pytest.fixture
def start(ours: dict[str, str]) -> Iterator[Start]:
    """Starts a command with faults, or without; none outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(command: str, faults: str = "") -> subprocess.Popen[str]:
        environment = ours | {"FAULTS": faults}
        words = [sys.executable, "manage.py", command]
        started.append(subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT))
        return started[-1]

    yield begin
    for each in started:
        each.kill()
        each.communicate()


def ended(process: subprocess.Popen[str]) -> int:
    process.communicate(timeout=PATIENCE)
    return process.returncode


def wait_until(holds: Callable[[], bool], what: str) -> None:
    waiting = threading.Event()
    for _ in range(PATIENCE * 10):
        if holds():
            return
        waiting.wait(0.1)
    raise AssertionError(f"{what}: not within {PATIENCE} seconds")


def fired(record: Path) -> list[str]:
    """What fired, as `action label`, in order."""
    written = record.read_text().splitlines() if record.exists() else []
    return [" ".join(line.split()[1:3]) for line in written]


def all_is_well() -> None:
    assert invariants.check(now=clock.now()) == []
    assert tallies_equal_evidence() == []


# -- the web process ----------------------------------------------------------------------------------------------


class Web:
    """A detector, and a web server that is started anew with faults or without."""

    def __init__(self, environment: dict[str, str], logs: Path) -> None:
        self.environment, self.logs = environment, logs
        self.key = keys.issue("edge-logs", Client.Kind.DETECTOR, lasts=None)

    def post(self, items: list[dict[str, Any]], faults: str = "") -> dict[str, Any] | None:
        """What the server answers; None where it hangs up."""
        port = free_port()
        with Family(self.logs, self.environment | {"FAULTS": faults}) as family:
            start_web(family, port)
            family.wait_until(lambda: is_ready(port), "the web server is ready")
            try:
                answer = httpx.post(
                    f"http://127.0.0.1:{port}/api/v1/evidence",
                    json=items,
                    headers={"Authorization": f"Bearer {self.key}"},
                    timeout=PATIENCE,
                )
            except httpx.TransportError:
                return None
        assert answer.status_code == 202
        said: dict[str, Any] = answer.json()
        return said


@pytest.fixture
def web(ours: dict[str, str], tmp_path: Path) -> Web:
    return Web(ours, tmp_path / "logs")


def batch(account: Account) -> list[dict[str, Any]]:
    return [sighting(account, clock.now() - timedelta(hours=hours)) for hours in range(1, 6)]


def points() -> list[Any]:
    assessment.assess(now=clock.now())
    return list(Score.objects.values_list("account", "points", "outcome"))


def test_F1_a_web_process_that_dies_before_the_commit_has_stored_nothing_and_the_same_again_is_accepted(
    web: Web, record: Path, account_outside: Account
) -> None:
    items, before = batch(account_outside), stored()
    assert web.post(items, "intake.before_commit=kill") is None
    assert fired(record) == ["kill intake.before_commit"]
    assert stored() == before
    said = web.post(items)
    assert said is not None
    assert (said["accepted"], said["duplicates"]) == (5, 0)
    all_is_well()


def test_F2_a_web_process_that_dies_after_the_commit_has_stored_all_and_the_same_again_is_a_duplicate(
    web: Web, record: Path, account_outside: Account, policy: PolicyVersion
) -> None:
    items = batch(account_outside)
    assert web.post(items, "intake.after_commit=kill") is None
    assert fired(record) == ["kill intake.after_commit"]
    assert Evidence.objects.count() == 5
    before = points()
    said = web.post(items)
    assert said is not None
    assert (said["accepted"], said["duplicates"]) == (0, 5)
    assert points() == before
    assert Evidence.objects.count() == 5
    all_is_well()


# -- workers ------------------------------------------------------------------------------------------------------


def test_F3_a_worker_that_dies_after_it_opened_a_case_leaves_a_memo_that_goes_out_and_no_deadline_until_then(
    start: Start, record: Path, server: MailServer, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    intake.record(detector, [sighting(account_outside, clock.now())], now=clock.now())
    assert ended(start("assess", "case.open.after_commit=kill")) == KILLED
    assert fired(record) == ["kill case.open.after_commit"]
    case = the_case(account_outside)
    assert (case.state, case.due_at) == ("warned", None)
    assert server.accepted == []
    for command in ("assess", "deliver", "sweep"):
        assert ended(start(command)) == 0
    case.refresh_from_db()
    accepted_at = Message.objects.get().accepted_at
    assert accepted_at is not None
    assert len(server.accepted) == 1
    assert case.accepted_at == accepted_at
    assert case.due_at is not None
    assert case.due_at >= accepted_at + timedelta(days=15)
    all_is_well()


@pytest.fixture
def due(account_outside: Account, detector: Client, policy: PolicyVersion) -> Case:
    """A case whose deadline has come, and whose traffic went on."""
    case = warned(account_outside, detector)
    assert case.due_at is not None
    clock.move_to(case.due_at + timedelta(minutes=1))
    see(detector, sighting(account_outside, clock.now()))
    return case


def suspensions(case: Case) -> list[tuple[str, int | None]]:
    found = Decision.objects.filter(case=case, step="suspend").order_by("pk")
    return list(found.values_list("status", "case_version"))


@pytest.mark.parametrize("label", ["decide.locked", "decide.before_commit"])
def test_F5_a_worker_that_dies_with_the_decision_locked_has_decided_nothing_and_another_decides_once(
    label: str, due: Case, start: Start, record: Path
) -> None:
    assert ended(start("sweep", f"{label}=kill")) == KILLED
    assert fired(record) == [f"kill {label}"]
    assert suspensions(due) == []
    assert ended(start("sweep")) == 0
    assert ended(start("sweep")) == 0
    assert suspensions(due) == [("applied", 2)]
    all_is_well()


def test_F6_a_worker_that_dies_after_the_decision_leaves_a_memo_that_is_delivered_once(
    due: Case, start: Start, record: Path, server: MailServer
) -> None:
    assert ended(start("sweep", "decide.after_commit=kill")) == KILLED
    assert fired(record) == ["kill decide.after_commit"]
    assert suspensions(due) == [("applied", 2)]
    for command in ("sweep", "deliver", "deliver", "sweep"):
        assert ended(start(command)) == 0
    due.refresh_from_db()
    assert Memo.objects.filter(case=due, kind="suspension", rendered_at__isnull=False).count() == 1
    assert len(server.accepted) == 1
    assert (due.state, due.due_at is None) == ("suspended", False)
    assert suspensions(due) == [("applied", 2)]
    all_is_well()


def test_F12_a_worker_that_stands_still_with_a_decision_locked_is_thrown_out_and_changes_nothing_when_it_wakes(
    due: Case, start: Start, record: Path
) -> None:
    """The fifteen seconds are those of `idle_in_transaction_session_timeout`, and they are waited for."""
    frozen = start("sweep", "decide.locked=stop")
    wait_until(lambda: fired(record) == ["stop decide.locked"], "the worker stands still")
    sweep.sweep(now=clock.now())
    assert suspensions(due) == []  # who holds the account is not waited for

    def decided() -> bool:
        sweep.sweep(now=clock.now())
        return bool(suspensions(due))

    wait_until(decided, "PostgreSQL has thrown it out and another decides")
    before = Case.objects.values().get(pk=due.pk), steps(due.account)
    os.kill(frozen.pid, signal.SIGCONT)
    assert ended(frozen) == 0
    assert (Case.objects.values().get(pk=due.pk), steps(due.account)) == before
    assert suspensions(due) == [("applied", 2)]
    all_is_well()


def test_F13_a_message_that_kills_every_worker_is_given_up_and_the_others_go_on(
    start: Start,
    record: Path,
    server: MailServer,
    account_outside: Account,
    account_at_home: Account,
    detector: Client,
    policy: PolicyVersion,
) -> None:
    """Each attempt is counted in a commit of its own before it is made, so a dead worker leaves its count."""
    see(detector, sighting(account_outside, clock.now()))
    memos.render(now=clock.now())
    poison = Message.objects.get()
    see(detector, sighting(account_at_home, clock.now()))
    memos.render(now=clock.now())
    assert ended(start("deliver", "memo.smtp.before_data=kill")) == KILLED
    poison.refresh_from_db()
    assert (poison.attempts, server.accepted) == (1, [])
    _lease_runs_out()
    assert ended(start("deliver", "memo.smtp.before_data=kill@2")) == KILLED  # it stands behind the others now
    poison.refresh_from_db()
    assert (poison.attempts, len(server.accepted)) == (2, 1)
    assert fired(record) == ["kill memo.smtp.before_data"] * 2
    Message.objects.filter(pk=poison.pk).update(attempts=delivery.GIVE_UP_AFTER)
    _lease_runs_out()
    assert ended(start("deliver")) == 0
    poison.refresh_from_db()
    assert (poison.state, poison.accepted_at) == ("failed", None)
    assert len(server.accepted) == 1
    sweep.sweep(now=clock.now())
    assert the_case(account_outside).due_at is None
    assert the_case(account_at_home).due_at is not None
    all_is_well()


def _lease_runs_out() -> None:
    held = Message.objects.filter(lease_until__isnull=False)
    held.update(lease_until=clock.real_now() - timedelta(seconds=1))
