"""A worker that dies or is frozen with a memo in its hands, in the worst moment: real processes and a real mail server.

The worst moment is after the mail server has accepted a mail, and before anybody has written that down.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
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
QUEUED = "250 2.0.0 queued"

Worker = subprocess.Popen[str]
Start = Callable[..., Worker]


class Server:
    """Takes every mail, and says of each what it was told to say."""

    def __init__(self) -> None:
        self.url = ""
        self.taken: list[bytes] = []
        self.answers: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken.append(envelope.original_content or b"")
        return self.answers.pop(0) if self.answers else QUEUED


@pytest.fixture
def server() -> Iterator[Server]:
    handler = Server()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    handler.url = f"smtp://127.0.0.1:{controller.port}"
    yield handler
    controller.stop()


@pytest.fixture
def start(server: Server, tmp_path: Path) -> Iterator[Start]:
    """Starts processes that deliver, with faults or without; none outlives the test, and each fault has fired."""
    ours = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    record = tmp_path / "faults"
    environment = {**os.environ, "DATABASE_URL": ours, "EMAIL_URL": server.url, "FAULTS_RECORD": str(record)}
    command, started, expected = [sys.executable, "manage.py", "deliver"], [], []

    def begin(faults: str = "") -> Worker:
        given: dict[str, Any] = {"env": environment | {"FAULTS": faults}, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, cwd=ROOT, **given))
        expected.extend(filter(None, [faults.partition("=")[0]]))
        return started[-1]

    yield begin
    for each in started:
        each.kill()
        each.wait()
    assert [line.split()[2] for line in record.read_text().splitlines()] == expected


@pytest.fixture
def message(account_outside: Account, detector: Client, activate: Callable[[str], Any]) -> Callable[[], Message]:
    """A warning that waits to be rendered and sent; reads its one message."""
    activate(SMALL_POLICY)
    see(detector, sighting(account_outside, clock.now()))
    return Message.objects.get


def done_by(worker: Worker) -> dict[str, int]:
    """What it says that it delivered, once it has ended well."""
    said, _ = worker.communicate(timeout=PATIENCE)
    assert worker.returncode == 0
    delivered: dict[str, int] = json.loads(said)["delivered"]
    return {name: count for name, count in delivered.items() if count}


def stands_still(worker: Worker) -> None:
    """Back when it is frozen."""
    watchdog = threading.Timer(PATIENCE, worker.kill)  # what does not stop must fail, not hang
    watchdog.start()
    _, status = os.waitpid(worker.pid, os.WUNTRACED)
    watchdog.cancel()
    assert os.WIFSTOPPED(status)


def lease_runs_out() -> None:
    """Nobody renews the lease of who is dead or frozen. In the long form the real time passes."""
    if "ENFORCEMENT_FULL" not in os.environ:
        Message.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
    waiting = threading.Event()
    for _ in range(PATIENCE * 10):
        if Message.objects.get().lease_until < clock.real_now():
            return
        waiting.wait(0.1)
    raise AssertionError("The lease was renewed.")


def swept(account: Account) -> Case:
    sweep.sweep(now=clock.now())
    return the_case(account)


def copies_are_one_mail(server: Server) -> bool:
    ids = {message_from_bytes(each)["Message-ID"] for each in server.taken}
    return ids == {Message.objects.get().message_id} and len(set(server.taken)) == 1


def rows() -> list[dict[str, Any]]:
    return [*Message.objects.values(), *Case.objects.values()]


def check_second_copy_counts(server: Server, message: Message, account: Account, since: Any) -> None:
    """Two copies of one mail, one recorded acceptance, and the deadline from that one."""
    case = swept(account)
    assert (len(server.taken), message.attempts) == (2, 2)
    assert copies_are_one_mail(server)
    assert since < message.accepted_at == case.accepted_at
    assert case.due_at >= message.accepted_at + 15 * DAY
    assert invariants.check(now=clock.now()) == []


def test_F4_a_worker_that_dies_after_the_acceptance_leads_to_a_second_copy_and_its_deadline(
    server: Server, start: Start, message: Callable[[], Message], account_outside: Account
) -> None:
    assert start("memo.smtp.after_accept=kill").wait(PATIENCE) == -signal.SIGKILL
    left = message()
    assert (left.state, left.attempts, left.accepted_at) == ("queued", 1, None)
    assert left.lease_until > clock.real_now()
    assert done_by(start()) == {}  # the lease of the dead one runs
    assert swept(account_outside).accepted_at is None  # nobody wrote down that it was accepted
    since = clock.advance(2 * DAY)
    lease_runs_out()
    assert done_by(start()) == {"accepted": 1}
    check_second_copy_counts(server, message(), account_outside, since)
    assert done_by(start()) == {}


def test_F34_an_acceptance_that_nobody_heard_leads_to_a_second_copy_and_its_deadline(
    server: Server, start: Start, message: Callable[[], Message], account_outside: Account
) -> None:
    assert done_by(start("memo.smtp=exec_then_raise")) == {"deferred": 1}
    assert swept(account_outside).accepted_at is None
    since = clock.advance(2 * DAY)
    assert done_by(start()) == {"accepted": 1}
    check_second_copy_counts(server, message(), account_outside, since)


@pytest.mark.parametrize(
    ("answer", "became", "state"),
    [
        (QUEUED, {"accepted": 1}, "accepted"),
        ("450 4.2.0 later", {"deferred": 1}, "queued"),
        ("550 5.1.1 no such user", {"failed": 1}, "failed"),
    ],
)
def test_F11_a_worker_that_wakes_after_its_lease_records_nothing(
    answer: str,
    became: dict[str, int],
    state: str,
    server: Server,
    start: Start,
    message: Callable[[], Message],
    account_outside: Account,
) -> None:
    """It has heard "250", and another has heard what counts."""
    frozen = start("memo.smtp.after_accept=stop")
    stands_still(frozen)
    lease_runs_out()
    server.answers = [answer]
    assert done_by(start()) == became
    assert swept(account_outside).accepted_at == message().accepted_at
    before = rows()
    frozen.send_signal(signal.SIGCONT)
    assert done_by(frozen) == {"fenced": 1}
    swept(account_outside)
    assert rows() == before
    assert message().state == state
    assert len(server.taken) == 2
    assert copies_are_one_mail(server)
    assert invariants.check(now=clock.now(), late=False) == []


def test_F11_a_worker_that_wakes_with_a_claimed_memo_that_another_has_sent_sends_none(
    server: Server, start: Start, message: Callable[[], Message], account_outside: Account
) -> None:
    frozen = start("memo.claimed=stop")
    stands_still(frozen)
    lease_runs_out()
    assert done_by(start()) == {"accepted": 1}
    swept(account_outside)
    before = rows()
    frozen.send_signal(signal.SIGCONT)
    assert done_by(frozen) == {}
    assert rows() == before
    assert (len(server.taken), message().attempts) == (1, 1)
    assert invariants.check(now=clock.now()) == []
