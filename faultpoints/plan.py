"""What is to go wrong, where, and the how many-eth time."""

import os
import random
import re
import signal
import threading
import time
from dataclasses import dataclass, field

LONGEST_SLEEP = 60.0  # seconds
EVERYWHERE = "*"
_FAULT = re.compile(
    r"(?:(?P<label>\*|[a-z_]+(?:\.[a-z_]+)*)=)?"
    r"(?P<action>kill|stop|raise|exec_then_raise|count|sleep=(?P<seconds>\d+(?:\.\d+)?))"
    r"(?:@(?P<nth>[1-9]\d*))?(?:%(?P<percent>\d{1,3}))?"
)


class FaultInjected(Exception):
    """Raised on purpose, where a port names nothing else."""


class UnreadableFaults(ValueError):
    """FAULTS cannot be followed; the sentence says which part of it."""


@dataclass(slots=True)
class _Fault:
    label: str
    action: str
    seconds: float
    nth: int | None
    percent: int | None
    reached: int = 0

    def is_meant(self, label: str, ports_end: bool) -> bool:
        return self.label in (EVERYWHERE, label) and (self.action == "exec_then_raise") == ports_end


@dataclass(slots=True)
class Plan:
    """The faults of this process. Each counts for itself how often a place that it is meant for was reached."""

    written: str
    record: str = ""
    seed: int = 0
    _faults: list[_Fault] = field(init=False)
    _dice: random.Random = field(init=False)
    _counting: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._faults = [_read(each.strip()) for each in self.written.split(",")]
        self._dice = random.Random(self.seed)  # noqa: S311 (the same faults again for the same seed)

    def reach(self, label: str, error: type[Exception]) -> None:
        """Before something, or between two things."""
        self._strike(label, error, ports_end=False)

    def leave(self, label: str, error: type[Exception]) -> None:
        """After a port has done its work."""
        self._strike(label, error, ports_end=True)

    def _strike(self, label: str, error: type[Exception], *, ports_end: bool) -> None:
        for fault in self._faults:
            if fault.is_meant(label, ports_end) and (reached := self._falls(fault)):
                self._write_down(f"{os.getpid()} {fault.action} {label} {reached}\n")
                _act(fault, label, error)

    def _falls(self, fault: _Fault) -> int:
        """The how many-eth time it is, or 0 where nothing is to happen."""
        with self._counting:
            fault.reached += 1
            spared = fault.percent is not None and self._dice.random() * 100 >= fault.percent
            return fault.reached if fault.nth in (None, fault.reached) and not spared else 0

    def _write_down(self, line: str) -> None:
        """In one write, and before it happens: a process that kills itself says so first."""
        if self.record:
            file = os.open(self.record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.write(file, line.encode())
            os.close(file)


def _read(written: str) -> _Fault:
    found = _FAULT.fullmatch(written)
    if found is None:
        raise UnreadableFaults(f"FAULTS: {written!r} is not [LABEL=]ACTION[@N][%P].")
    seconds, nth, percent = (found[name] for name in ("seconds", "nth", "percent"))
    if float(seconds or 0) > LONGEST_SLEEP:
        raise UnreadableFaults(f"FAULTS: {written!r} sleeps longer than {LONGEST_SLEEP:.0f} seconds.")
    if int(percent or 0) > 100:
        raise UnreadableFaults(f"FAULTS: {written!r} is more than 100 in 100.")
    action = found["action"].partition("=")[0]
    return _Fault(
        label=found["label"] or EVERYWHERE,
        action=action,
        seconds=float(seconds or 0),
        nth=int(nth) if nth else None,
        percent=int(percent) if percent else None,
    )


def _act(fault: _Fault, label: str, error: type[Exception]) -> None:
    match fault.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "sleep":
            time.sleep(fault.seconds)
        case "raise" | "exec_then_raise":
            raise error(f"A fault was injected at {label}.")
