"""What was sent or written: where each day of a log was cut, so that a log that has grown is taken up where it was
left, and a run that was killed is repeated under the same ids.

No line, address, account or key is in it: digests, counts and times only.
"""

import fcntl
import os
import sqlite3
from collections.abc import Container, Iterable, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import IO, Any, NamedTuple

from enforcement.detector.logs import Stamp

_VERSION = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS cut (
    series TEXT, day TEXT, lines INTEGER, digest TEXT, PRIMARY KEY (series, day, lines, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answered (
    url TEXT, key TEXT, series TEXT, day TEXT, lines INTEGER, digest TEXT,
    PRIMARY KEY (url, series, day, lines, digest, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS file (
    url TEXT, key TEXT, series TEXT, device INTEGER, inode INTEGER, size INTEGER, modified INTEGER,
    PRIMARY KEY (url, key, series, device, inode)) WITHOUT ROWID;
"""


class JournalRefused(Exception):
    """The journal cannot be used; the sentence names it."""


class Cut(NamedTuple):
    """A day of a log as far as it went: so many lines, with this digest over all of them."""

    day: date
    lines: int
    digest: str


class Target(NamedTuple):
    """Whom evidence is sent to: digests of the service's address and of the key."""

    url: str
    key: str


A_FILE = Target("", "")  # which nobody answers for


class Journal:
    """Of one series (what decides what is counted) and one target. Cuts are the series' own: a second target is sent
    the same parts under the same ids.

    One run uses it at a time; a second one waits. Raises JournalRefused.
    """

    def __init__(self, path: Path, series: str, target: Target) -> None:
        self.path, self._series, self._target = path, series, target
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock: IO[bytes] = path.with_name(f"{path.name}.lock").open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._rows = sqlite3.connect(path, isolation_level=None)
            self._prepare()
        except (OSError, sqlite3.Error) as refused:
            raise JournalRefused(f"The journal {path} cannot be used: {refused}. --journal names another.") from None
        self._known: dict[date, dict[int, set[str]]] = {}

    def _prepare(self) -> None:
        (found,) = self._rows.execute("PRAGMA user_version").fetchone()
        if found > _VERSION:
            raise OSError("a newer version made it")
        self._rows.executescript(f"{_TABLES} PRAGMA user_version = {_VERSION};")

    def close(self) -> None:
        self._rows.close()
        self._lock.close()

    # -- where days were cut -----------------------------------------------------------------------------------------

    def is_cut(self, cut: Cut) -> bool:
        return cut.digest in self._cuts(cut.day).get(cut.lines, ())

    def ends(self, day: date) -> Container[int]:
        """After how many lines a part of the day has ended in any log: only there a digest is worth its price. What
        is cut later is in it too.
        """
        return self._cuts(day)

    def goes_on(self, day: date, lines: int) -> bool:
        """Whether a part of the day ended later."""
        return any(known > lines for known in self._cuts(day))

    def _cuts(self, day: date) -> dict[int, set[str]]:
        found = self._known.get(day)
        if found is None:
            found = self._known[day] = {}
            query = "SELECT lines, digest FROM cut WHERE series = ? AND day = ?"
            for lines, digest in self._ask(query, self._series, day.isoformat()):
                found.setdefault(lines, set()).add(digest)
        return found

    def cut(self, cuts: Iterable[Cut]) -> None:
        """Before anything of them is sent: whoever comes after a crash must cut at the same lines."""
        rows = list(cuts)
        for each in rows:
            self._cuts(each.day).setdefault(each.lines, set()).add(each.digest)
        self._write("INSERT OR IGNORE INTO cut VALUES (?, ?, ?, ?)", [(self._series, *_row(each)) for each in rows])

    # -- what was answered -------------------------------------------------------------------------------------------

    def is_answered(self, cut: Cut) -> bool:
        return self._target.key in self._answered(cut)

    def is_answered_to_another_key(self, cut: Cut) -> bool:
        return bool(self._answered(cut) - {self._target.key})

    def _answered(self, cut: Cut) -> set[str]:
        query = "SELECT key FROM answered WHERE (url, series, day, lines, digest) = (?, ?, ?, ?, ?)"
        return {key for (key,) in self._ask(query, self._target.url, self._series, *_row(cut))}

    def answer(self, cuts: Iterable[Cut]) -> None:
        rows = [(*self._target, self._series, *_row(each)) for each in cuts]
        self._write("INSERT OR IGNORE INTO answered VALUES (?, ?, ?, ?, ?, ?)", rows)

    def adopt(self) -> None:
        """What another key of this service was answered, ours was: they are of one detector."""
        taken = "SELECT url, ?, series, day, lines, digest FROM answered WHERE url = ? AND series = ?"
        self._write(f"INSERT OR IGNORE INTO answered {taken}", [(self._target.key, self._target.url, self._series)])

    def forget_answers(self) -> None:
        """The service lost what it had; the cuts stay, and so do the ids."""
        target = [(self._target.url, self._series)]
        self._write("DELETE FROM answered WHERE url = ? AND series = ?", target)
        self._write("DELETE FROM file WHERE url = ? AND series = ?", target)

    def is_finished(self, stamp: Stamp) -> bool:
        """Whether all of the file, as it is now, was answered."""
        query = "SELECT 1 FROM file WHERE (url, key, series, device, inode, size, modified) = (?, ?, ?, ?, ?, ?, ?)"
        return bool(self._ask(query, *self._target, self._series, *stamp))

    def finish(self, stamps: Iterable[Stamp]) -> None:
        rows = [(*self._target, self._series, *stamp) for stamp in stamps]
        self._write("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def _ask(self, query: str, *values: object) -> list[Any]:
        try:
            return self._rows.execute(query, values).fetchall()
        except sqlite3.Error as refused:
            raise JournalRefused(f"The journal {self.path} cannot be read: {refused}.") from None

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        try:
            with closing(self._rows.cursor()) as cursor:
                cursor.execute("BEGIN IMMEDIATE")
                cursor.executemany(statement, rows)
                cursor.execute("COMMIT")
        except sqlite3.Error as refused:
            raise JournalRefused(f"The journal {self.path} cannot be written: {refused}.") from None


def _row(cut: Cut) -> tuple[str, int, str]:
    return cut.day.isoformat(), cut.lines, cut.digest
