"""What readers are told of accounts and cases, as data."""

from datetime import datetime
from typing import Any

from django.db.models import Prefetch

from enforcement.models import Account, Appeal, Case, Decision, Memo, MemoCopy, Restriction, Score
from enforcement.rules.transitions import State


def standing(case: Case | None) -> str:
    """Standing follows the open case; a review is nobody's business yet."""
    return "clear" if case is None or case.state == State.OPEN else case.state


def account(external_id: str, *, now: datetime) -> dict[str, Any] | None:
    """The account document, or None for one that we do not know."""
    found = Account.objects.filter(external_id=external_id).first()
    if found is None:
        return None
    case = Case.objects.exclude(state=State.CLOSED).filter(account=found).first()
    restrictions = Restriction.objects.filter(account=found, lifted_at=None).order_by("pk")
    return {
        "external_id": found.external_id,
        "standing": standing(case),
        "score": _score(found),
        "case": case.reference if case and case.state != State.OPEN else None,
        "restrictions": [_restriction(each) for each in restrictions],
        "exemptions": [],
        "notice": _notice(case, now),
    }


def _score(found: Account) -> dict[str, Any]:
    score = Score.objects.filter(account=found).first()
    return {"points": f"{score.points:.2f}", "lines": score.facts["lines"]} if score else {"points": "0.00", "lines": []}


def _restriction(each: Restriction) -> dict[str, Any]:
    return {
        "id": each.pk,
        "scope": each.scope,
        "value": each.value or None,
        "reason_code": each.reason_code,
        "since": each.since,
    }


def _notice(case: Case | None, now: datetime) -> dict[str, Any] | None:
    """For a banner: a step that is announced and still ahead."""
    if case is None or case.state == State.OPEN or case.due_at is None or case.due_at <= now:
        return None
    return {"case": case.reference, "state": case.state, "due_at": case.due_at, "stopped": case.remaining is not None}


def timeline(external_id: str) -> list[dict[str, Any]] | None:
    """What happened to the account that a reader may see, oldest first; None for one that we do not know."""
    found = Account.objects.filter(external_id=external_id).first()
    if found is None:
        return None
    cases = Case.objects.filter(account=found)
    decisions = Decision.objects.filter(case__in=cases, status=Decision.Status.APPLIED).exclude(from_state=State.CLOSED)
    events = [_decided(each) for each in decisions.select_related("case") if _is_told(each)]
    memos = Memo.objects.filter(case__in=cases, rendered_at__isnull=False).select_related("case")
    events += [
        {"at": each.rendered_at, "what": f"memo.{each.kind}", "case": each.case.reference, "reason": each.subject}
        for each in memos
    ]
    for appeal in Appeal.objects.filter(case__in=cases).select_related("case"):
        events += _appealed(appeal)
    return sorted(events, key=lambda event: event["at"])


def _is_told(decision: Decision) -> bool:
    """A review that closed without a word was never told."""
    return not (decision.from_state == State.OPEN and decision.step != "warn")


def _decided(decision: Decision) -> dict[str, Any]:
    return {
        "at": decision.settled_at,
        "what": f"case.{decision.step}",
        "case": decision.case.reference,
        "reason": decision.reason,
    }


def _appealed(appeal: Appeal) -> list[dict[str, Any]]:
    case = appeal.case.reference
    events = [{"at": appeal.filed_at, "what": "appeal.filed", "case": case, "reason": ""}]
    if appeal.decided_at:
        events.append({"at": appeal.decided_at, "what": f"appeal.{appeal.status}", "case": case, "reason": appeal.reason})
    return events


def case(reference: str) -> dict[str, Any] | None:
    """A case with its decisions, memos, appeals and statement of reasons."""
    copies = Prefetch("copies", MemoCopy.objects.select_related("message"))
    found = (
        Case.objects.filter(reference=reference)
        .select_related("account", "policy")
        .prefetch_related(
            Prefetch("decisions", Decision.objects.order_by("pk")),
            Prefetch("memos", Memo.objects.order_by("pk").prefetch_related(copies)),
            Prefetch("appeals", Appeal.objects.order_by("pk")),
        )
        .first()
    )
    if found is None:
        return None
    return {
        **summary(found),
        "decisions": [_decision(each) for each in found.decisions.all()],
        "memos": [_memo(each) for each in found.memos.all()],
        "appeals": [_appeal(each) for each in found.appeals.all()],
        "statement_of_reasons": _statement(found),
    }


def summary(case: Case) -> dict[str, Any]:
    """A case as it stands in a list (`account` and `policy` loaded)."""
    return {
        "case": case.reference,
        "account": case.account.external_id,
        "state": case.state,
        "outcome": case.outcome or None,
        "rule": case.rule,
        "policy": {"version": case.policy_id, "name": case.policy.name},
        "opened_at": case.opened_at,
        "accepted_at": case.accepted_at,
        "due_at": case.due_at,
        "closed_at": case.closed_at,
    }


def _decision(each: Decision) -> dict[str, Any]:
    return {
        "id": each.pk,
        "step": each.step,
        "status": each.status,
        "rule": each.rule,
        "reason": each.reason,
        "automatic": each.proposed_by_id is None and each.approved_by_id is None,
        "people": each.people,
        "decided_at": each.decided_at,
        "settled_at": each.settled_at,
    }


def _memo(each: Memo) -> dict[str, Any]:
    accepted = [copy.message.accepted_at for copy in each.copies.all() if copy.message.accepted_at]
    return {
        "kind": each.kind,
        "language": each.language or None,
        "subject": each.subject or None,
        "rendered_at": each.rendered_at,
        "told_due_at": each.told_due_at,
        "accepted_at": min(accepted, default=None),
        "recipients": len(each.copies.all()),
    }


def _appeal(each: Appeal) -> dict[str, Any]:
    return {
        "id": each.pk,
        "decision": each.decision_id,
        "status": each.status,
        "filed_at": each.filed_at,
        "decided_at": each.decided_at,
        "reason": each.reason or None,
    }


def _statement(found: Case) -> dict[str, Any] | None:
    """The newest decision in force as data."""
    applied = [each for each in found.decisions.all() if each.status == Decision.Status.APPLIED]
    if not applied:
        return None
    last = applied[-1]
    facts = {name: last.facts.get(name) for name in ("territories", "requests", "share", "first_seen", "last_seen")}
    return {
        "decision": last.pk,
        "step": last.step,
        "ground": {"policy": found.policy.name, "version": found.policy_id, "rule": last.rule},
        "facts": facts,
        "reason": last.reason,
        "automated_decision": last.proposed_by_id is None and last.approved_by_id is None,
        "redress": "Appeal by replying to the memo or through the address in it.",
    }
