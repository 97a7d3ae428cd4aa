"""The detector as operators run it: its own process, a log, a service that answers as the contract says."""

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.detector.service import KEY, Service, serving

ROOT = Path(__file__).parent.parent.parent
PLACES = {"219.133.40.10": "CN", "88.26.10.5": "ES", "2001:da8::1": "CN"}


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """1,200 accounts, three requests each: more summaries than a batch holds."""
    lines = [
        f'{ip} - account-{number} [{day:02}/Jun/2026:12:00:00 +0000] "POST /v1/chat HTTP/1.1" 200 17\n'
        for number in range(1200)
        for day, ip in enumerate(PLACES, 1)
    ]
    file = tmp_path / "access.log"
    file.write_text("".join(lines))
    return file


def started(log: Path | str, *options: str, home: Path, stdin: Any = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """A run on a machine that knows nothing of us but the package."""
    return subprocess.Popen(
        [sys.executable, "-m", "enforcement.detector", str(log), "--account-from", "user", *options],
        cwd=ROOT, env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1", "HOME": str(home)},
        stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def detect(log: Path, *options: str) -> tuple[int, list[str]]:
    """Exit status and last words."""
    running = started(log, *options, home=log.parent)
    output, words = running.communicate(timeout=120)
    assert output == ""
    return running.returncode, [line.strip() for line in words.splitlines() if line.strip()]


def test_everything_arrives_in_batches_and_once_however_often_it_is_sent(service: Service, log: Path) -> None:
    to = ("--url", service.url, "--key", KEY)
    assert detect(log, *to) == (0, [
        "3,600 lines read, 0 malformed",
        "3,600 accepted, 0 duplicates, 0 conflicts, 0 rejected, 0 unknown territory",
    ])  # fmt: skip
    assert service.batches == [1000, 1000, 1000, 600]
    assert {(item["ip"], item["country"]) for item in service.stored.values()} == set(PLACES.items())
    assert detect(log, *to) == (0, [f"Nothing new: {log} was answered whole in an earlier run."])
    assert detect(log, *to, "--again")[1][-1].startswith("0 accepted, 3,600 duplicates, 0 conflicts")


def test_what_is_sent_is_what_would_be_written(service: Service, log: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.ndjson"
    assert detect(log, "--output", str(output)) == (0, ["3,600 lines read, 0 malformed", "3,600 written"])
    detect(log, "--url", service.url, "--key", KEY)
    assert [json.loads(line) for line in output.read_text().splitlines()] == list(service.stored.values())


@pytest.mark.parametrize("stored", [False, True])
def test_a_run_that_was_killed_is_repeated_and_nothing_is_lost_or_double(
    service: Service, log: Path, stored: bool
) -> None:
    """Killed while the second batch is asked for: before the service stored it, or before its answer arrived."""
    asked, dead = threading.Event(), threading.Event()

    def before(items: list[dict[str, Any]]) -> tuple[int, dict[str, str], object] | None:
        if len(service.batches) != 2:
            return None
        if stored:
            service.take(items)
        asked.set()
        dead.wait(60)
        return 503, {}, {"detail": "Nobody hears it."}

    service.before = before
    to = ("--url", service.url, "--key", KEY)
    running = started(log, *to, home=log.parent)
    assert asked.wait(60)
    running.kill()
    running.communicate(timeout=60)
    dead.set()
    with log.open("a") as file:  # the day goes on
        file.write('88.26.10.5 - account-0 [02/Jun/2026:13:00:00 +0000] "POST /v1/chat HTTP/1.1" 200 17\n')
    status, words = detect(log, *to)
    assert (status, words[0]) == (0, "3,601 lines read, 0 malformed")
    assert service.requests() == 3601
    assert len(service.stored) == 3601


def test_two_runs_at_once_wait_for_each_other(service: Service, log: Path) -> None:
    """Cron starts one while the one before still reads: each cuts the day where it ended for it, one after another."""
    first_is_in, go_on = threading.Event(), threading.Event()

    def before(_: object) -> None:
        first_is_in.set()
        go_on.wait(60)

    service.before = before
    to = ("--url", service.url, "--key", KEY)
    first = started(log, *to, home=log.parent)
    assert first_is_in.wait(60)
    with log.open("a") as file:
        file.write('88.26.10.5 - account-0 [02/Jun/2026:13:00:00 +0000] "POST /v1/chat HTTP/1.1" 200 17\n')
    second = started(log, *to, home=log.parent)
    go_on.set()
    assert [run.wait(120) for run in (first, second)] == [0, 0]
    assert service.requests() == 3601


def test_standard_input_is_read_plain_or_packed(service: Service, log: Path) -> None:
    packed = log.with_name("packed")
    packed.write_bytes(gzip.compress(log.read_bytes()))
    for file in (log, packed):
        with file.open("rb") as given:
            running = started("-", "--url", service.url, "--key", KEY, home=log.parent, stdin=given)
            assert running.communicate(timeout=120)[0] == ""
        assert (running.returncode, service.requests()) == (0, 3600)


def test_a_disk_that_is_full_ends_it_with_a_sentence_and_nothing_unknown_was_sent(service: Service, log: Path) -> None:
    assert detect(log, "--output", "/dev/full") == (2, ["No space left on device"])
    command = f"ulimit -f 8; exec {sys.executable} -m enforcement.detector {log} --account-from user"
    done = subprocess.run(
        ["bash", "-c", f"{command} --url {service.url} --key {KEY} --journal {log}.journal"],
        cwd=ROOT, env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, service.batches) == (2, [])
    assert f"The journal {log}.journal cannot be used" in done.stderr


def test_the_key_may_stay_out_of_the_list_of_processes(service: Service, log: Path) -> None:
    file = log.with_name("key")
    file.write_text(f"{KEY}\n")
    assert detect(log, "--url", service.url, "--key-file", str(file))[0] == 0
    assert service.requests() == 3600


def test_a_key_that_nobody_knows_ends_it_with_the_services_sentence(service: Service, log: Path) -> None:
    assert detect(log, "--url", service.url, "--key", "another") == (2, ["401: This key is not known."])


def test_items_that_were_not_taken_are_told_and_end_with_one(service: Service, log: Path) -> None:
    to = ("--url", service.url, "--key", KEY)
    detect(log, *to)
    for item in list(service.stored.values())[:7]:
        item["requests"] = 99
    status, words = detect(log, *to, "--again")
    assert status == 1
    assert words[1:] == [
        "0 accepted, 3,593 duplicates, 7 conflicts, 0 rejected, 0 unknown territory",
        "7 of them: conflict: its id was used for something else",
    ]
