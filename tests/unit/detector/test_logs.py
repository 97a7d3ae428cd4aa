"""Files as streams of lines: packed or not, whole or broken, and never more of them in memory than a block."""

import bz2
import gzip
import io
import lzma
import os
import threading
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from enforcement.detector.logs import LONGEST, Log, LogRefused, find

LINES = [f"line {number}".encode() for number in range(10_000)]
TEXT = b"\n".join(LINES) + b"\n"


def lines(path: Path) -> list[bytes]:
    with closing(Log(str(path))) as log:
        return list(log)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_log_is_read_by_what_it_is_and_not_by_its_name(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    for name in ("access.log", "access.log.gz"):
        file = tmp_path / name
        file.write_bytes(pack(TEXT))
        assert lines(file) == LINES


def test_members_of_a_gzip_that_was_appended_to_are_one_log(tmp_path: Path) -> None:
    file = tmp_path / "access.log.gz"
    file.write_bytes(gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:]))
    assert lines(file) == LINES


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_what_is_there_of_a_log_that_broke_off_is_read(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    data = b"".join(b"%d %x\n" % (number, number**7) for number in range(300_000))
    packed = pack(data)
    file.write_bytes(packed[: len(packed) * 2 // 3])
    with closing(Log(str(file))) as log:
        found = list(log)
    assert log.damage
    assert found[:-1] == data.split(b"\n")[: len(found) - 1]
    assert len(found) > 100_000 or pack is bz2.compress


def test_a_damaged_log_is_read_up_to_its_damage(tmp_path: Path) -> None:
    file = tmp_path / "access.log.gz"
    file.write_bytes(gzip.compress(TEXT) + gzip.compress(b"")[:10] + b"\xff" * 40)
    with closing(Log(str(file))) as log:
        assert list(log) == LINES
    assert log.damage


def test_no_line_is_longer_in_memory_than_it_may_be(tmp_path: Path) -> None:
    file = tmp_path / "access.log.gz"
    with gzip.open(file, "wb", compresslevel=1) as packed:
        packed.write(b"first\n")
        for _ in range(100):
            packed.write(b"x" * 2**20)
        packed.write(b"\nlast\n")
    tracemalloc.start()
    with closing(Log(str(file))) as log:
        lengths = [len(line) for line in log]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lengths[0::2] == [5, 4]
    assert LONGEST < lengths[1] < 2**20
    assert most < 8 * 2**20


def test_a_mark_of_the_byte_order_belongs_to_no_line(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.write_bytes(b"\xef\xbb\xbffirst\nsecond")
    assert lines(file) == [b"first", b"second"]


def test_a_line_without_an_end_is_known(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.write_bytes(b"first\nsec")
    with closing(Log(str(file))) as log:
        assert [(line, log.unfinished) for line in log] == [(b"first", False), (b"sec", True)]


def test_standard_input_may_be_packed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Piped:
        buffer = io.BufferedReader(io.BytesIO(gzip.compress(TEXT)))  # type: ignore[arg-type]

    monkeypatch.setattr("sys.stdin", Piped)
    assert list(Log("-")) == LINES


@pytest.mark.parametrize("name", ["missing.log", "*.log", ""])
def test_what_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(LogRefused, match="There is no log"):
        find([str(tmp_path / "nowhere" / name)])


def test_a_directory_is_refused_with_what_to_write_instead(tmp_path: Path) -> None:
    with pytest.raises(LogRefused, match=r"is a directory: name its logs, such as '.*access\.log\*'"):
        find([str(tmp_path)])


def test_zstandard_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "access.log.zst"
    file.write_bytes(b"\x28\xb5\x2f\xfd and more")
    with pytest.raises(LogRefused, match="pipe it through zstd -dc"):
        Log(str(file))


def test_a_name_that_looks_like_a_pattern_is_a_name_first(tmp_path: Path) -> None:
    file = tmp_path / "access[1].log"
    file.write_text("")
    assert find([str(file)]) == [str(file)]


def test_what_can_be_read_only_once_is_read_only_once(tmp_path: Path) -> None:
    """As a shell hands over `<(zcat access.log.gz)`."""
    pipe, file = tmp_path / "pipe", tmp_path / "access.log"
    os.mkfifo(pipe)
    file.write_bytes(TEXT)
    writer = threading.Thread(target=pipe.write_bytes, args=(TEXT,), daemon=True)
    writer.start()
    assert find([str(pipe), str(file)]) == [str(pipe), str(file)]
    with closing(Log(str(pipe))) as log:
        assert log.stamp is None
        assert list(log) == LINES
        assert log.position() == 0
