"""The life of a case as one table: an arrow a line, what it brings about beside it. The table draws itself."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OPEN = "open"
    WARNED = "warned"
    RESTRICTED = "restricted"
    SUSPENDED = "suspended"
    BLOCKED = "blocked"
    CLOSED = "closed"


class Step(StrEnum):
    WARN = "warn"
    RESTRICT = "restrict"
    SUSPEND = "suspend"
    BLOCK = "block"
    RESTRICT_NOW = "restrict_now"
    DISMISS = "dismiss"
    CURE = "cure"
    REINSTATE = "reinstate"
    WITHDRAW = "withdraw"
    FREE = "free"
    NARROW = "narrow"
    WIDEN = "widen"


class Effect(StrEnum):
    """What is written in the same transaction as the new state."""

    SEND_MEMO = "send_memo"
    AWAIT_ACCEPTANCE = "await_acceptance"  # the next deadline runs from the acceptance of this step's memo
    CLEAR_DEADLINE = "clear_deadline"
    RESTRICT = "restrict"
    LIFT = "lift"


class Scope(StrEnum):
    """What a restriction refuses."""

    TERRITORY_TRAFFIC = "territory_traffic"
    CREDENTIAL = "credential"
    ACCOUNT = "account"


class Ending(StrEnum):
    """The outcome of a closed case."""

    DISMISSED = "dismissed"
    CURED = "cured"
    REINSTATED = "reinstated"
    WITHDRAWN = "withdrawn"
    FREED = "freed"


class StepRefused(Exception):
    """The table has no such arrow."""

    def __init__(self, source: State, step: Step) -> None:
        super().__init__(f"A case that is {source} cannot take the step {step}.")
        self.source, self.step = source, step


@dataclass(frozen=True, slots=True)
class Transition:
    source: State
    step: Step
    target: State
    effects: tuple[Effect, ...]
    people: int  # who must agree when a person proposes it, the proposer included
    counsel: bool = False  # one of them must be counsel


_WARNING = (Effect.SEND_MEMO, Effect.AWAIT_ACCEPTANCE)
_WORSE = (Effect.SEND_MEMO, Effect.AWAIT_ACCEPTANCE, Effect.RESTRICT)
_LAST = (Effect.SEND_MEMO, Effect.CLEAR_DEADLINE, Effect.RESTRICT)
_BETTER = (Effect.SEND_MEMO, Effect.CLEAR_DEADLINE, Effect.LIFT)
_SILENT = (Effect.CLEAR_DEADLINE,)

_S, _T = State, Step

TRANSITIONS = (
    Transition(_S.OPEN, _T.WARN, _S.WARNED, _WARNING, people=1),
    Transition(_S.WARNED, _T.RESTRICT, _S.RESTRICTED, _WORSE, people=2),
    Transition(_S.WARNED, _T.SUSPEND, _S.SUSPENDED, _WORSE, people=2),
    Transition(_S.WARNED, _T.BLOCK, _S.BLOCKED, _LAST, people=2),
    Transition(_S.RESTRICTED, _T.SUSPEND, _S.SUSPENDED, _WORSE, people=2),
    Transition(_S.SUSPENDED, _T.BLOCK, _S.BLOCKED, _LAST, people=2),
    # We are late with an answer: until it is given, less is refused. The state stays, and what was announced with it.
    *(
        Transition(source, step, source, (Effect.RESTRICT,), people)
        for source in (_S.SUSPENDED, _S.BLOCKED)
        for step, people in ((_T.NARROW, 0), (_T.WIDEN, 1))
    ),
    # The lawful path without notice: on the record, with a legal basis.
    Transition(_S.OPEN, _T.RESTRICT_NOW, _S.RESTRICTED, _WORSE, people=2, counsel=True),
    Transition(_S.WARNED, _T.RESTRICT_NOW, _S.RESTRICTED, _WORSE, people=2, counsel=True),
    # Nothing was said about an open case, so nothing is said when it closes.
    *(Transition(_S.OPEN, step, _S.CLOSED, _SILENT, people=1) for step in (_T.DISMISS, _T.CURE, _T.WITHDRAW, _T.FREE)),
    *(
        Transition(source, step, _S.CLOSED, _BETTER, people=1)
        for source in (_S.WARNED, _S.RESTRICTED, _S.SUSPENDED, _S.BLOCKED)
        for step in (_T.DISMISS, _T.CURE, _T.REINSTATE, _T.WITHDRAW, _T.FREE)
    ),
)

ENDING_OF = {
    Step.DISMISS: Ending.DISMISSED,
    Step.CURE: Ending.CURED,
    Step.REINSTATE: Ending.REINSTATED,
    Step.WITHDRAW: Ending.WITHDRAWN,
    Step.FREE: Ending.FREED,
}
# From here on an account can do less than before; a brake, a stop or a missing acceptance forbids these.
WORSENING = frozenset({Step.RESTRICT, Step.SUSPEND, Step.BLOCK, Step.RESTRICT_NOW})

# Those that a notice must have run for; `restrict_now` is the only way past it.
NEEDS_NOTICE = WORSENING - {Step.RESTRICT_NOW}

_BY_STEP = {(each.source, each.step): each for each in TRANSITIONS}


def find_transition(source: State, step: Step) -> Transition:
    """The one arrow from `source` by `step`; raises StepRefused where the table has none."""
    try:
        return _BY_STEP[source, step]
    except KeyError:
        raise StepRefused(source, step) from None


def steps_from(source: State) -> tuple[Step, ...]:
    """The steps that a case in this state can take, in the table's order."""
    return tuple(each.step for each in TRANSITIONS if each.source is source)


def standing_of(state: State, *, narrowed: bool) -> State:
    """The state whose restrictions an account feels: a narrowed suspension or block is felt as a restriction."""
    return State.RESTRICTED if narrowed else state


def as_mermaid() -> str:
    """The table as a Mermaid state diagram; docs/states.md holds it and a test compares."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for each in TRANSITIONS:
        arrows.setdefault((each.source, each.target), []).append(each.step)
    rows = (f"    {source} --> {target}: {', '.join(steps)}" for (source, target), steps in arrows.items())
    return "\n".join(("stateDiagram-v2", "    [*] --> open", *rows, "    closed --> [*]"))
