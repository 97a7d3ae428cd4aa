"""May this request pass? Answered from restrictions, then from the list where the policy says so."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings

from enforcement.geolocation import Locator, bundled, from_mmdb
from enforcement.models import Case, PolicyVersion, Restriction
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


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not; `case` is public, and "" where the list alone refuses."""

    reason_code: str
    scope: str
    since: datetime | None = None
    case: str = ""


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
    case = Case.objects.filter(account__external_id=question.account).exclude(state=State.CLOSED).first()
    outside = _is_outside(question, policy)
    refusal = _restricted(question, outside)
    if refusal is None and outside and policy is not None:
        refusal = _refused_at_the_edge(policy, case, now)
    return {
        "allow": refusal is None,
        "reason_code": refusal.reason_code if refusal else None,
        "scope": refusal.scope if refusal else None,
        "since": refusal.since if refusal else None,
        "case": (refusal.case or None) if refusal else None,
        "notice": _running_notice(case, now),
        "seq": 0,  # nothing is sealed before there is a ledger
    }


def _active_policy() -> Policy | None:
    version = PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).only("document").first()
    return version.rules if version else None


def _is_outside(question: Question, policy: Policy | None) -> bool:
    """Only what the list calls unsupported: what it cannot decide, or nobody could locate, passes."""
    if policy is None:
        return False
    return policy.territories.answer(question.country, question.subdivision) is Answer.UNSUPPORTED


def _restricted(question: Question, outside: bool) -> Refusal | None:
    """The strictest of the account's restrictions that refuses this request."""
    standing = Restriction.objects.filter(account__external_id=question.account, lifted_at=None)
    by_scope = {each.scope: each for each in standing.select_related("case") if _applies(each, question, outside)}
    found = next((by_scope[scope] for scope in _STRICTEST if scope in by_scope), None)
    return Refusal(found.reason_code, found.scope, found.since, found.case.reference) if found else None


def _applies(restriction: Restriction, question: Question, outside: bool) -> bool:
    if restriction.scope == Scope.TERRITORY_TRAFFIC:
        return outside
    return restriction.scope == Scope.ACCOUNT or restriction.value == question.credential


def _refused_at_the_edge(policy: Policy, case: Case | None, now: datetime) -> Refusal | None:
    """What the list alone refuses. `refuse_after_notice` waits until the account was told and its time has run."""
    territory = (Restriction.Reason.TERRITORY, Scope.TERRITORY_TRAFFIC)
    if policy.edge == "refuse":
        return Refusal(*territory)
    due_at = _running_until(case)
    if policy.edge == "refuse_after_notice" and case is not None and due_at is not None and due_at <= now:
        return Refusal(*territory, since=due_at, case=case.reference)
    return None


def _running_notice(case: Case | None, now: datetime) -> dict[str, Any] | None:
    """A warning whose time is running: what a gateway may tell the caller."""
    due_at = _running_until(case)
    return {"case": case.reference, "due_at": due_at} if case and due_at and due_at > now else None


def _running_until(case: Case | None) -> datetime | None:
    """The deadline of a warning whose clock was started and is not stopped."""
    running = case is not None and case.state == State.WARNED and case.remaining is None
    return case.due_at if case and running else None
