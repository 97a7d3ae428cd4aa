"""Places at which a test makes a process die, stand still, wait or fail. Unless armed, they do nothing.

`faultpoint("decide.locked")` is a place. A port, `with port("memo.smtp"):` or as a decorator, is a place before what it
holds, and one after it: done, and nobody hears of it. The settings arm them from FAULTS, and only with the test clock.
"""

from contextlib import ContextDecorator
from types import TracebackType

from faultpoints.plan import FaultInjected, Plan, UnreadableFaults

__all__ = ["FaultInjected", "UnreadableFaults", "arm", "disarm", "faultpoint", "port"]

_plan: Plan | None = None


def arm(faults: str, *, record: str = "", seed: int = 0) -> None:
    """From now on this process follows `faults`; what fires is appended to the file `record`.

    `[LABEL=]ACTION[@N][%P]`, several with commas. Without a label it is meant for every place. Actions: `kill` and
    `stop` (SIGKILL and SIGSTOP, to this process), `raise`, `sleep=SECONDS`, `exec_then_raise` (after a port has done
    its work), `count` (only write down what is reached). `@N`: the N-th time only; `%P`: in P of a hundred, drawn by
    `seed`.

    Raises UnreadableFaults.
    """
    global _plan
    _plan = Plan(faults, record, seed)


def disarm() -> None:
    global _plan
    _plan = None


def faultpoint(label: str) -> None:
    """A place in the code, named by noun and moment."""
    if _plan is not None:
        _plan.reach(label, FaultInjected)


class port(ContextDecorator):
    """What leaves the process: a commit, mail. `error` is what its caller would meet if the answer were lost."""

    def __init__(self, label: str, error: type[Exception] = FaultInjected) -> None:
        self.label, self.error = label, error

    def __enter__(self) -> None:
        if _plan is not None:
            _plan.reach(self.label, self.error)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if _plan is not None and kind is None:
            _plan.leave(self.label, self.error)
