"""A worker that dies, or is frozen, between the mail server's acceptance and our record of it: real processes."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import connection

from devservices.service import free_port
from enforcement.models import Account, Case, Client
from enforcement.services import clock, invariants, sweep
from notifications.models import Message
from tests.conftest import SMALL_POLICY
from tests.stage import DAY, see, sighting, the_case

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60  # seconds after which what does not happen has failed


class Server:
    """Takes every mail. It freezes the first worker that hands one over, and only then says that it took it."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.answers: list[str] = []
        self.url = ""
        self.worker = 0
        self.worker_is_known, self.froze = threading.Event(), threading.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken.append(envelope.original_content or b"")
        if not self.froze.is_set():
            assert self.worker_is_known.wait(PATIENCE)
            freeze(self.worker)
            self.froze.set()
            return "250 2.0.0 queued"
        return self.answers.pop(0) if self.answers else "250 2.0.0 queued"


def freeze(pid: int) -> None:
    """Back only when no thread of it runs any more."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(
        lambda: {_state(task) for task in Path(f"/proc/{pid}/task").iterdir()} == {"T"}, "the worker stands still"
    )


def _state(task: Path) -> str:
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


def wait_until(holds: Callable[[], bool], what: str) -> None:
    waiting = threading.Event()
    for _ in range(PATIENCE * 50):
        if holds():
            return
        waiting.wait(0.02)
    raise AssertionError(f"{what}: not within {PATIENCE} seconds")


@pytest.fixture
def server() -> Iterator[Server]:
    handler = Server()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    handler.url = f"smtp://127.0.0.1:{controller.port}"
    yield handler
    controller.stop()


@pytest.fixture
def worker(server: Server) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts processes that deliver; none outlives the test."""
    ours = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    environment = {**os.environ, "DATABASE_URL": ours, "EMAIL_URL": server.url}
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "manage.py", "deliver"], env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT
            )
        )
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.wait()


def done_by(worker: subprocess.Popen[str]) -> dict[str, int]:
    """What it says that it delivered, once it has ended well."""
    said, _ = worker.communicate(timeout=PATIENCE)
    assert worker.returncode == 0
    delivered: dict[str, int] = json.loads(said)["delivered"]
    return {name: count for name, count in delivered.items() if count}


@pytest.fixture
def frozen(
    server: Server,
    worker: Callable[[], subprocess.Popen[str]],
    account_outside: Account,
    detector: Client,
    activate: Callable[[str], Any],
) -> subprocess.Popen[str]:
    """A worker that stands still with a warning in its hands which the mail server has just accepted."""
    activate(SMALL_POLICY)
    see(detector, sighting(account_outside, clock.now()))
    first = worker()
    server.worker = first.pid
    server.worker_is_known.set()
    assert server.froze.wait(PATIENCE)
    message = Message.objects.get()
    assert (message.state, message.attempts, message.accepted_at) == ("queued", 1, None)
    assert message.lease_until > clock.real_now()
    return first


def lease_runs_out() -> None:
    """The worker stands still for longer than its lease, and cannot renew it. In the long form the real time passes."""
    if "ENFORCEMENT_FULL" not in os.environ:
        Message.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
    wait_until(lambda: Message.objects.get().lease_until < clock.real_now(), "the lease runs out")


def started(account: Account) -> Case:
    sweep.sweep(now=clock.now())
    return the_case(account)


def copies_are_one_mail(server: Server) -> bool:
    ids = {message_from_bytes(each)["Message-ID"] for each in server.taken}
    return ids == {Message.objects.get().message_id} and len(set(server.taken)) == 1


def rows() -> list[dict[str, Any]]:
    return [*Message.objects.values(), *Case.objects.values()]


def test_F4_a_worker_that_dies_after_the_acceptance_leads_to_a_second_copy_and_a_deadline_from_the_recorded_one(
    server: Server, frozen: subprocess.Popen[str], worker: Callable[[], subprocess.Popen[str]], account_outside: Account
) -> None:
    frozen.kill()
    frozen.wait()
    assert done_by(worker()) == {}  # the lease of the dead one runs
    assert started(account_outside).accepted_at is None  # nobody wrote down that it was accepted
    clock.advance(2 * DAY)
    heard_from = clock.now()
    lease_runs_out()
    assert done_by(worker()) == {"accepted": 1}
    message, case = Message.objects.get(), started(account_outside)
    assert (len(server.taken), message.attempts) == (2, 2)
    assert copies_are_one_mail(server)
    assert heard_from < message.accepted_at == case.accepted_at
    assert case.due_at >= message.accepted_at + 15 * DAY
    assert done_by(worker()) == {}
    assert invariants.check(now=clock.now()) == []


@pytest.mark.parametrize(
    ("answer", "became", "state"),
    [
        ("250 2.0.0 queued", {"accepted": 1}, "accepted"),
        ("450 4.2.0 later", {"deferred": 1}, "queued"),
        ("550 5.1.1 no such user", {"failed": 1}, "failed"),
    ],
)
def test_F11_a_worker_that_comes_back_after_its_lease_changes_nothing(
    answer: str,
    became: dict[str, int],
    state: str,
    server: Server,
    frozen: subprocess.Popen[str],
    worker: Callable[[], subprocess.Popen[str]],
    account_outside: Account,
) -> None:
    lease_runs_out()
    server.answers = [answer]
    assert done_by(worker()) == became
    case = started(account_outside)
    recorded: datetime | None = Message.objects.get().accepted_at
    assert (case.accepted_at, case.state) == (recorded, "warned")
    before = rows()
    os.kill(frozen.pid, signal.SIGCONT)
    assert done_by(frozen) == {"fenced": 1}
    assert Message.objects.get().state == state
    started(account_outside)
    assert rows() == before
    assert len(server.taken) == 2
    assert copies_are_one_mail(server)
    assert invariants.check(now=clock.now(), late=False) == []
