"""Several processes as one: started together, watched, and stopped together."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_GRACE = 30.0
_LOOK = 0.1


class ProcessDied(Exception):
    """One of the processes ended by itself; the sentence has its name and last words."""


@dataclass
class Process:
    """A named command of a family; its output goes to a log of its own."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C reaches the supervisor alone, which then stops the family in order.
            self.running = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    def signal(self, number: signal.Signals) -> None:
        """To the process and all its children."""
        if self.running and self.running.poll() is None:
            os.killpg(self.running.pid, number)

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-15:])


class Family:
    """Processes that live and end together. A context manager: leaving it stops them all."""

    def __init__(self, logs: Path, environment: Mapping[str, str] | None = None) -> None:
        self.logs, self.environment = logs, dict(environment or {})
        self.members: dict[str, Process] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, *command: str, **environment: str) -> Process:
        """Start a member."""
        log = self.logs / f"{name}.log"
        log.unlink(missing_ok=True)
        member = Process(name, command, log, self.environment | environment)
        member.start()
        self.members[name] = member
        return member

    def check(self) -> None:
        for member in self.members.values():
            if member.running and (status := member.running.poll()) is not None:
                raise ProcessDied(f"{member.name} ended with status {status}:\n{member.last_words()}")

    def wait_until(self, ready: Callable[[], bool], what: str, patience: float = 60.0) -> None:
        """Wait for a condition while all members live."""
        ends = time.monotonic() + patience
        while not ready():
            self.check()
            if time.monotonic() > ends:
                raise TimeoutError(f"Waited {patience:.0f} s in vain until {what}.")
            time.sleep(_LOOK)

    def watch(self) -> None:
        """Stay until a member dies or somebody interrupts."""
        while True:
            self.check()
            time.sleep(_LOOK)

    def stop(self) -> None:
        """TERM to all, the last started first; KILL to whoever stays."""
        for member in reversed(self.members.values()):
            member.signal(signal.SIGTERM)
        ends = time.monotonic() + _GRACE
        for member in self.members.values():
            if member.running:
                try:
                    member.running.wait(max(0.0, ends - time.monotonic()))
                except subprocess.TimeoutExpired:
                    member.signal(signal.SIGKILL)
                    member.running.wait()

    def __enter__(self) -> "Family":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
