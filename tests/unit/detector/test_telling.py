"""What the detector says: enough to mend a log or a rule, and nothing about anybody."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from enforcement.detector.__main__ import main
from enforcement.detector.progress import Display
from enforcement.detector.specimens import shown
from tests.unit.detector.conftest import Send
from tests.unit.detector.service import KEY, Service

LINE = '219.133.40.10 - acme [10/Jun/2026:12:00:00 +0000] "GET /v1/chat?key=sk-live-secret HTTP/1.1" 200 5\n'


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (b'203.0.113.7 - ann [10/Foo/2026:12:00:00 +0000] "GET /a?key=sk-1 HTTP/1.1" 200 5',
         '<address> - <user> [10/Foo/2026:12:00:00 +0000] "GET /a?<query> HTTP/1.1" 200 5'),
        (b'{"ip": "2001:db8::7", "api_key": "k1", "user": "ann", "path": "/a"',
         '{"ip": "<address>", "api_key": <hidden>, "user": <hidden>, "path": "/a"'),
        (b"ann@example.com sent Bearer abc.def", "<mail> sent Bearer <hidden>"),
        (b"sk_live_51H8x9yABCDEFGHIJ", "<long word>"),
        (b"\x00\x1b[31m\xff\xfe\r", "\\x00\\x1b[31m\\xff\\xfe\\x0d"),
        ("\u202etxt\u2028".encode(), "\\x202etxt\\x2028"),
    ],
)  # fmt: skip
def test_a_line_that_could_not_be_read_is_shown_without_secrets_names_and_control_characters(
    raw: bytes, seen: str
) -> None:
    assert shown(raw) == seen


def test_of_a_long_line_only_the_beginning_is_shown() -> None:
    assert len(shown(b"a b " * 10_000)) == 121


def test_binary_junk_of_any_size_is_counted_shown_and_never_fatal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, output = tmp_path / "access.log", tmp_path / "out"
    log.write_bytes(LINE.encode() + b"\0\xff\x80junk\n" * 7 + b"x" * 300_000 + b"\n" + LINE.encode())
    assert main([str(log), "--account-from", "user", "--output", str(output)]) == 1
    told = capsys.readouterr().err
    assert "10 lines read, 8 malformed" in told
    assert "7 of them: not in common or combined log format" in told
    assert "1 of them: longer than 64 KiB" in told
    assert f"{log}, line 2: \\x00\\xff\\x80junk" in told
    assert told.count("x80junk") == 3
    assert '"requests": 2' in output.read_text()


@pytest.mark.parametrize(("day", "warns"), [("2020-01-01", True), ("2999-01-01", False)])
def test_old_data_is_warned_of(tmp_path: Path, day: str, warns: bool, capsys: pytest.CaptureFixture[str]) -> None:
    log, networks = tmp_path / "access.log", tmp_path / "tor.txt"
    log.write_text(LINE)
    networks.write_text(f"# of {day}\n219.133.40.0/24\n")
    options = ["--account-from", "user", "--output", "-", "--networks", f"tor={networks}"]
    assert main([str(log), *options]) == 0
    told = capsys.readouterr()
    assert f'"details": {{"network_list": "{day}"}}' in told.out
    assert ("The list of tor networks is of 2020-01-01, " in told.err) is warns


@pytest.mark.parametrize(("ip", "hinted"), [("10.0.0.3", True), ("219.133.40.10", False)])
def test_a_log_of_which_nothing_can_be_located_has_a_hint(
    tmp_path: Path, ip: str, hinted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "access.log"
    log.write_text(LINE.replace("219.133.40.10", ip))
    assert main([str(log), "--account-from", "user", "--output", "-"]) == 0
    assert ("--trusted-proxy names it" in capsys.readouterr().err) is hinted


def test_nothing_it_says_names_a_key_an_account_or_an_address(
    service: Service, send: Send, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "access.log"
    log.write_text(LINE + LINE.replace("200 5", "two hundred") + LINE.replace("acme", "a c m e"))
    answers = [(503, {"Retry-After": "0"}, {"detail": "The database is away."})]
    service.before = lambda _: answers.pop() if answers else None
    assert send(log) == 1
    assert send(log, key="ae_another_key") == 2
    said = "".join(capfd.readouterr())
    assert not re.search(rf"{KEY}|ae_another_key|sk-live|acme|a c m e|219\.133", said)
    assert "503 Service Unavailable; trying again in" in said


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar_that_is_gone_when_the_work_is_done() -> None:
    screen = Terminal()
    with Display(Console(file=screen, force_terminal=True, width=100)) as display:
        display.begin("access.log", 1000)
        display.read(10, 400)
        display.sent(3)
    drawn = screen.getvalue()
    assert "access.log" in drawn
    assert "40%" in drawn
    assert "10 lines read, 3 items answered" in drawn
    assert drawn.endswith("\x1b[2K")


def test_where_there_is_no_terminal_a_line_comes_now_and_then() -> None:
    written, now = io.StringIO(), [0.0]
    with Display(Console(file=written, width=100), clock=lambda: now[0]) as display:
        display.begin("access.log", 1000)
        for moment in range(0, 40, 4):
            now[0] = moment
            display.read(100, 10)
    assert written.getvalue() == "… 500 lines read, 0 items answered\n… 900 lines read, 0 items answered\n"
