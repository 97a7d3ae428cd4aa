"""Giving an account more time: a deadline is moved by a person, always to a later moment."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from enforcement.models import Case, Extension
from enforcement.rules import deadlines
from enforcement.rules.decisions import rung_of
from enforcement.rules.transitions import State
from enforcement.services import stops
from enforcement.services.locks import lock_accounts
from enforcement.services.refusals import Refused
from enforcement.services.roles import check_may_decide

# Beyond it a date is a slip of the pen, and near the end of the calendar a clock that goes on has none.
_FURTHEST = timedelta(days=3650)


class ExtensionRefused(Refused):
    """What was asked for does not go; nothing was written."""


@transaction.atomic
def extend(*, case_id: int, due_at: datetime, reason: str, by: User, now: datetime) -> Extension:
    """Move the deadline of a case to `due_at`. Where its clock is stopped, as much is added to what remains.

    Raises NotAllowed or ExtensionRefused.
    """
    check_may_decide(by)
    if not reason.strip():
        raise ExtensionRefused("A reason is required: the account may read it.", field="reason")
    case = _locked(case_id)
    if case.due_at is None:
        raise ExtensionRefused("No deadline runs: nobody was told of one yet, or nothing follows.")
    after = max(case.due_at, now)
    if due_at <= after:
        raise ExtensionRefused(f"A deadline only moves later than {after:%Y-%m-%d %H:%M} UTC.", field="due_at")
    if due_at > now + _FURTHEST:
        raise ExtensionRefused(f"A deadline lies at most {_FURTHEST.days:,} days ahead.", field="due_at")
    extension = Extension.objects.create(
        case=case,
        case_version=case.version,
        old_due_at=case.due_at,
        due_at=due_at,
        reason=reason.strip(),
        extended_by=by,
        extended_at=now,
    )
    _move(case, due_at, now)
    return extension


def _move(case: Case, due_at: datetime, now: datetime) -> None:
    assert case.due_at is not None
    if case.remaining is None:
        rung = rung_of(State(case.state), case.policy.rules)
        case.look_at = deadlines.next_look(due_at, rung.reminders if rung else (), now)
    else:
        case.remaining += due_at - case.due_at
    case.due_at = due_at
    case.save(update_fields=stops.CLOCK_FIELDS)


def _locked(case_id: int) -> Case:
    account = Case.objects.filter(pk=case_id).values_list("account_id", flat=True).first()
    if account is None:
        raise ExtensionRefused("There is no such case.")
    lock_accounts([account], wait=True)
    return Case.objects.select_related("policy").get(pk=case_id)
