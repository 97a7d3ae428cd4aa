"""One unit of work after another until nothing is due; a poison row steps aside and is counted."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from enforcement import metrics
from enforcement.services.locks import lock_accounts
from faultpoints import port

BACKOFF = timedelta(minutes=1)  # how long an account that failed waits before it is tried again
BATCH = 60  # the rules run under the locks, and nobody should wait a tenth of a second for them
MOST_LOST = 5  # connections in a row, after which nobody answers any more
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Done:
    """What a run did: accounts worked on, accounts that failed, and whether it stopped before it was through."""

    done: int = 0
    failed: int = 0
    more: bool = False

    def as_dict(self) -> dict[str, int | bool]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of work on accounts.

    `claim` locks up to n accounts that have something due, skipping those that others hold, and answers with their
    ids. `decide` looks at them again and writes everything that follows; afterwards none of them is due.
    `step_aside` makes one that failed wait, so that the others go on.
    """

    name: str
    claim: Callable[[int], list[int]]
    decide: Callable[[list[int]], None]
    step_aside: Callable[[int], None]


def work_off(work: Work, *, time_box: float | None = None) -> Done:
    """Work until nothing is due, or until `time_box` seconds have passed."""
    done = Done()
    ends = None if time_box is None else time.monotonic() + time_box
    while _one_batch(work, done):
        if ends is not None and time.monotonic() > ends:
            done.more = True
            break
    return done


def _one_batch(work: Work, done: Done) -> bool:
    claimed: list[int] = []
    try:
        with port(f"{work.name}.commit", OperationalError), transaction.atomic():
            claimed = work.claim(BATCH)
            if claimed:
                work.decide(claimed)
    except Exception:
        if not claimed:
            raise
        log.warning("batch.failed", work=work.name, accounts=len(claimed), exc_info=True)
        _singly(work, claimed, done)
    else:
        done.done += len(claimed)
    return bool(claimed)


def _singly(work: Work, accounts: list[int], done: Done) -> None:
    """The same, one at a time: what is wrong with one account must not keep the others waiting.

    Whoever ended our connection meant no account: those stay due as they were.
    """
    lost = 0
    for account in accounts:
        try:
            with transaction.atomic():
                if lock_accounts([account], wait=False):
                    work.decide([account])
                    done.done += 1
            lost = 0
        except Exception as error:
            if _is_lost(error):
                lost += 1
                connection.close()
                if lost > MOST_LOST:
                    raise
            else:
                _set_aside(work, account, done)


def _is_lost(error: Exception) -> bool:
    state = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error, OperationalError | InterfaceError) and (state is None or state.startswith(("08", "57P")))


def _set_aside(work: Work, account: int, done: Done) -> None:
    log.exception("account.failed", work=work.name, account=account)
    done.failed += 1
    metrics.SET_ASIDE.labels(work.name).inc()
    with transaction.atomic():
        work.step_aside(account)
