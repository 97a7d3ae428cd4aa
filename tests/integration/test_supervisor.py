"""Processes live and end together, and what a mail catcher accepted is there whole."""

import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from devservices import service, supervisor
from devservices.supervisor import Family, ProcessDied, interruptible

ROOT = Path(__file__).parent.parent.parent
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


@pytest.fixture
def family(tmp_path: Path) -> Family:
    return Family(tmp_path / "logs", os.environ)


def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.01)


def runs(process_id: int) -> bool:
    """Zombies do not count: nobody may be there to bury them."""
    stat = Path(f"/proc/{process_id}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_for_word(family: Family, name: str, word: str) -> str:
    """What a member has said, once it has said the word."""
    member = family.members[name]
    family.wait_until(lambda: word in member.log.read_text(), f"{name} says {word}")
    return member.log.read_text()


def python(*lines: str) -> tuple[str, str, str]:
    return sys.executable, "-c", "\n".join(lines)


def test_a_member_that_dies_ends_the_watch_with_its_name_and_last_words(family: Family) -> None:
    with family:
        family.add("quiet", "sleep", "600")
        family.add("broken", *python("print('no such table'); raise SystemExit(3)"))
        with pytest.raises(ProcessDied, match=r"broken ended with status 3:\nno such table"):
            family.watch()
    assert family.members["quiet"].status == -signal.SIGTERM


def test_a_member_that_is_revived_starts_again_when_it_ends_by_itself(family: Family) -> None:
    with family:
        family.add("mortal", *python("print('lived', flush=True); raise SystemExit(1)"), revived=True)
        log = family.members["mortal"].log
        family.wait_until(lambda: log.read_text().count("lived") > 1, "it lived twice")


def test_waiting_ends_when_a_member_dies(family: Family) -> None:
    with family:
        family.add("broken", "false")
        with pytest.raises(ProcessDied):
            family.wait_until(lambda: False, "the world ends")


def test_waiting_in_vain_says_for_what(family: Family) -> None:
    with family, pytest.raises(TimeoutError, match="until the world ends"):
        family.wait_until(lambda: False, "the world ends", patience=0.01)


def test_whoever_ignores_the_end_is_killed_with_its_children(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_GRACE", 0.2)
    with family:
        parent = (
            f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]).pid, flush=True)"
        )
        family.add("stubborn", *python(parent, STUBBORN))
        child = int(wait_for_word(family, "stubborn", "up").split()[0])
    assert family.members["stubborn"].status == -signal.SIGKILL
    until(lambda: not runs(child))


def test_a_member_can_be_killed_and_started_again(family: Family) -> None:
    with family:
        member = family.add("web", *python("import os, time; print('up', os.getpid(), flush=True); time.sleep(600)"))
        wait_for_word(family, "web", "up")
        member.kill()
        with pytest.raises(ProcessDied):
            family.check()
        member.start()
        family.wait_until(lambda: member.log.read_text().count("up") == 2, "it is up again")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's end")
def test_no_member_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from devservices.supervisor import Family;"
        "family = Family(pathlib.Path(sys.argv[1]), os.environ);"
        "print(family.add('sleeper', 'sleep', '600').running.pid, flush=True); family.watch()"
    )
    killed = subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    child = int(killed.stdout.readline())
    killed.kill()
    killed.communicate()
    until(lambda: not runs(child))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_polite_signal_ends_us_as_ctrl_c_does(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(number)
    assert signal.getsignal(number) == before


def test_caught_mail_is_a_file_with_the_bytes_that_were_sent(family: Family, tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "policy@provider.test", "owner@a/b.test", "截止日期"
    mail.set_content("Please act before 9 July 2024.\n..and a dot\n")
    with family:
        service.catch_mail(family, tmp_path / "mail")
        with smtplib.SMTP("127.0.0.1", int(family.environment["EMAIL_URL"].rpartition(":")[2])) as server:
            server.send_message(mail)
        (caught,) = (tmp_path / "mail").iterdir()
        assert caught.suffix == ".eml"
        assert caught.read_bytes().replace(b"\r\n", b"\n") == mail.as_bytes().rstrip(b"\n") + b"\n"
        assert "policy@provider.test -> owner@a/b.test" in wait_for_word(family, "mail", "bytes")
    assert family.members["mail"].status == 0


def test_a_taken_port_is_not_shared(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert service.serve(os.environ, port) == 2
    assert f"Port {port} is taken" in capsys.readouterr().err
