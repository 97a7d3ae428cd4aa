"""Counts that the processes of a machine keep together in files; where these cannot be written, each keeps its own.

Counting must not harm what is counted, and a full disk could: who writes to a hole of a mapped file when the disk has
no block left for it is killed (SIGBUS). So files have no holes.
"""

import os
import time
from pathlib import Path
from threading import Lock

import structlog
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from enforcement.metrics.slots import Slots

PATIENCE = 10.0  # seconds until a directory that failed is tried again
_NEW = 1 << 16  # bytes of a file
_AROUND = 28  # bytes that an entry takes besides its key, at most
log = structlog.get_logger(__name__)


class _File(MmapedDict):
    """One without holes. Raises OSError where there is no space for what is new."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            unfinished = path.with_suffix(".new")
            _fill(unfinished, _NEW)
            unfinished.rename(path)  # readers never see a file without a head
        super().__init__(str(path))

    def _init_value(self, key: str) -> None:
        if self._used + len(key.encode()) + _AROUND > self._capacity:
            _fill(Path(self._fname), 2 * self._capacity)  # as far as it would be stretched, with a hole
        super()._init_value(key)


def _fill(path: Path, size: int) -> None:
    with path.open("ab", buffering=0) as file:
        while (missing := size - file.tell()) > 0:
            file.write(bytes(missing))


class Shared:
    """The files of a directory as this process uses them: one a type of metric, in its slot."""

    def __init__(self, directory: str) -> None:
        self._directory, self._slots, self._lock = Path(directory), Slots(directory), Lock()
        self._process = 0
        self._files: dict[str, _File] = {}
        self._waiting: dict[tuple[str, str], float] = {}  # by type and key: what no file has yet
        self._try_at = 0.0  # not before, what waits

    def add(self, kind: str, key: str, amount: float) -> None:
        """Never raises: what cannot be written waits, and goes along the next time."""
        with self._lock:
            self._follow_fork()
            together = self._waiting.get((kind, key), 0.0) + amount
            may_try = (kind, key) not in self._waiting or time.monotonic() >= self._try_at
            if may_try and self._write(kind, key, together):
                self._waiting.pop((kind, key), None)
            else:
                self._waiting[kind, key] = together

    def get(self, kind: str, key: str) -> float:
        """What this slot has counted; where it could not be written, what waits."""
        self.add(kind, key, 0.0)
        with self._lock:
            waiting = self._waiting.get((kind, key))
            return waiting if waiting is not None else float(self._files[kind].read_value(key)[0])

    def is_complete(self) -> bool:
        """Whether others can read all that this process counted; tries again what waits."""
        for kind, key in list(self._waiting):
            self.add(kind, key, 0.0)
        return not self._waiting

    def _write(self, kind: str, key: str, amount: float) -> bool:
        try:
            file = self._file(kind)
            file.write_value(key, file.read_value(key)[0] + amount, 0.0)
        except OSError as failure:
            if not self._waiting:
                log.warning("metrics.not_shared", reason=str(failure))
            self._try_at = time.monotonic() + PATIENCE
            return False
        return True

    def _file(self, kind: str) -> _File:
        if kind not in self._files:
            self._files[kind] = _File(self._directory / f"{kind}_{self._slots.mine()}.db")
        return self._files[kind]

    def _follow_fork(self) -> None:
        """A child has a slot of its own, and its parent's counts are its parent's."""
        if self._process != os.getpid():
            self._process, self._files, self._waiting, self._try_at = os.getpid(), {}, {}, 0.0


class Value:
    """A number of a metric, as `prometheus_client` wants it."""

    def __init__(
        self, shared: Shared, kind: str, metric: str, name: str, labels: list[str], values: list[str], help_text: str
    ) -> None:
        self._shared, self._kind, self._key = shared, kind, mmap_key(metric, name, labels, values, help_text)
        self.inc(0.0)  # told from the beginning: a count that begins at one never rose

    def inc(self, amount: float) -> None:
        self._shared.add(self._kind, self._key, amount)

    def get(self) -> float:
        return self._shared.get(self._kind, self._key)

    def get_exemplar(self) -> None:
        """None are kept."""
