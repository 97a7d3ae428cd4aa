"""What the model remembers: as few facts as decide what happens next, in values that can be counted and compared."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from enforcement.rules.transitions import Scope, State, Step

# Half past a minute: the words of a memo name the next whole minute, so the told date and the exact one differ.
EPOCH = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
TICK = timedelta(minutes=1)


class Copy(NamedTuple):
    """One message to one address. In doubt: a server took it, and we died before we could write that down."""

    address: str
    status: str = "queued"  # claimed, accepted, refused, bounced
    accepted_at: datetime | None = None
    in_doubt: bool = False


class Memo(NamedTuple):
    """The memo that announced the present state; a gag keeps it from being rendered."""

    rendered_at: datetime | None = None
    told_due_at: datetime | None = None
    copies: tuple[Copy, ...] = ()
    gagged: bool = False


class Decision(NamedTuple):
    """An applied one; the n-th of a case made its version n."""

    step: Step
    at: datetime
    names: tuple[str, ...]  # nobody's: the automation's
    told_at: datetime | None = None  # when the memo that it rests on was accepted


class Held(NamedTuple):
    step: Step
    people: int
    names: tuple[str, ...]
    by_hand: bool


class Appeal(NamedTuple):
    """An open one, against the decision that made `version`."""

    version: int
    suspensive: bool
    decide_by: datetime
    escalated: bool = False


class Case(NamedTuple):
    state: State = State.OPEN
    decisions: tuple[Decision, ...] = ()
    notice: timedelta | None = None
    accepted_at: datetime | None = None
    due_at: datetime | None = None
    remaining: timedelta | None = None
    look_at: datetime | None = None
    stops: frozenset[str] = frozenset()
    stopped_since: datetime | None = None  # of the stops that stand; and those that ended before a clock started
    last_end: datetime | None = None  # of a stop that ended behind others
    past_stops: tuple[tuple[datetime, datetime], ...] = ()
    held: Held | None = None
    refused_at: datetime | None = None  # a person declined the automation's step, having weighed what was there
    narrowed: bool = False
    memo: Memo | None = None
    appeals: tuple[Appeal, ...] = ()
    appealed: frozenset[int] = frozenset()  # versions whose one suspensive appeal was filed
    reminded: tuple[timedelta, ...] = ()
    # What the properties remember, and no rule reads:
    ran: timedelta = timedelta(0)  # how long the clock ran since a server accepted the memo
    promised: datetime | None = None  # the latest date before which the account was told nothing will happen

    @property
    def version(self) -> int:
        return len(self.decisions)


class Restriction(NamedTuple):
    scope: Scope
    version: int  # of the case, whose decision placed it


class Account(NamedTuple):
    sightings: tuple[datetime, ...] = ()  # neither retracted nor refused
    marked: bool = False
    contacts: tuple[str, ...] = ("owner",)
    case: Case | None = None  # the open one
    closed_at: datetime | None = None
    exempt_until: datetime | None = None
    restriction: Restriction | None = None
    shielded: bool = False  # a won appeal: the same automation does not act alone again


class Worker(NamedTuple):
    """A sweeper in the middle of its statements; `now` is the moment that it read when it began."""

    phase: str  # picked, locked, reserved
    door: str
    account: int
    now: datetime
    read: Account  # what it decides on
    braked: bool  # what it read of the brake
    free: int = 0  # what is left of the budget, as it counted


class World(NamedTuple):
    now: datetime = EPOCH
    accounts: tuple[Account, ...] = (Account(),)
    active: int = 0  # which policy version is in force
    pulled_at: datetime | None = None
    set_on: tuple[tuple[int, datetime], ...] = ()  # whose clocks a release that was interrupted has set on, and when
    spent: tuple[int, ...] = ()  # outside events so far, by kind
    automatic: tuple[datetime, ...] = ()  # automatic worsening steps that the budget still counts
    workers: tuple[Worker | None, ...] = ()


class Taken(NamedTuple):
    """A step that an action took, as the properties see it."""

    account: int
    before: Account
    after: Case  # also of a case that has just closed
    decision: Decision


def tick(moment: datetime | None) -> str:
    """A moment as people count in this model: ticks since the beginning."""
    return "-" if moment is None else f"{(moment - EPOCH) / TICK:g}"


def describe(world: World) -> str:
    """A state in a line or two, for the trace of a counterexample."""
    brake = f" braked since {tick(world.pulled_at)}" if world.pulled_at else ""
    return f"t={tick(world.now)}{brake}; " + "; ".join(_account(each) for each in world.accounts)


def _account(account: Account) -> str:
    said = [f"seen {_moments(account.sightings)}", "marked" * account.marked]
    said += [f"refused {account.restriction.scope}"] if account.restriction else []
    said += [f"exempt until {tick(account.exempt_until)}"] if account.exempt_until else []
    return " ".join(filter(None, (*said, _case(account.case) if account.case else "no case")))


def _case(case: Case) -> str:
    said = [f"{case.state} v{case.version}", f"accepted {tick(case.accepted_at)}", f"due {tick(case.due_at)}"]
    said += [f"left {case.remaining / TICK:g}"] if case.remaining is not None else []
    said += [f"stopped by {'+'.join(sorted(case.stops))}"] if case.stops else []
    said += [f"held {case.held.step} {'+'.join(case.held.names)}"] if case.held else []
    said += ["narrowed"] * case.narrowed
    said += [f"memo {_memo(case.memo)}"] if case.memo else []
    said += [f"appeal on v{each.version}{' overdue' * each.escalated}" for each in case.appeals]
    return " ".join(said)


def _memo(memo: Memo) -> str:
    if memo.rendered_at is None:
        return "gagged" if memo.gagged else "waiting"
    copies = " ".join(
        f"{each.address}:{each.status}{'@' + tick(each.accepted_at) if each.accepted_at else ''}"
        for each in memo.copies
    )
    return f"told {tick(memo.told_due_at)} {copies}"


def _moments(moments: Sequence[datetime]) -> str:
    return ",".join(map(tick, moments)) or "nothing"
