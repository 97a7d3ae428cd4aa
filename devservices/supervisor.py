"""Several processes as one: started together, watched, and stopped together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

_GRACE = 30.0
_LOOK = 0.1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


class ProcessDied(Exception):
    """One of the processes ended by itself; the sentence has its name and last words."""


@dataclass
class Process:
    """A named command; its output goes to a log of its own."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    revived: bool = False  # started again when it ends by itself, as containers are
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, also again after `kill`."""
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C reaches the supervisor alone, which then stops the family in order.
            self.running = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    @property
    def status(self) -> int | None:
        """The exit status, or None while it runs."""
        return self.running.poll() if self.running else None

    def terminate(self) -> None:
        """Ask it alone: workers end their children themselves, after the task in hand."""
        if self.running and self.status is None:
            self.running.terminate()

    def wait(self, seconds: float) -> None:
        if self.running:
            with suppress(subprocess.TimeoutExpired):
                self.running.wait(seconds)

    def kill(self) -> None:
        """With all its children, also those that a dead parent left behind."""
        if self.running:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.running.pid, signal.SIGKILL)
            self.running.wait()

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


class Family:
    """Processes that live and end together. A context manager: leaving it stops them all."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        """`environment` is all that members see."""
        self.logs, self.environment = logs, dict(environment)
        self.members: dict[str, Process] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, *command: str, revived: bool = False) -> Process:
        """Start a member."""
        log = self.logs / f"{name}.log"
        log.write_bytes(b"")
        self.members[name] = Process(name, command, log, dict(self.environment), revived)
        self.members[name].start()
        return self.members[name]

    def check(self) -> None:
        """Raise ProcessDied if a member has ended that nobody revives; start those again that somebody does."""
        for member in self.members.values():
            if member.status is not None and member.revived:
                member.start()
            elif member.status is not None:
                raise ProcessDied(f"{member.name} ended with status {member.status}:\n{member.last_words()}")

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
        """TERM to all, the last started first; KILL to whoever stays, and to all at a second Ctrl-C."""
        try:
            for member in reversed(self.members.values()):
                member.terminate()
            ends = time.monotonic() + _GRACE
            for member in self.members.values():
                member.wait(max(0.0, ends - time.monotonic()))
        finally:
            for member in self.members.values():
                member.kill()

    def __enter__(self) -> "Family":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, SIGTERM and a closed terminal end us as Ctrl-C does: with a KeyboardInterrupt.

    SIGINT too: a shell that starts us in the background has it ignored.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, _interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end_with_parent() -> None:
    """Runs in the child: no orphan keeps a port or rings twice after a kill -9 of the supervisor."""
    if _LIBC:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
