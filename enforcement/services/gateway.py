"""May this request pass? Answered from restrictions, then from the list where the policy says so."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings

from enforcement.geolocation import Locator, bundled, from_mmdb
from enforcement.models import Account, Case, PolicyVersion, Restriction
from enforcement.rules.policy import Policy
from enforcement.rules.territory import Answer
from enforcement.rules.transitions import Scope, State

# The widest refusal names the reason.
_STRICTEST = (Scope.ACCOUNT, Scope.CREDENTIAL, Scope.TERRITORY_TRAFFIC)


@dataclass(frozen=True, slots=True)
class Question:
    """What a gateway knows of a request; "" where it does not know."""

    account: str
    credential: str = ""
    country: str = ""
    subdivision: str = ""


def located(question: Question, ip: str) -> Question:
    """The same question with the country of its address, where the gateway did not say the country."""
    if question.country or question.subdivision or not ip:
        return question
    place = _locator().locate(ip)
    return replace(question, country=place.country, subdivision=place.subdivision)


@lru_cache(maxsize=1)
def _locator() -> Locator:
    """The operator's database, else the registry data that came along."""
    return from_mmdb(settings.GEOIP_MMDB) if settings.GEOIP_MMDB else bundled()


def decide(question: Question, *, now: datetime) -> dict[str, Any]:
    """The contract's answer. An account that we do not know is treated as nobody: only the list can refuse it."""
    policy = _active_policy()
    outside = _is_outside(question, policy)
    account = Account.objects.filter(external_id=question.account).values_list("pk", flat=True).first()
    case = _open_case(account)
    found = _refusing(account, question, outside)
    if found is not None:
        return _answer(False, found.reason_code, found.scope, found.since, case, now)
    if outside and policy is not None and _edge_refuses(policy, case, now):
        return _answer(False, Restriction.Reason.TERRITORY, Scope.TERRITORY_TRAFFIC, None, case, now)
    return _answer(True, None, None, None, case, now)


def _active_policy() -> Policy | None:
    version = PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).only("document").first()
    return version.rules if version else None


def _is_outside(question: Question, policy: Policy | None) -> bool:
    """Only what the list calls unsupported: what it cannot decide, or nobody could locate, passes."""
    if policy is None:
        return False
    return policy.territories.answer(question.country, question.subdivision) is Answer.UNSUPPORTED


def _open_case(account: int | None) -> Case | None:
    if account is None:
        return None
    return Case.objects.exclude(state=State.CLOSED).filter(account=account).first()


def _refusing(account: int | None, question: Question, outside: bool) -> Restriction | None:
    standing = Restriction.objects.filter(account=account, lifted_at=None) if account is not None else []
    by_scope = {each.scope: each for each in standing if _applies(each, question, outside)}
    return next((by_scope[scope] for scope in _STRICTEST if scope in by_scope), None)


def _applies(restriction: Restriction, question: Question, outside: bool) -> bool:
    if restriction.scope == Scope.TERRITORY_TRAFFIC:
        return outside
    return restriction.scope == Scope.ACCOUNT or restriction.value == question.credential


def _edge_refuses(policy: Policy, case: Case | None, now: datetime) -> bool:
    if policy.edge == "refuse_after_notice":
        return case is not None and _notice_is_over(case, now)
    return policy.edge == "refuse"


def _notice_is_over(case: Case, now: datetime) -> bool:
    """Told, and the time has run; what stops the clock stops this too."""
    return case.state != State.OPEN and case.due_at is not None and case.due_at <= now and case.remaining is None


def _answer(
    allow: bool, reason: str | None, scope: str | None, since: datetime | None, case: Case | None, now: datetime
) -> dict[str, Any]:
    return {
        "allow": allow,
        "reason_code": reason,
        "scope": scope,
        "since": since,
        "case": case.reference if case and not allow else None,
        "notice": _notice(case, now),
        "seq": 0,  # nothing is sealed before there is a ledger
    }


def _notice(case: Case | None, now: datetime) -> dict[str, Any] | None:
    """A warning whose time is running: what a gateway may tell the caller."""
    running = case is not None and case.state == State.WARNED and case.due_at is not None and case.due_at > now
    return {"case": case.reference, "due_at": case.due_at} if case and running else None
