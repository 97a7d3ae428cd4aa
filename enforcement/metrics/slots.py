"""Numbers for processes that count together, used again when a process has ended.

Workers are replaced after a thousand tasks. Named by process id, each would leave its counts in files of its own for
ever, and process ids of different containers are the same ones; a slot's next holder goes on with its counts.
"""

import fcntl
import os
from itertools import count
from pathlib import Path


class Slots:
    """Slots of one directory. A slot is held by a lock that ends with its process, however that ends."""

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)
        self._process, self._number, self._lock = 0, 0, -1

    def mine(self) -> int:
        """The slot of this process: taken at the first question, and anew after a fork."""
        if self._process != os.getpid():
            self._take()
        return self._number

    def _take(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        for number in count():
            lock = os.open(self._directory / f"slot-{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                # A record lock: a fork does not inherit it, unlike those of flock.
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                os.close(lock)
                continue
            self._process, self._number, self._lock = os.getpid(), number, lock
            return
