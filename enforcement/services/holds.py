"""Holding a case: a person stops its clock, for a time or until two people let it go on."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from enforcement.models import Case, Stop
from enforcement.rules.transitions import State
from enforcement.services import clock, stops
from enforcement.services.batches import Done, Work, work_off
from enforcement.services.locks import claim_accounts, lock_accounts
from enforcement.services.refusals import Refused
from enforcement.services.roles import NotAllowed, Role, check_may_decide, roles_of, same_person

# Holds and exemptions that were to end by themselves; the clock goes on from the moment that was said.
_DUE = """
SELECT held.account_id FROM enforcement_stop AS stop JOIN enforcement_case AS held ON held.id = stop.case_id
 WHERE stop.until <= %(now)s AND stop.ended_at IS NULL AND NOT held.account_id = ANY(%(aside)s)
 ORDER BY stop.until
"""


class HoldRefused(Refused):
    """What was asked for does not go; nothing was written."""


@transaction.atomic
def place(*, case_id: int, reason: str, by: User, until: datetime | None = None, now: datetime) -> Stop:
    """Stop the clock of a case. Raises NotAllowed or HoldRefused."""
    check_may_decide(by)
    if not reason.strip():
        raise HoldRefused("A reason is required.", field="reason")
    if until is not None and until <= now:
        raise HoldRefused("A hold ends in the future, or when somebody ends it.", field="until")
    case = _locked(case_id)
    now = clock.after_waiting(now)
    if case.stops.filter(kind=Stop.Kind.HOLD, ended_at=None).exists():
        raise HoldRefused("The case is held already.")
    stop = Stop(case=case, kind=Stop.Kind.HOLD, reason=reason.strip(), started_at=now, until=until, started_by=by)
    stops.place([stop], now=now)
    return Stop.objects.get(case=case, kind=Stop.Kind.HOLD, ended_at=None)


@transaction.atomic
def propose_end(*, case_id: int, because: str, by: User) -> Stop:
    """The first of two signatures: to shorten a hold brings the next step nearer."""
    check_may_decide(by)
    if not because.strip():
        raise HoldRefused("A reason is required.", field="reason")
    hold = _hold(case_id)
    hold.end_proposed_by, hold.end_because = by, because.strip()
    hold.save(update_fields=["end_proposed_by", "end_because"])
    return hold


@transaction.atomic
def approve_end(*, case_id: int, by: User, now: datetime) -> Stop:
    """The second signature, a lead's: the clock goes on with what remained, or with the policy's minimum."""
    hold = _hold(case_id)
    if hold.end_proposed_by is None:
        raise HoldRefused("Nobody has proposed to end the hold yet.")
    if Role.LEAD not in roles_of(by):
        raise NotAllowed(f"{by} may not end a hold: that takes a lead.")
    if same_person(hold.end_proposed_by, by):
        raise NotAllowed("Somebody else has to agree: you have proposed this.")
    check_may_decide(hold.end_proposed_by)
    hold.end_approved_by, hold.ended_at = by, now
    hold.save(update_fields=["end_approved_by", "ended_at"])
    stops.go_on([hold.case], now=now)
    return hold


def end_due(*, now: datetime, time_box: float | None = None) -> Done:
    """End what was to end by itself."""
    aside: set[int] = set()  # those that failed are tried again by the next run
    work = Work(
        name="stops",
        claim=lambda limit: claim_accounts(_DUE, now, limit, aside=list(aside)),
        decide=lambda accounts: _end_due(accounts, now),
        step_aside=aside.add,
    )
    return work_off(work, time_box=time_box)


def _end_due(account_ids: list[int], now: datetime) -> None:
    due = Stop.objects.filter(case__account__among=account_ids, until__lte=now, ended_at=None)
    for stop in due.select_related("case__policy").order_by("until"):
        assert stop.until is not None
        stop.ended_at = stop.until
        stop.save(update_fields=["ended_at"])
        stops.go_on([stop.case], now=stops.last_ends([stop.case])[stop.case_id])  # another may have ended later


def _hold(case_id: int) -> Stop:
    case = _locked(case_id)
    hold = Stop.objects.filter(case=case, kind=Stop.Kind.HOLD, ended_at=None).select_related("end_proposed_by").first()
    if hold is None:
        raise HoldRefused("The case is not held.")
    hold.case = case
    return hold


def _locked(case_id: int) -> Case:
    account = Case.objects.filter(pk=case_id).values_list("account_id", flat=True).first()
    if account is None:
        raise HoldRefused("There is no such case.")
    lock_accounts([account], wait=True)
    case = Case.objects.select_related("policy").get(pk=case_id)
    if case.state == State.CLOSED:
        raise HoldRefused("The case is closed.")
    return case
