"""A line counts once: however often a log is read, however far it has grown, wherever it was moved to."""

import bz2
import gzip
import json
import lzma
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from enforcement.detector import reading
from enforcement.detector.__main__ import main
from tests.unit.detector.conftest import Send
from tests.unit.detector.service import KEY, Service


def entries(first: int, last: int, *, day: int = 10, account: str = "acme", ip: str = "219.133.40.10") -> str:
    """One request a minute, from that minute of the day up to another."""
    return "".join(
        f"{ip} - {account} [{day:02}/Jun/2026:{minute // 60:02}:{minute % 60:02}:07 +0000] "
        f'"GET /v1/chat HTTP/1.1" 200 5\n'
        for minute in range(first, last)
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "access.log"
    file.write_text(entries(0, 40))
    return file


def grow(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def test_a_day_that_grows_between_runs_is_neither_lost_nor_counted_twice(
    service: Service, send: Send, log: Path
) -> None:
    for last in (40, 41, 100):
        grow(log, entries(service.requests() or 40, last))
        assert send(log) == 0
        assert service.requests() == last
    assert sorted(item["requests"] for item in service.stored.values()) == [1, 40, 59]
    assert sorted(item["observed_at"] for item in service.stored.values()) == [
        "2026-06-10T00:00:07Z", "2026-06-10T00:40:07Z", "2026-06-10T00:41:07Z",
    ]  # fmt: skip


def test_equal_requests_in_the_same_second_count_each(service: Service, send: Send, log: Path) -> None:
    log.write_text(entries(0, 1) * 3)
    send(log)
    grow(log, entries(0, 1) * 4)
    send(log)
    assert service.requests() == 7


def test_a_run_that_finished_says_so_when_repeated_and_reads_nothing(
    service: Service, send: Send, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    send(log)
    asked = len(service.batches)
    capsys.readouterr()
    assert send(log) == 0
    assert capsys.readouterr().err == f"Nothing new: {log} was answered whole in an earlier run.\n"
    assert len(service.batches) == asked


def test_a_log_that_was_touched_is_read_and_nothing_of_it_is_sent(service: Service, send: Send, log: Path) -> None:
    send(log)
    os.utime(log, ns=(1, 1))
    asked = len(service.batches)
    assert send(log) == 0
    assert len(service.batches) == asked


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "access.log.1": lambda data: data, "access.log.2.gz": gzip.compress, "access.log.2.bz2": bz2.compress,
    "access.log.2.xz": lzma.compress,
}  # fmt: skip


@pytest.mark.parametrize("name", PACKED)
def test_a_log_that_was_rotated_is_taken_up_where_it_was_left(
    service: Service, send: Send, log: Path, name: str
) -> None:
    send(log)
    grow(log, entries(40, 50))
    old = log.with_name(name)
    old.write_bytes(PACKED[name](log.read_bytes()))
    log.write_text(entries(50, 60))
    assert send(log, old) == 0
    assert service.requests() == 60
    assert send(old) == 0
    assert service.requests() == 60


def test_logs_may_be_named_in_any_order_twice_and_by_patterns(service: Service, send: Send, log: Path) -> None:
    shutil.move(log, f"{log}.2")
    Path(f"{log}.1").write_text(entries(40, 50))
    log.write_text(entries(50, 60))
    os.symlink(log, log.with_name("current"))
    assert send(f"{log}.1", f"{log}*", log, log.with_name("current")) == 0
    assert service.requests() == 60


@pytest.mark.parametrize("copied", [40, 25])
def test_a_copy_of_how_a_log_began_counts_once(service: Service, send: Send, log: Path, copied: int) -> None:
    copy = log.with_name("access.log.1.gz")
    copy.write_bytes(gzip.compress(entries(0, copied).encode()))
    for logs in ((log, copy), (copy, log)):
        assert send(*logs) == 0
        assert service.requests() == 40


@pytest.mark.parametrize("cut", [0, 10])
def test_a_copy_that_is_still_being_made_of_a_log_that_was_answered_counts_nothing(
    service: Service, send: Send, log: Path, cut: int
) -> None:
    """As gzip leaves it while cron starts the detector."""
    send(log)
    copy = log.with_name("access.log.gz")
    copy.write_bytes(gzip.compress(entries(0, 25)[: -cut or None].encode())[: -8 if cut else None])
    assert send(log, copy) == (1 if cut else 0)
    assert service.requests() == 40
    copy.write_bytes(gzip.compress(entries(0, 40).encode()))
    log.unlink()
    send(copy)
    assert service.requests() == 40


@pytest.mark.parametrize("copied", [40, 25])
def test_a_copy_is_not_written_twice_either(log: Path, copied: int, tmp_path: Path) -> None:
    copy, output = log.with_name("access.log.1"), tmp_path / "out"
    copy.write_text(entries(0, copied))
    assert main([str(log), str(copy), "--account-from", "user", "--output", str(output)]) == 0
    items = [json.loads(line) for line in output.read_text().splitlines()]
    assert sum(item["requests"] for item in items) == 40
    assert len({item["id"] for item in items}) == len(items)


def post(service: Service, *logs: Path) -> int:
    """Written to a file, and what is in it sent by somebody; how many items there were."""
    output = logs[0].with_name("evidence.ndjson")
    assert main([*map(str, logs), "--account-from", "user", "--output", str(output)]) == 0
    items = [json.loads(line) for line in output.read_text().splitlines()]
    service.take(items)
    return len(items)


def test_files_of_a_log_that_grows_hold_all_of_it_under_the_same_ids(service: Service, log: Path) -> None:
    for number, last in enumerate((40, 41, 100), 1):
        grow(log, entries(service.requests() or 40, last))
        assert post(service, log) == number
        assert service.requests() == last
    assert post(service, log) == 3
    assert service.requests() == 100


def test_a_log_may_be_sent_by_files_and_by_the_detector_in_turn(service: Service, send: Send, log: Path) -> None:
    for last, deliver in ((40, post), (50, lambda _, log: send(log)), (60, post), (70, lambda _, log: send(log))):
        grow(log, entries(service.requests() or 40, last))
        deliver(service, log)
        assert service.requests() == last


def test_a_line_that_was_not_finished_is_whole_in_the_next_file(service: Service, log: Path) -> None:
    grow(log, entries(40, 41).rstrip("\n"))
    post(service, log)
    grow(log, "\n" + entries(41, 45))
    post(service, log)
    assert service.requests() == 45


@pytest.mark.parametrize("copied", [40, 25])
def test_files_of_a_log_and_of_a_copy_of_how_it_began_hold_it_once(service: Service, log: Path, copied: int) -> None:
    copy = log.with_name("access.log.1")
    copy.write_text(entries(0, copied))
    for logs in ((log, copy), (copy, log), (copy,), (log,)):
        post(service, *logs)
        assert service.requests() == 40


def test_a_log_that_begins_inside_another_counts_its_new_lines(service: Service, send: Send, log: Path) -> None:
    """As `tail -n` and overlapping backups make them; later it is known alone, and has grown."""
    lines = [*entries(0, 30).splitlines(True), "nonsense\n", *entries(30, 70, day=11).splitlines(True)]
    later = log.with_name("later.log.gz")
    log.write_text("".join(lines[:41]))
    later.write_bytes(gzip.compress("".join(lines[20:61]).encode()))
    assert send(later, log) == 1
    assert service.requests() == 60
    later.write_bytes(gzip.compress("".join(lines[20:]).encode()))
    send(later)
    assert service.requests() == 70


def test_a_log_that_stood_whole_at_the_end_of_another_goes_on_alone(service: Service, send: Send, log: Path) -> None:
    later = log.with_name("later.log")
    later.write_text(entries(20, 40))
    send(log, later)
    grow(later, entries(40, 50))
    send(later)
    post(service, log, later)
    assert service.requests() == 50


def test_equal_requests_before_and_after_a_rotation_are_two(service: Service, send: Send, log: Path) -> None:
    old = log.with_name("access.log.1")
    old.write_text(entries(0, 40) + entries(39, 40))
    log.write_text(entries(39, 40) * 2 + entries(40, 60))
    assert send(log, old) == 0
    assert service.requests() == 41 + 22


def test_the_same_minute_in_the_logs_of_two_gateways_is_two_facts(service: Service, send: Send, log: Path) -> None:
    other = log.with_name("other.log")
    other.write_text(entries(0, 40).replace("/v1/chat", "/v1/other"))
    send(log)
    send(other)
    assert service.requests() == 80


def test_two_gateways_that_begin_with_the_same_line_and_go_on_apart_are_two(
    service: Service, send: Send, log: Path
) -> None:
    for gateway, last in (("a", 40), ("b", 30)):
        rest = entries(1, last).replace("/v1/chat", f"/v1/{gateway}")
        log.with_name(gateway).write_text(entries(0, 1) + rest)
    assert send(log.with_name("a"), log.with_name("b")) == 0
    assert service.requests() == 70


def test_a_line_that_was_not_finished_is_read_whole_later(service: Service, send: Send, log: Path) -> None:
    whole = entries(40, 41)
    grow(log, whole[:60])
    assert send(log) == 1
    assert service.requests() == 40
    grow(log, whole[60:] + entries(41, 45))
    assert send(log) == 0
    assert service.requests() == 45


def test_a_last_line_without_an_end_counts_and_what_stands_before_it_does_not_again(
    service: Service, send: Send, log: Path
) -> None:
    grow(log, entries(40, 41).rstrip("\n"))
    send(log)
    assert service.requests() == 41
    grow(log, "\n" + entries(41, 45))
    send(log)
    assert service.requests() == 45


def test_a_last_line_that_only_looked_finished_costs_one_request_and_not_the_day(
    service: Service, send: Send, log: Path
) -> None:
    grow(log, entries(40, 41).rstrip("\n"))
    send(log)
    grow(log, "12\n" + entries(41, 45))  # 512 bytes, not 5
    send(log)
    assert service.requests() == 46


def test_a_log_that_breaks_off_is_read_as_far_as_it_goes_and_the_rest_when_it_is_whole(
    service: Service, send: Send, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = gzip.compress(os.urandom(20_000).hex().encode() + b"\n" + entries(0, 900).encode())
    broken = log.with_suffix(".gz")
    broken.write_bytes(packed[:-400])
    assert send(broken) == 1
    assert "is broken off or damaged (Compressed file ended" in capsys.readouterr().err
    assert 0 < service.requests() < 900
    broken.write_bytes(packed)
    send(broken)
    assert service.requests() == 900


def test_a_batch_that_never_was_answered_is_sent_again_under_the_same_ids(
    service: Service, send: Send, log: Path
) -> None:
    """The service stored it, and its answer was lost; meanwhile the log went on."""
    service.before = lambda items: (403, {}, service.take(items) and {"detail": "Away."})
    assert send(log) == 2
    assert service.requests() == 40
    grow(log, entries(40, 50))
    service.before = lambda _: None
    assert send(log) == 0
    assert service.requests() == 50


def test_a_rejected_item_is_tried_again_by_the_next_run(service: Service, send: Send, log: Path) -> None:
    """A gateway's clock may have been ahead of the service's."""
    error = {"field": "observed_at", "reason": "lies more than 5 minutes ahead"}
    rejected = {"accepted": 0, "duplicates": 0, "conflicts": 0, "rejected": 1, "unknown_territory": 0,
                "items": [{"index": 0, "id": "x", "status": "rejected", "errors": [error]}]}  # fmt: skip
    service.before = lambda _: (202, {}, rejected)
    assert send(log) == 1
    service.before = lambda _: None
    assert send(log) == 0
    assert service.requests() == 40


def in_two_parts(service: Service, send: Send, log: Path) -> dict[str, object]:
    send(log)
    grow(log, entries(40, 50))
    send(log)
    return dict(service.stored)


def test_a_new_key_of_the_same_detector_is_found_out_by_one_question(
    service: Service, send: Send, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything would come again after a rotation, and under other ids where addresses are located anew."""
    before = in_two_parts(service, send, log)
    asked = len(service.batches)
    monkeypatch.setattr("tests.unit.detector.service.KEY", "the-next")
    networks = tmp_path / "vpn.txt"
    networks.write_text("219.133.41.0/24\n")
    assert send(log, key="the-next", options=("--networks", f"vpn={networks}")) == 0
    assert (service.stored, len(service.batches)) == (before, asked + 1)
    grow(log, entries(50, 55))
    send(log, key="the-next")
    assert service.requests() == 55


def test_a_service_that_was_set_up_anew_is_told_everything_in_the_same_parts(
    service: Service, send: Send, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, asked = in_two_parts(service, send, log), len(service.batches)
    service.stored.clear()
    monkeypatch.setattr("tests.unit.detector.service.KEY", "another")
    assert send(log, key="another") == 0
    assert (service.stored, service.batches[asked:]) == (before, [1, 2])


def test_a_service_that_was_restored_is_told_everything_again_when_asked(
    service: Service, send: Send, log: Path
) -> None:
    before = in_two_parts(service, send, log)
    service.stored.clear()
    assert send(log, options=("--again",)) == 0
    assert service.stored == before


@pytest.mark.parametrize("copied", [40, 25])
def test_a_log_that_is_sent_again_beside_a_copy_of_how_it_began_has_the_same_parts(
    service: Service, send: Send, log: Path, copied: int
) -> None:
    copy = log.with_name("access.log.1")
    copy.write_text(entries(0, copied))
    send(log, copy)
    before = dict(service.stored)
    assert send(log, copy, options=("--again",)) == 0
    assert service.stored == before
    assert send(copy) == 0
    assert service.stored == before


def test_a_run_that_was_killed_beside_a_copy_is_repeated_under_the_same_ids(
    service: Service, send: Send, log: Path
) -> None:
    copy = log.with_name("access.log.1")
    copy.write_text(entries(0, 25))
    service.before = lambda items: (403, {}, service.take(items) and {"detail": "Away."})
    assert send(log, copy) == 2
    service.before = lambda _: None
    assert send(log, copy) == 0
    assert service.requests() == 40


def test_another_rule_counts_for_itself(service: Service, send: Send, log: Path) -> None:
    send(log)
    assert send(log, account="network/16") == 0
    assert service.requests() == 80


def test_many_groups_make_several_parts_at_the_same_lines_again(
    service: Service, send: Send, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGEST", 50)
    monkeypatch.setattr(reading, "_EVERY", 16)
    log.write_text("".join(entries(minute, minute + 1, account=f"a{minute % 70}") for minute in range(400)))
    send(log)
    grow(log, entries(400, 410, account="late"))
    send(log)
    assert service.requests() == 410
    before = dict(service.stored)
    assert send(log, options=("--again",)) == 0
    assert service.stored == before


def test_a_part_that_was_sent_ends_where_it_ended_even_if_memory_would_end_it_sooner(
    service: Service, send: Send, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.write_text("".join(entries(minute, minute + 1, account=f"a{minute}") for minute in range(400)))
    send(log)
    monkeypatch.setattr(reading, "LARGEST", 50)
    monkeypatch.setattr(reading, "_EVERY", 16)
    grow(log, entries(400, 410))
    send(log)
    assert service.requests() == 410


def test_the_journal_holds_nothing_that_anybody_could_read_out_of_it(send: Send, log: Path, state: Path) -> None:
    send(log)
    file = state / "accounts-enforcement" / "detector.sqlite3"
    held = file.read_bytes()
    assert not [word for word in ("acme", "219.133", KEY, "/v1/chat", "access.log") if word.encode() in held]
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"this is no database, but long enough to be one" * 100, None])
def test_a_journal_that_cannot_be_used_is_refused_with_a_sentence(
    send: Send, log: Path, tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = tmp_path / "journal"
    journal.mkdir() if content is None else journal.write_bytes(content)
    assert send(log, options=("--journal", str(journal))) == 2
    assert f"The journal {journal} cannot be used" in capsys.readouterr().err
