"""What an account can do in each state: one table, for everybody who tells it or acts on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from enforcement.rules.transitions import State


class Requests(StrEnum):
    ANSWERED = "answered"
    NARROWED = "narrowed"  # refused from unsupported territories, or on the named keys
    REFUSED = "refused"


class Jobs(StrEnum):
    """What becomes of jobs that were accepted before."""

    RUN = "run"
    FINISH = "finish"  # within `FINISH_WITHIN`
    ENDED = "ended"


class Credit(StrEnum):
    """What becomes of credit that was paid."""

    USABLE = "usable"
    FROZEN = "frozen"
    REFUNDABLE = "refundable"


FINISH_WITHIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """`results` is how long results of earlier jobs can be read; `self_service` how long log-in, key deletion,
    invoices, export and appeal work before they have to be asked for. None: without end.
    """

    requests: Requests
    jobs: Jobs
    results: timedelta | None
    self_service: timedelta | None
    top_up: bool
    credit: Credit


_MONTH = timedelta(days=30)
_ALL = Capabilities(Requests.ANSWERED, Jobs.RUN, None, None, True, Credit.USABLE)

CAPABILITIES: Mapping[State, Capabilities] = MappingProxyType(
    {
        State.OPEN: _ALL,
        State.WARNED: _ALL,
        State.RESTRICTED: Capabilities(Requests.NARROWED, Jobs.RUN, None, None, True, Credit.USABLE),
        State.SUSPENDED: Capabilities(Requests.REFUSED, Jobs.FINISH, _MONTH, None, False, Credit.FROZEN),
        State.BLOCKED: Capabilities(Requests.REFUSED, Jobs.ENDED, _MONTH, _MONTH, False, Credit.REFUNDABLE),
        State.CLOSED: _ALL,
    }
)
