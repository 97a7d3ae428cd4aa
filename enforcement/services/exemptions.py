"""Exempting an account from enforcement for a time: all of it, a territory, or one of its keys."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import QuerySet

from enforcement.models import Account, Case, Exemption, Stop
from enforcement.rules.exemptions import Exempt, exempt_from, territory_of
from enforcement.rules.transitions import State
from enforcement.services import clock, stops
from enforcement.services.locks import lock_accounts
from enforcement.services.refusals import Refused
from enforcement.services.roles import NotAllowed, Role, check_may_decide, roles_of, same_person

# Who was exempt until a moment ago is assessed again; a score that is younger knows of the end.
_MARK_ENDED = """
INSERT INTO enforcement_assessmentmark AS mark (account_id, count, attempts, look_at)
SELECT DISTINCT account_id, 1, 0, %(now)s::timestamptz
  FROM enforcement_exemption JOIN enforcement_score USING (account_id)
 WHERE coalesce(ended_at, ends_at) <= %(now)s AND coalesce(ended_at, ends_at) > assessed_at
 ORDER BY account_id
    ON CONFLICT (account_id) DO NOTHING
"""


class ExemptionRefused(Refused):
    """What was asked for does not go; nothing was written."""


def in_force(account_ids: Collection[int], *, now: datetime) -> dict[int, Exempt]:
    """By account, those that have any."""
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    rows = standing(now=now).filter(account__among=account_ids)
    for account, scope, value in rows.values_list("account_id", "scope", "value"):
        found[account].append((scope, value))
    return {account: exempt_from(scopes) for account, scopes in found.items()}


def standing(*, now: datetime) -> QuerySet[Exemption]:
    """Those that are in force."""
    return Exemption.objects.filter(starts_at__lte=now, ends_at__gt=now, ended_at=None)


@transaction.atomic
def grant(
    *,
    account_id: int,
    scope: Exemption.Scope,
    value: str = "",
    reason: str,
    by: User,
    ends_at: datetime,
    now: datetime,
) -> Exemption:
    """Exempt an account from now until `ends_at`. As a whole, it stops the clock of its case for that long.

    Raises NotAllowed or ExemptionRefused.
    """
    role = check_may_decide(by)
    value = _checked(scope, value.strip(), reason, ends_at, now)
    lock_accounts([account_id], wait=True)
    now = clock.after_waiting(now)
    if standing(now=now).filter(account=account_id, scope=scope, value=value).exists():
        raise ExemptionRefused("There is one in force already: end it first.", field="scope")
    granted = Exemption.objects.create(
        account=Account.objects.get(pk=account_id),
        scope=scope,
        value=value,
        reason=reason.strip(),
        approved_by=by,
        approved_as=role,
        starts_at=now,
        ends_at=ends_at,
    )
    if scope == Exemption.Scope.ACCOUNT:
        _stop(granted, by, now)
    return granted


def _checked(scope: Exemption.Scope, value: str, reason: str, ends_at: datetime, now: datetime) -> str:
    if not reason.strip():
        raise ExemptionRefused("Say why: the account may read it.", field="reason")
    if ends_at <= now:
        raise ExemptionRefused("must lie in the future.", field="ends_at")
    if scope == Exemption.Scope.TERRITORY:
        listed = territory_of(value)
        if listed is None:
            raise ExemptionRefused(f"{value!r} is no assigned code of a country or a part of one.", field="value")
        return listed
    if scope == Exemption.Scope.CREDENTIAL and not 0 < len(value) <= 128:
        raise ExemptionRefused("Name the key by its hint, at most 128 characters.", field="value")
    if scope == Exemption.Scope.ACCOUNT and value:
        raise ExemptionRefused("An account is exempt as a whole, or in a territory, or for a key.", field="value")
    return value


def _stop(granted: Exemption, by: User, now: datetime) -> None:
    for case in _open_cases(granted):
        reason = f"The account is exempt: {granted.reason}"
        stop = Stop(
            case=case, kind=Stop.Kind.EXEMPTION, reason=reason, started_at=now, until=granted.ends_at, started_by=by
        )
        stops.place([stop], now=now)


def _open_cases(granted: Exemption) -> list[Case]:
    return list(Case.objects.filter(account=granted.account_id).exclude(state=State.CLOSED).select_related("policy"))


@transaction.atomic
def propose_end(*, exemption_id: int, because: str, by: User, now: datetime) -> Exemption:
    """The first of two signatures: to shorten an exemption brings the next step nearer."""
    check_may_decide(by)
    exemption = _locked(exemption_id, now)
    if not because.strip():
        raise ExemptionRefused("Say why.", field="reason")
    exemption.end_proposed_by, exemption.end_because = by, because.strip()
    exemption.save(update_fields=["end_proposed_by", "end_because"])
    return exemption


@transaction.atomic
def approve_end(*, exemption_id: int, by: User, now: datetime) -> Exemption:
    """The second signature, a lead's: the exemption ends now, and the clock goes on as after any stop."""
    exemption = _locked(exemption_id, now)
    proposer = exemption.end_proposed_by
    if proposer is None:
        raise ExemptionRefused("Nobody has proposed its end yet.")
    if Role.LEAD not in roles_of(by):
        raise NotAllowed(f"{by} may not end an exemption early: that takes a lead.")
    if same_person(proposer, by):
        raise NotAllowed("Somebody else has to agree: you have proposed this.")
    check_may_decide(proposer)
    exemption.ended_at, exemption.end_approved_by = now, by
    exemption.save(update_fields=["ended_at", "end_approved_by"])
    if exemption.scope == Exemption.Scope.ACCOUNT:
        stops.resume(_open_cases(exemption), [Stop.Kind.EXEMPTION], now=now)
    return exemption


def _locked(exemption_id: int, now: datetime) -> Exemption:
    account = Exemption.objects.filter(pk=exemption_id).values_list("account_id", flat=True).first()
    if account is None:
        raise ExemptionRefused("There is no such exemption.")
    lock_accounts([account], wait=True)
    found = standing(now=now).filter(pk=exemption_id).first()
    if found is None:
        raise ExemptionRefused("It is not in force any more.")
    return found


def mark_ended(*, now: datetime) -> None:
    """Whoever is no longer exempt is assessed on what came in meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(_MARK_ENDED, {"now": now})
