"""The same work in several processes at once, as the workers of a service do it."""

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.synchronize import Barrier
from types import TracebackType
from typing import Any

from django.db import connection

Task = Callable[[datetime, int, int], object]
_PATIENCE = 600  # seconds until a run that hangs is given up


class Hands:
    """Processes that are kept, so that no run pays for their start. They are spawned: a fork would share connections.

    The module of a task calls `django.setup()` itself.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        spawn = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(count, spawn, initializer=_meet_at, initargs=[spawn.Barrier(count)])

    def __enter__(self) -> "Hands":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._pool.shutdown()

    def work(self, task: Task, now: datetime) -> "Worked":
        """Call `task(now, hand, hands)` in each process."""
        calls = [self._pool.submit(_together, task, now, hand, self.count) for hand in range(self.count)]
        done = [call.result(timeout=_PATIENCE) for call in calls]
        seconds = max(ended for _, ended, _ in done) - min(began for began, _, _ in done)
        return Worked(seconds, [answer for _, _, answer in done])


@dataclass(frozen=True)
class Worked:
    """The seconds until the last process was through, and what the task answered in each."""

    seconds: float
    answers: list[Any]


_meeting: list[Barrier] = []  # of this process


def _meet_at(barrier: Barrier) -> None:
    _meeting.append(barrier)


def _together(task: Task, now: datetime, hand: int, hands: int) -> tuple[float, float, Any]:
    """The moments of beginning and end, on the clock that all processes of a machine share, and the answer."""
    connection.ensure_connection()
    _meeting[0].wait(_PATIENCE)
    began = time.monotonic()
    answer = task(now, hand, hands)
    return began, time.monotonic(), answer
