"""Places where a process can be made to fail: they do what they were told, write it down, and else nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import faultpoints
from faultpoints import FaultInjected, UnreadableFaults, faultpoint, port

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "record"
    faultpoints.disarm()


def fired(record: Path) -> list[str]:
    return [line.partition(" ")[2] for line in record.read_text().splitlines()] if record.exists() else []


def fails(label: str) -> bool:
    try:
        faultpoint(label)
    except FaultInjected:
        return True
    return False


def test_unarmed_they_do_nothing() -> None:
    faultpoint("decide.locked")
    with port("memo.smtp"):
        pass


def test_the_nth_time_is_counted_over_one_label_or_over_all(record: Path) -> None:
    faultpoints.arm("a.b=raise@2", record=str(record))
    assert [fails(label) for label in ("a.b", "c.d", "c.d", "a.b", "a.b")] == [False, False, False, True, False]
    faultpoints.arm("raise@3", record=str(record))
    assert [fails(label) for label in ("a.b", "c.d", "a.b", "a.b")] == [False, False, True, False]
    assert fired(record) == ["raise a.b 2", "raise a.b 3"]


def test_a_share_is_drawn_by_its_seed() -> None:
    drawn = []
    for seed in (1, 1, 2):
        faultpoints.arm("raise%25", seed=seed)
        drawn.append([fails("a.b") for _ in range(400)])
    faultpoints.disarm()
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(50 < sum(each) < 150 for each in drawn)


def test_what_is_only_counted_is_written_down_and_goes_on(record: Path) -> None:
    faultpoints.arm("count", record=str(record))
    faultpoint("a.b")
    with port("c.commit"):
        faultpoint("a.b")
    assert fired(record) == ["count a.b 1", "count c.commit 2", "count a.b 3"]


def test_a_port_fails_before_its_work_or_after_it_with_the_error_that_its_caller_knows(record: Path) -> None:
    done = []

    @port("memo.smtp", TimeoutError)
    def work() -> None:
        done.append(1)

    faultpoints.arm("memo.smtp=raise", record=str(record))
    with pytest.raises(TimeoutError, match="injected"):
        work()
    assert done == []
    faultpoints.arm("memo.smtp=exec_then_raise", record=str(record))
    with pytest.raises(TimeoutError, match="injected"):
        work()
    assert done == [1]
    assert fired(record) == ["raise memo.smtp 1", "exec_then_raise memo.smtp 1"]


def test_work_that_failed_by_itself_is_not_done_and_keeps_its_error(record: Path) -> None:
    faultpoints.arm("exec_then_raise", record=str(record))
    with pytest.raises(ZeroDivisionError), port("memo.smtp"):
        _ = 1 / 0
    assert fired(record) == []


def test_a_process_kills_itself_and_says_so_first(record: Path) -> None:
    code = f"import faultpoints; faultpoints.arm('a.b=kill', record={str(record)!r}); faultpoints.faultpoint('a.b')"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == -signal.SIGKILL
    assert fired(record) == ["kill a.b 1"]


@pytest.mark.parametrize("faults", ["explode", "a.b=", "kill@0", "sleep", "sleep=61", "raise%101", "A.b=kill", "kill,"])
def test_what_cannot_be_followed_is_refused(faults: str) -> None:
    with pytest.raises(UnreadableFaults, match="FAULTS"):
        faultpoints.arm(faults)


@pytest.mark.parametrize(("test_clock", "starts"), [("1", True), ("0", False)])
def test_no_process_starts_with_faults_and_without_the_test_clock(test_clock: str, starts: bool) -> None:
    started = subprocess.run(
        [sys.executable, "-c", "from accounts_enforcement import settings"],
        env={**os.environ, "FAULTS": "kill", "ENFORCEMENT_TEST_CLOCK": test_clock},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (started.returncode == 0) is starts
    assert starts or "FAULTS makes processes die on purpose: it needs ENFORCEMENT_TEST_CLOCK=1." in started.stderr
