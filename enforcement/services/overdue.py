"""Appeals that nobody has decided in the time that the policy gives us: they count against us, not the account."""

from collections.abc import Collection
from datetime import datetime

from enforcement.models import Appeal, PolicyVersion
from enforcement.rules.transitions import State, Step
from enforcement.services import cases
from enforcement.services.batches import Done, Work, work_off
from enforcement.services.cases import Order
from enforcement.services.locks import claim_accounts

NARROWED = (State.SUSPENDED, State.BLOCKED)

# A step may follow while a late appeal that stops no clock is open: what it refuses is narrowed as well.
_DUE = """
SELECT held.account_id
  FROM enforcement_appeal AS appeal JOIN enforcement_case AS held ON held.id = appeal.case_id
 WHERE appeal.status = 'open' AND appeal.decide_by <= %(now)s AND NOT held.account_id = ANY(%(aside)s)
   AND (appeal.escalated_at IS NULL
        OR held.state IN ('suspended', 'blocked') AND held.narrowed_at IS NULL AND held.policy_id = ANY(%(narrowing)s))
 GROUP BY held.account_id
 ORDER BY min(appeal.decide_by), held.account_id
"""


def escalate(*, now: datetime, time_box: float | None = None) -> Done:
    """Show every late appeal as such; where the policy says so, refuse no more than a restriction does meanwhile.

    A pulled brake does not keep this back: it makes nothing worse.
    """
    aside: set[int] = set()  # those that failed are tried again by the next run
    narrowing = _narrowing()
    work = Work(
        name="escalate",
        claim=lambda limit: claim_accounts(_DUE, now, limit, aside=list(aside), narrowing=narrowing),
        decide=lambda accounts: _escalate(accounts, now),
        step_aside=aside.add,
    )
    return work_off(work, time_box=time_box)


def _narrowing() -> list[int]:
    """The versions that narrow, of those under which a late appeal has been seen: nearly always none."""
    late = {"status": Appeal.Status.OPEN, "escalated_at__isnull": False}
    versions = PolicyVersion.objects.filter(pk__in=Appeal.objects.filter(**late).values("case__policy"))
    return [version.pk for version in versions if _narrows(version)]


def _narrows(version: PolicyVersion) -> bool:
    return version.rules.appeals.on_overdue == "narrow"


def _escalate(account_ids: Collection[int], now: datetime) -> None:
    """Look again at the late appeals of locked accounts."""
    late = Appeal.objects.filter(status=Appeal.Status.OPEN, decide_by__lte=now, case__account__in=account_ids)
    found = list(late.select_related("case__policy", "decision").order_by("-decide_by", "-pk"))
    Appeal.objects.filter(pk__in=[each.pk for each in found], escalated_at=None).update(escalated_at=now)
    oldest = {each.case_id: each for each in found}
    cases.apply([_narrow(each) for each in oldest.values() if _is_narrowed(each)], now=now)


def _is_narrowed(appeal: Appeal) -> bool:
    case = appeal.case
    return case.state in NARROWED and case.narrowed_at is None and _narrows(case.policy)


def _narrow(appeal: Appeal) -> Order:
    return Order(
        case=appeal.case,
        step=Step.NARROW,
        people=0,
        reason="Nobody decided the appeal in time: until somebody does, no more is refused than by a restriction.",
        rule=appeal.case.rule,
        facts=appeal.decision.facts,
    )
