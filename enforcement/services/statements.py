"""The statement of reasons: the newest decision in force on a case, as data."""

from collections.abc import Mapping
from typing import Any

from enforcement.models import Case, Decision, Memo, Restriction
from enforcement.rules.transitions import Step
from enforcement.services.acceptance import Reception

_FACTS = (
    "territories", "requests", "unsupported_requests", "share", "kinds", "first_seen", "last_seen",
)  # fmt: skip


def statement(case: Case, receptions: Mapping[int, Reception]) -> dict[str, Any] | None:
    """What was decided, why, on which facts, by whom, and how to contest it; None where nothing was decided.

    `case` comes with its policy, decisions and memos; `receptions` tells by memo how it was received.
    """
    applied = [each for each in case.decisions.all() if each.status == Decision.Status.APPLIED]
    if not applied:
        return None
    # A late answer of ours changes for a while what is refused, and not what was decided.
    newest = next(each for each in reversed(applied) if each.step not in (Step.NARROW, Step.WIDEN))
    restrictions = Restriction.objects.filter(decision=applied[-1]).order_by("pk")
    return {
        "decision": newest.pk,
        "step": newest.step,
        "decided_at": newest.settled_at,
        "restrictions": [{"scope": each.scope, "value": each.value or None} for each in restrictions],
        "ground": {
            "policy": case.policy.name,
            "version": case.policy_id,
            "reference_url": case.policy.rules.reference_url or None,
            "rule": newest.rule,
            "basis": newest.basis or None,
            "legal_basis": newest.legal_basis or None,
        },
        "facts": {name: newest.facts.get(name) for name in _FACTS},
        "reason": newest.reason,
        "automated_decision": newest.proposed_by_id is None and newest.approved_by_id is None,
        "redress": _redress(case, newest, receptions),
    }


def _redress(case: Case, decision: Decision, receptions: Mapping[int, Reception]) -> dict[str, Any]:
    """An appeal may be filed for a time that starts when the memo of that decision was accepted."""
    announcing = [memo for memo in case.memos.all() if _announces(memo, decision)]
    accepted_at = receptions[announcing[0].pk].accepted_at if announcing else None
    window = case.policy.rules.appeals.window
    return {
        "kind": "appeal",
        "until": accepted_at + window if accepted_at else None,
        "how": "Reply to the memo, in any language, or use the address in it.",
    }


def _announces(memo: Memo, decision: Decision) -> bool:
    return memo.decision_id == decision.pk and memo.before_due is None
