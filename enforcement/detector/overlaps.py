"""Logs that hold the same lines: copies, and those that begin inside another, as `tail` and backups make them."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, NamedTuple

from enforcement.detector.lines import Malformed, Read
from enforcement.detector.logs import first_line, length, stamp_of

_TRAILS = 32  # one for each time that the line stands there again: equal requests of one second
_EARLIEST = datetime.min.replace(tzinfo=UTC)


class Begun(NamedTuple):
    """A log of which only the beginning was read."""

    path: str
    begin: bytes  # its first line, "" of what can be read only once
    lines: int  # 0 where no other log of the run begins with that line


def in_order(paths: Sequence[str], read: Read) -> list[Begun]:
    """Older logs first, and of those that begin alike the longer first: the others may be copies of how it began."""
    begins = {path: first_line(path) if stamp_of(path) else b"" for path in paths}
    alike = Counter(begins.values())
    logs = [Begun(path, begin, length(path) if begin and alike[begin] > 1 else 0) for path, begin in begins.items()]
    return sorted(logs, key=lambda log: (not log.begin, _time(log.begin, read), -log.lines))


def _time(raw: bytes, read: Read) -> datetime:
    try:
        return read(raw).at
    except Malformed:
        return _EARLIEST


class Repeat(Enum):
    """Where in an earlier log the lines of a log so far stand."""

    AT_A_BEGINNING = auto()
    AT_AN_END = auto()


class _Trail:
    """The lines of a log from one on, by their number and a digest."""

    def __init__(self, begin: bytes) -> None:
        self.begin = begin
        self.lines = 0
        self.first: datetime | None = None
        self.last: datetime | None = None
        self._chain: Any = hashlib.sha256()

    def add(self, raw: bytes, at: datetime | None) -> None:
        self.lines += 1
        self._chain.update(raw + b"\n")
        self.first, self.last = self.first or at, at or self.last

    def digest(self) -> str:
        return str(self._chain.copy().hexdigest())


class Overlaps:
    """What the logs of a run that were read so far have in common with how the others begin.

    Equal lines of one second may be equal requests: a log that was rotated between them has one at its end, the next
    one at its beginning. Only an end that spans more than a second is the same lines twice.
    """

    def __init__(self, logs: Iterable[Begun]) -> None:
        self._lengths = defaultdict[bytes, set[int]](set)
        for log in logs:
            # The last line of a copy that is still being made may be cut.
            self._lengths[log.begin] |= {log.lines, log.lines - 1}
        self._unread = {*self._lengths} - {b""}
        # By first line: so many lines, with this digest.
        self._known = {repeat: defaultdict[bytes, dict[int, str]](dict) for repeat in Repeat}
        self._trails: list[_Trail] = []
        self._here: _Trail | None = None

    def begin(self, log: Begun) -> None:
        """From here on another log is read."""
        for trail in self._trails:
            if trail.first != trail.last:
                self._known[Repeat.AT_AN_END][trail.begin][trail.lines] = trail.digest()
        self._trails = []
        self._here = _Trail(log.begin) if log.lines or log.begin in self._known[Repeat.AT_AN_END] else None
        self._unread -= {log.begin}  # what has been read cannot begin where a later one ends

    def repeats(self, raw: bytes, at: datetime | None) -> Repeat | None:
        """Whether the log's lines up to this one stand in an earlier one."""
        if raw in self._unread and len(self._trails) < _TRAILS:
            self._trails.append(_Trail(raw))
        for trail in self._trails:
            trail.add(raw, at)
        if self._here is None:
            return None
        self._here.add(raw, at)
        return self._find(self._here)

    def _find(self, here: _Trail) -> Repeat | None:
        for repeat, known in self._known.items():
            if here.lines in known[here.begin] and known[here.begin][here.lines] == here.digest():
                return repeat
        if here.lines in self._lengths[here.begin]:
            self._known[Repeat.AT_A_BEGINNING][here.begin].setdefault(here.lines, here.digest())
        return None

    def may_repeat(self) -> bool:
        """Whether it may still turn out that all lines of the log so far stand in an earlier one."""
        if self._here is None:
            return False
        begin, lines = self._here.begin, self._here.lines
        return any(lines < max(known[begin], default=0) for known in self._known.values())
