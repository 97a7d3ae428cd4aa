"""Logs that hold the same lines: copies, and those that begin inside another, as `tail` and backups make them."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from enforcement.detector.lines import Malformed, Read
from enforcement.detector.logs import first_line, length, stamp_of

_TRAILS = 32  # one for each time that the line stands there again: equal requests of one second
_EARLIEST = datetime.min.replace(tzinfo=UTC)


def in_order(paths: Sequence[str], read: Read) -> dict[str, bytes]:
    """Logs with their first lines, older ones first, and of those that begin alike the shorter first: it may be a
    copy of how the longer one began. What can be read only once comes last and has no first line.
    """
    begins = {path: first_line(path) if stamp_of(path) else b"" for path in paths}
    alike = Counter(begins.values())

    def age(path: str) -> tuple[bool, datetime, int]:
        begin = begins[path]
        return not begin, _time(begin, read), length(path) if begin and alike[begin] > 1 else 0

    return {path: begins[path] for path in sorted(paths, key=age)}


def _time(raw: bytes, read: Read) -> datetime:
    try:
        return read(raw).at
    except Malformed:
        return _EARLIEST


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
    """What the logs of a run that were read so far end with, as far as another of them begins with it.

    Equal lines of one second may be equal requests: a log that was rotated between them has one at its end, the next
    one at its beginning. Only what spans more than a second is the same lines twice.
    """

    def __init__(self, begins: Iterable[bytes]) -> None:
        self._begins = frozenset(begins) - {b""}
        self._ends = defaultdict[bytes, dict[int, str]](dict)  # by first line: so many lines, with this digest
        self._trails: list[_Trail] = []
        self._here: _Trail | None = None

    def begin(self, first: bytes) -> None:
        """Another log is read from here, with this first line."""
        for trail in self._trails:
            if trail.first != trail.last:
                self._ends[trail.begin][trail.lines] = trail.digest()
        self._trails = []
        self._here = _Trail(first) if first in self._ends else None
        self._begins -= {first}  # what has been read cannot begin where a later one ends

    def repeats(self, raw: bytes, at: datetime | None) -> bool:
        """Whether the log's lines up to this one are what an earlier log ended with."""
        if raw in self._begins and len(self._trails) < _TRAILS:
            self._trails.append(_Trail(raw))
        for trail in self._trails:
            trail.add(raw, at)
        if self._here is None:
            return False
        self._here.add(raw, at)
        known = self._ends[self._here.begin].get(self._here.lines)
        return known is not None and known == self._here.digest()

    def may_repeat(self) -> bool:
        """Whether it may still turn out that all lines of the log so far stood in an earlier one."""
        return self._here is not None and self._here.lines < max(self._ends[self._here.begin])
