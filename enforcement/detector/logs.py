"""Logs as streams of lines: plain or compressed, files or standard input, in bounded memory whatever they hold."""

import bz2
import glob
import gzip
import io
import lzma
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

LONGEST = 64 * 1024  # bytes of a line; no gateway's default lets a longer request in
_BLOCK = 256 * 1024
_BOM = b"\xef\xbb\xbf"
_DAMAGE = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, OSError)

Unpack = Callable[[IO[bytes]], IO[bytes]]
_PACKED: dict[bytes, Unpack] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}  # type: ignore[dict-item]
_ZSTD = b"\x28\xb5\x2f\xfd"


class LogRefused(Exception):
    """A log that cannot be read at all."""


class Stamp(NamedTuple):
    """What tells that a file is as it was: nothing that `mv` changes, and everything that writing does."""

    device: int
    inode: int
    size: int
    modified: int  # nanoseconds since 1970


class Log:
    """A log that is open, to be read once."""

    def __init__(self, path: str) -> None:
        self.name = "standard input" if path == "-" else path
        self.unfinished = False  # the line given last has no end yet
        self.damage = ""  # why it was not read to its end
        self.stamp = stamp_of(path)  # before it is read: what is written meanwhile makes another one
        self._is_ours = path != "-"
        self._raw = Path(path).open("rb") if self._is_ours else sys.stdin.buffer  # noqa: SIM115
        self._stream = _unpacked(self._raw, self.name)

    def __iter__(self) -> Iterator[bytes]:
        """Lines without their ends; of one that is longer than LONGEST, at least that much and at most a block."""
        rest, first = b"", True
        for block in self._blocks():
            head, *lines = (block.removeprefix(_BOM) if first else block).split(b"\n")
            first = False
            rest = _joined(rest, head)
            if lines:
                yield rest
                rest = lines.pop()
                yield from lines
        if rest:
            self.unfinished = True
            yield rest

    def _blocks(self) -> Iterator[bytes]:
        try:
            while block := self._stream.read1(_BLOCK):  # type: ignore[attr-defined]
                yield block
        except _DAMAGE as damage:
            if self._stream is self._raw:
                raise
            self.damage = str(damage) or type(damage).__name__

    def position(self) -> int:
        """Bytes of the file that were read, packed as they are."""
        return self._raw.tell() if self.stamp else 0

    def close(self) -> None:
        if self._is_ours:
            self._raw.close()


def _joined(rest: bytes, more: bytes) -> bytes:
    return rest if len(rest) > LONGEST else (rest + more)[: LONGEST + 1] if rest else more


def stamp_of(path: str) -> Stamp | None:
    """None for what can be read only once: standard input, a pipe."""
    if path == "-" or not stat.S_ISREG((found := os.stat(path)).st_mode):
        return None
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _unpacked(raw: BinaryIO, name: str) -> IO[bytes]:
    """By what it begins with: `access.log.1` may be compressed, and `access.log.2.gz` may not."""
    assert isinstance(raw, io.BufferedReader)
    begins = raw.peek(6)[:6]
    if begins.startswith(_ZSTD):
        raise LogRefused(f"{name} is compressed by zstd, which Python cannot read: pipe it through zstd -dc.")
    return next((unpack(raw) for magic, unpack in _PACKED.items() if begins.startswith(magic)), raw)


# -- which files ---------------------------------------------------------------------------------------------------


def find(names: Sequence[str]) -> list[str]:
    """The files that are meant, each once, though patterns overlap and links lead to the same. Raises LogRefused."""
    found: dict[object, str] = {}
    for name in names:
        for path in _matches(name):
            found.setdefault(path if path == "-" else _identity(path), path)
    return list(found.values())


def _matches(name: str) -> list[str]:
    if name == "-" or os.path.exists(name):
        return [name]
    matches = sorted(glob.glob(name))
    if not matches:
        raise LogRefused(f"There is no log {name}.")
    return matches


def _identity(path: str) -> object:
    if os.path.isdir(path):
        raise LogRefused(f"{path} is a directory: name its logs, such as '{os.path.join(path, 'access.log*')}'.")
    found = os.stat(path)
    return found.st_dev, found.st_ino


def first_line(path: str) -> bytes:
    return next((line for line in _lines(path) if line.strip()), b"")


def length(path: str) -> int:
    """How many lines it has that are not blank."""
    return sum(1 for line in _lines(path) if line.strip())


def _lines(path: str) -> Iterator[bytes]:
    with closing(Log(path)) as log:
        yield from log
