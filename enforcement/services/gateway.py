"""May this request pass? Answered from restrictions, then from the list where the policy says so."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings

from enforcement.geolocation import Locator, bundled, from_mmdb
from enforcement.models import PolicyVersion, Restriction
from enforcement.rules.exemptions import NOTHING, Exempt, exempt_from
from enforcement.rules.policy import Policy
from enforcement.rules.territory import Answer
from enforcement.rules.transitions import Scope, State
from enforcement.services import cursors

# One statement, so that policy, case and restrictions are of one moment; a row for each restriction that stands.
_KNOWN = """
SELECT active.digest, held.reference, held.state, held.due_at, held.remaining IS NOT NULL,
       (SELECT json_agg(json_build_array(scope, value)) FROM enforcement_exemption AS exemption
         WHERE exemption.account_id = account.id AND starts_at <= %(now)s AND ends_at > %(now)s AND ended_at IS NULL),
       restriction.scope, restriction.value, restriction.reason_code, restriction.since, cause.reference,
       EXISTS (SELECT FROM enforcement_decision WHERE id = restriction.decision_id AND step = 'restrict_now')
  FROM (SELECT) AS asked
  LEFT JOIN enforcement_policyversion AS active ON active.status = 'active'
  LEFT JOIN enforcement_account AS account ON account.external_id = %(account)s
  LEFT JOIN enforcement_case AS held ON held.account_id = account.id AND held.state <> 'closed'
  LEFT JOIN enforcement_restriction AS restriction
    ON restriction.account_id = account.id AND restriction.lifted_at IS NULL
  LEFT JOIN enforcement_case AS cause ON cause.id = restriction.case_id
"""
# The widest refusal names the reason.
_STRICTEST = (Scope.ACCOUNT, Scope.CREDENTIAL, Scope.TERRITORY_TRAFFIC)


@dataclass(frozen=True, slots=True)
class Question:
    """What a gateway knows of a request; "" where it does not know."""

    account: str
    credential: str = ""
    country: str = ""
    subdivision: str = ""


class _Restriction(NamedTuple):
    scope: str
    value: str
    reason_code: str
    since: datetime
    case: str
    by_law: bool  # without notice, on a legal basis: no exemption of ours outweighs that

    def refuses(self, question: Question, outside: bool, exempt: Exempt) -> bool:
        if not self.by_law and self._is_outweighed(question, exempt):
            return False
        if self.scope == Scope.TERRITORY_TRAFFIC:
            return outside
        return self.scope == Scope.ACCOUNT or self.value == question.credential

    def _is_outweighed(self, question: Question, exempt: Exempt) -> bool:
        if self.scope == Scope.ACCOUNT:
            return exempt.everything
        return exempt.covers(question.country, question.subdivision, question.credential)


class _Known(NamedTuple):
    """What is on record at the moment of the question; all None or empty for nobody."""

    policy: Policy | None
    case: str | None
    state: str | None
    due_at: datetime | None
    stopped: bool
    exempt: Exempt
    restrictions: list[_Restriction]

    @property
    def warned_until(self) -> datetime | None:
        """The deadline of a warning whose clock was started and is not stopped."""
        return self.due_at if self.state == State.WARNED and not self.stopped else None


class _Refusal(NamedTuple):
    """Why not; the case is None where the list alone refuses."""

    reason_code: str
    scope: str
    since: datetime | None
    case: str | None


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
    known = _read(question.account, now)
    outside = _is_outside(question, known.policy)
    refusal = _restricted(known, question, outside)
    exempt = known.exempt.covers(question.country, question.subdivision, question.credential)
    if refusal is None and outside and known.policy is not None and not exempt:
        refusal = _refused_at_the_edge(known.policy, known, now)
    return {
        "allow": refusal is None,
        "reason_code": refusal.reason_code if refusal else None,
        "scope": refusal.scope if refusal else None,
        "since": refusal.since if refusal else None,
        "case": refusal.case if refusal else None,
        "notice": _running_notice(known, now),
        "seq": 0,  # nothing is sealed before there is a ledger
    }


def _read(account: str, now: datetime) -> _Known:
    with cursors.prepared() as cursor:
        cursor.execute(_KNOWN, {"account": account, "now": now})
        rows = cursor.fetchall()
    digest, case, state, due_at, stopped, exemptions, *_ = rows[0]
    restrictions = [_Restriction(*row[6:]) for row in rows if row[6] is not None]
    exempt = exempt_from(exemptions) if exemptions else NOTHING
    return _Known(_rules(bytes(digest)) if digest else None, case, state, due_at, stopped, exempt, restrictions)


@lru_cache(maxsize=4)
def _rules(digest: bytes) -> Policy:
    """The version with this digest: its words never change, so they are read once a process."""
    return PolicyVersion.objects.get(digest=digest).rules


def _is_outside(question: Question, policy: Policy | None) -> bool:
    """Only what the list calls unsupported: what it cannot decide, or nobody could locate, passes."""
    if policy is None:
        return False
    return policy.territories.answer(question.country, question.subdivision) is Answer.UNSUPPORTED


def _restricted(known: _Known, question: Question, outside: bool) -> _Refusal | None:
    """The strictest of the account's restrictions that refuses this request."""
    refusing = {each.scope: each for each in known.restrictions if each.refuses(question, outside, known.exempt)}
    found = next((refusing[scope] for scope in _STRICTEST if scope in refusing), None)
    return _Refusal(found.reason_code, found.scope, found.since, found.case) if found else None


def _refused_at_the_edge(policy: Policy, known: _Known, now: datetime) -> _Refusal | None:
    """What the list alone refuses. `refuse_after_notice` waits until the account was told and its time has run."""
    due_at = known.warned_until
    if policy.edge == "refuse":
        return _Refusal(Restriction.Reason.TERRITORY, Scope.TERRITORY_TRAFFIC, None, None)
    if policy.edge == "refuse_after_notice" and due_at is not None and due_at <= now:
        return _Refusal(Restriction.Reason.TERRITORY, Scope.TERRITORY_TRAFFIC, due_at, known.case)
    return None


def _running_notice(known: _Known, now: datetime) -> dict[str, Any] | None:
    """A warning whose time is running: what a gateway may tell the caller."""
    due_at = known.warned_until
    return {"case": known.case, "due_at": due_at} if due_at is not None and due_at > now else None
