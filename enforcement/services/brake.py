"""Pulling the brake, which takes anybody, and releasing it, which takes two and gives every clock its time back."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import structlog
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction

from enforcement import metrics
from enforcement.models import Brake, BrakePull, Case, ClockReading, Stop
from enforcement.rules.transitions import State
from enforcement.services import clock, invariants, pressure, stops, switches
from enforcement.services.batches import BATCH, Done, Work, work_off
from enforcement.services.locks import claim_accounts, lock_accounts
from enforcement.services.roles import NotAllowed, Role, check_may_decide, roles_of, same_person
from enforcement.services.transactions import atomic_and_again
from faultpoints import faultpoint, port

log = structlog.get_logger(__name__)

# Clocks that run, or would if nothing else stopped them, in the order in which accounts are locked.
_RUNNING = """
SELECT account_id FROM enforcement_case AS running
 WHERE due_at IS NOT NULL AND state IN ('warned', 'restricted', 'suspended') AND account_id > %(past)s
   AND NOT EXISTS (SELECT FROM enforcement_stop WHERE case_id = running.id AND kind = 'brake' AND ended_at IS NULL)
 ORDER BY account_id LIMIT %(batch)s
"""
# A stop of the brake that outlived it: an interrupted release, which the sweep ends.
_BRAKED = """
SELECT held.account_id FROM enforcement_stop AS stop JOIN enforcement_case AS held ON held.id = stop.case_id
 WHERE stop.kind = 'brake' AND stop.ended_at IS NULL
"""
# Who would have been warned meanwhile is looked at again.
_MARK_OPEN = """
INSERT INTO enforcement_assessmentmark AS mark (account_id, count, attempts, look_at)
SELECT account_id, 1, 0, %(now)s::timestamptz FROM enforcement_case WHERE state = 'open' ORDER BY account_id
    ON CONFLICT (account_id) DO UPDATE SET count = mark.count + 1, look_at = excluded.look_at
