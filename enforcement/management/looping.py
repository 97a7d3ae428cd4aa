"""`assess`, `sweep`, `deliver`: the same work as Celery's tasks, without any broker."""

import signal
import threading
from types import FrameType
from typing import Any

import structlog
from django.core.management.base import CommandParser
from django.db import InterfaceError, OperationalError, connection

from enforcement.management.base import Command

PAUSE = 1.0  # seconds between two looks of a loop
log = structlog.get_logger(__name__)


class LoopingCommand(Command):
    """Works until nothing is due; with --loop, looks again every second until it is told to stop."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loop", action="store_true", help="look again every second until SIGTERM or Ctrl-C")

    def work(self) -> dict[str, Any]:
        raise NotImplementedError

    def handle(self, *, loop: bool, **_: Any) -> None:
        if loop:
            self._loop()
        else:
            self.say(self.work())

    def _loop(self) -> None:
        stopping = threading.Event()

        def stop(_: int, __: FrameType | None) -> None:
            stopping.set()

        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, stop)
        while not stopping.wait(PAUSE):
            try:
                done = self.work()
            except (OperationalError, InterfaceError):
                log.warning("database.away", exc_info=True)
                connection.close()  # one that died outside a transaction would be asked again for ever
                continue
            if any(_counts(done)):
                self.say(done)


def _counts(done: object) -> list[int]:
    if isinstance(done, dict):
        return [count for value in done.values() for count in _counts(value)]
    return [int(done)] if isinstance(done, int) else []
