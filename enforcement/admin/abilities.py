"""What an account can do in a state, in words: the one table of `rules.capabilities`, and nothing beside it."""

from collections.abc import Sequence
from datetime import timedelta

from enforcement.admin.display import duration, plain
from enforcement.models import Restriction
from enforcement.rules.capabilities import CAPABILITIES, FINISH_WITHIN, Capabilities, Credit, Jobs, Requests
from enforcement.rules.transitions import State

_CODES = {State.SUSPENDED: Restriction.Reason.SUSPENDED, State.BLOCKED: Restriction.Reason.BLOCKED}
_REQUESTS = {
    Requests.ANSWERED: "All requests are answered.",
    Requests.NARROWED: (
        "Requests from unsupported territories, or with the named keys, are refused. All else is answered."
    ),
    Requests.REFUSED: "Every request of the account is refused ({code}).",
}
_KEYS = "Requests with these keys are refused: {}. All else is answered."
_JOBS = {
    Jobs.RUN: "run",
    Jobs.FINISH: f"may finish within {duration(FINISH_WITHIN)}",
    Jobs.ENDED: "are ended",
}
_CREDIT = {
    Credit.USABLE: "can be used",
    Credit.FROZEN: "is frozen",
    Credit.REFUNDABLE: "can be paid back",
}


def requests_in(state: State, keys: Sequence[str] = ()) -> str:
    """What the gateway does in this state; `keys` are those that a restriction names, where that is settled."""
    requests = CAPABILITIES[state].requests
    if requests is Requests.NARROWED and keys:
        return _KEYS.format(", ".join(map(plain, keys)))
    return _REQUESTS[requests].format(code=_CODES.get(state, ""))


def others_in(state: State) -> list[tuple[str, str]]:
    """What else the account can do: each with its name."""
    able: Capabilities = CAPABILITIES[state]
    return [
        ("Jobs accepted before", _JOBS[able.jobs]),
        ("Results of earlier jobs", _readable(able.results, "can be read")),
        ("Log-in, deleting keys, invoices, export, appeal", _readable(able.self_service, "work")),
        ("Automatic top-up", "stays on" if able.top_up else "is off"),
        ("Paid credit", _CREDIT[able.credit]),
    ]


def changes(source: State, target: State) -> list[str]:
    """What else becomes different, a sentence each."""
    before = dict(others_in(source))
    return [f"{name}: {words}." for name, words in others_in(target) if before[name] != words]


def _readable(length: timedelta | None, words: str) -> str:
    return words if length is None else f"{words} for {duration(length)}"