"""


class ReleaseRefused(Exception):
    """Why the brake stays pulled."""


def status() -> dict[str, BrakePull | None]:
    """By switch: the pull that stands, if it is pulled."""
    standing = {pull.what: pull for pull in BrakePull.objects.filter(released_at=None).select_related("pulled_by")}
    return {what: standing.get(what) for what in Brake.What.values}


def pull(
    what: Brake.What, cause: BrakePull.Cause, reason: str, *, now: datetime, by: User | None = None
) -> BrakePull | None:
    """Pull a switch; None where it is pulled already. It is in force when this returns, for every process.

    Called outside any transaction that decides: it waits for those. Raises NotAllowed.
    """
    if by is not None:
        check_may_decide(by)
    with transaction.atomic():
        if switches.lock(what) is not None:
            return None
        now = clock.after_waiting(now)
        switches.turn(what, now)
        faultpoint("brake.before_commit")
        pulled = BrakePull.objects.create(what=what, cause=cause, reason=reason, pulled_at=now, pulled_by=by)
    faultpoint("brake.pulled")
    metrics.BRAKE_PULLS.labels(what, cause).inc()
    log.error("brake.pulled", what=what, cause=cause, reason=reason, by=by.pk if by else None)
    return pulled


@transaction.atomic
def propose_release(what: Brake.What, *, because: str, by: User) -> BrakePull:
    """The first of two signatures; a later proposal takes its place. Raises NotAllowed, ReleaseRefused."""
    check_may_decide(by)
    if not because.strip():
        raise ReleaseRefused("A reason is required.")
    pulled = _standing(what)
    pulled.release_proposed_by, pulled.release_because = by, because.strip()
    pulled.save(update_fields=["release_proposed_by", "release_because"])
    return pulled


def approve_release(what: Brake.What, *, by: User, now: datetime) -> BrakePull:
    """The second signature, a lead's and of another human being. Raises NotAllowed, ReleaseRefused.

    Before the switch turns, the pull is written down as a stop of every clock that runs; after it has turned those
    stops end, and the clocks go on with what was left at the pull, or the policy's minimum. That is many short
    transactions. Interrupted before the turn, the brake stays pulled, and who approves again goes on; after it, the
    sweep does the rest.
    """
    pulled = _approvable(what, by)
    if what == Brake.What.ENFORCEMENT:
        _check_sound(now)
        for accounts in _batches():
            _freeze(accounts, pulled)
    _turn_back(pulled, by, now)
    let_go(now=now)
    log.warning("brake.released", what=what, by=[pulled.release_proposed_by_id, by.pk])
    return pulled


def _standing(what: Brake.What) -> BrakePull:
    pulled = BrakePull.objects.select_for_update(of=["self"]).filter(what=what, released_at=None).first()
    if pulled is None:
        raise ReleaseRefused(f"The brake of {what} is not pulled.")
    return pulled


@transaction.atomic
def _approvable(what: Brake.What, by: User) -> BrakePull:
    pulled = _standing(what)
    if pulled.release_proposed_by is None:
        raise ReleaseRefused("Nobody has proposed the release yet.")
    if Role.LEAD not in roles_of(by):
        raise NotAllowed(f"{by} may not release the brake: that takes a lead.")
    if same_person(pulled.release_proposed_by, by):
        raise NotAllowed("Somebody else has to agree: you have proposed this release.")
    check_may_decide(pulled.release_proposed_by)
    return pulled


def _check_sound(now: datetime) -> None:
    """Whatever would pull the brake again within a minute has to be settled first."""
    if (cause := pressure.standing()) is not None:
        raise ReleaseRefused(cause.reason)
    if broken := invariants.check(now=now, since=now - invariants.LATELY, late=False):
        raise ReleaseRefused(f"This was broken within the last hour: {invariants.named(broken)}")


def _batches() -> Iterator[Sequence[int]]:
    past = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_RUNNING, {"past": past, "batch": BATCH})
            accounts = [row[0] for row in cursor.fetchall()]
        if not accounts:
            return
        yield accounts
        past = accounts[-1]


@port("brake.release.batch.commit", OperationalError)
@atomic_and_again
def _freeze(accounts: Sequence[int], pulled: BrakePull) -> None:
    lock_accounts(accounts, wait=True)
    running = Case.objects.filter(account__in=accounts, due_at__isnull=False).exclude(state=State.CLOSED)
    running = running.exclude(stops__in=Stop.objects.filter(kind=Stop.Kind.BRAKE, ended_at=None))
    kept = {"kind": Stop.Kind.BRAKE, "reason": pulled.reason, "started_at": pulled.pulled_at}
    stops.place([Stop(case=case, **kept) for case in running], now=pulled.pulled_at)
    faultpoint("brake.release.batch")


def let_go(*, now: datetime, time_box: float | None = None) -> Done:
    """End the stops of a brake that was released, as of its release."""
    work = Work(
        name="brake",
        claim=lambda limit: [] if switches.share(Brake.What.ENFORCEMENT) else claim_accounts(_BRAKED, now, limit),
        decide=_thaw,
        step_aside=lambda account: None,
    )
    return work_off(work, time_box=time_box)


def _thaw(accounts: Sequence[int]) -> None:
    released = BrakePull.objects.filter(what=Brake.What.ENFORCEMENT).latest("released_at")
    braked = Stop.objects.filter(kind=Stop.Kind.BRAKE, ended_at=None, case__account__among=accounts)
    cases = [stop.case for stop in braked.select_related("case__policy")]
    assert released.released_at is not None
    stops.resume(cases, [Stop.Kind.BRAKE], now=released.released_at)


@port("brake.release.commit", OperationalError)
@transaction.atomic
def _turn_back(pulled: BrakePull, by: User, now: datetime) -> None:
    if switches.lock(Brake.What(pulled.what)) is None:
        raise ReleaseRefused("Somebody has released it already.")
    pulled.released_at, pulled.release_approved_by = now, by
    pulled.save(update_fields=["released_at", "release_approved_by"])
    switches.turn(Brake.What(pulled.what), None)
    faultpoint("brake.released")
    if pulled.what == Brake.What.ENFORCEMENT:
        ClockReading.objects.all().delete()  # two people have said that the clock is right
        with connection.cursor() as cursor:
            cursor.execute(_MARK_OPEN, {"now": now})


def watch(*, now: datetime) -> None:
    """Pull the brake where appeals say that the automation should rest."""
    if switches.pulled_at(Brake.What.ENFORCEMENT) is None and (found := pressure.found(now=now)) is not None:
        pull(Brake.What.ENFORCEMENT, found.cause, found.reason, now=now)
