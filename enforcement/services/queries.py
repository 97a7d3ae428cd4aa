"""What readers are told of accounts and cases, as data."""

from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet

from enforcement.models import Account, Appeal, Case, Decision, Exemption, Memo, Now, Restriction, Score
from enforcement.rules.capabilities import CAPABILITIES
from enforcement.rules.durations import format_duration
from enforcement.rules.transitions import State, Step, standing_of
from enforcement.services import acceptance, stops
from enforcement.services.acceptance import Reception
from enforcement.services.fields import FieldRefused, account_id
from enforcement.services.statements import statement

_NEXT_RUNG = {State.WARNED: "deadline", State.RESTRICTED: "restriction", State.SUSPENDED: "suspension"}


def find_account(external_id: str) -> Account | None:
    """The account of this id; None for one that we do not know, or that nobody could have told us."""
    try:
        return Account.objects.filter(external_id=account_id(external_id)).first()
    except FieldRefused:
        return None


# -- an account ----------------------------------------------------------------------------------------------------


def account(external_id: str) -> dict[str, Any] | None:
    """The account document, or None for one that we do not know."""
    found = find_account(external_id)
    if found is None:
        return None
    case = Case.objects.filter(account=found).exclude(state=State.CLOSED).select_related("policy").first()
    restrictions = Restriction.objects.filter(account=found, lifted_at=None).order_by("pk")
    return {
        "external_id": found.external_id,
        "standing": standing(case),
        "score": _score(found),
        "capabilities": _capabilities(felt(case)),
        "case": case.reference if case and case.state != State.OPEN else None,
        "restrictions": [_restriction(each) for each in restrictions],
        "exemptions": [_exemption(each) for each in _in_force(found)],
        "notice": _notice(case) if case else None,
    }


def _in_force(found: Account) -> QuerySet[Exemption]:
    standing = Exemption.objects.filter(account=found, starts_at__lte=Now(), ends_at__gt=Now(), ended_at=None)
    return standing.order_by("pk")


def _exemption(each: Exemption) -> dict[str, Any]:
    return {"scope": each.scope, "value": each.value or None, "since": each.starts_at, "until": each.ends_at}


def felt(case: Case | None) -> State:
    """The state that the account feels: that of its open case, unless a late answer of ours has narrowed it."""
    return standing_of(State(case.state), narrowed=case.narrowed_at is not None) if case else State.CLOSED


def standing(case: Case | None) -> str:
    """Standing follows the open case; a review is nobody's business yet."""
    state = felt(case)
    return "clear" if state in (State.OPEN, State.CLOSED) else state.value


def _capabilities(state: State) -> dict[str, Any]:
    able = CAPABILITIES[state]
    return {
        "requests": able.requests.value,
        "jobs": able.jobs.value,
        "results": able.results and format_duration(able.results),
        "self_service": able.self_service and format_duration(able.self_service),
        "top_up": able.top_up,
        "credit": able.credit.value,
    }


def _score(found: Account) -> dict[str, Any]:
    score = Score.objects.filter(account=found).first()
    return {"points": float(score.points), "lines": score.facts["lines"]} if score else {"points": 0.0, "lines": []}


def _restriction(each: Restriction) -> dict[str, Any]:
    return {
        "id": each.pk,
        "scope": each.scope,
        "value": each.value or None,
        "reason_code": each.reason_code,
        "since": each.since,
    }


def _notice(case: Case) -> dict[str, Any] | None:
    """The step that was announced. `due_at` is null until a mail server took the memo that announces it."""
    name = _NEXT_RUNG.get(State(case.state))
    rung = getattr(case.policy.rules.ladder, name) if name else None
    if rung is None or _is_without_notice(case):
        return None
    return {
        "case": case.reference,
        "step": rung.step,
        "due_at": case.due_at,
        "stopped": case.pk in stops.stopped_cases([case]),
    }


def _is_without_notice(case: Case) -> bool:
    """Nothing follows by itself what nobody was warned of."""
    if case.state != State.RESTRICTED:
        return False
    return case.decisions.filter(step=Step.RESTRICT_NOW, status=Decision.Status.APPLIED).exists()


# -- the timeline --------------------------------------------------------------------------------------------------

_PAST_TENSE = {
    "warn": "warned", "restrict": "restricted", "suspend": "suspended", "block": "blocked",
    "restrict_now": "restricted", "dismiss": "dismissed", "cure": "cured", "reinstate": "reinstated",
    "withdraw": "withdrawn", "free": "freed", "narrow": "narrowed", "widen": "widened",
}  # fmt: skip

Event = dict[str, Any]


def timeline(external_id: str) -> list[Event] | None:
    """What happened to the account, oldest first; None for one that we do not know."""
    found = find_account(external_id)
    if found is None:
        return None
    events = []
    for case in _whole(Case.objects.filter(account=found)):
        events.append(_event(case, case.opened_at, "case.opened"))
        for decision in case.decisions.all():
            events += _decided(case, decision)
        memos = list(case.memos.all())
        receptions = acceptance.receptions([memo.pk for memo in memos])
        for memo in memos:
            events += _written(case, memo, receptions[memo.pk])
        for appeal in case.appeals.all():
            events += _appealed(case, appeal)
        for stop in case.stops.all():
            events.append(_event(case, stop.started_at, "clock.stopped", stop.kind))
            events += [_event(case, stop.ended_at, "clock.resumed", stop.kind)] if stop.ended_at else []
    return sorted(events, key=lambda event: event["at"])


def _event(case: Case, at: datetime | None, what: str, reason: str = "") -> Event:
    return {"at": at, "what": what, "case": case.reference, "reason": reason}


def _decided(case: Case, decision: Decision) -> list[Event]:
    past = _PAST_TENSE[decision.step]
    if decision.status == Decision.Status.APPLIED:
        return [_event(case, decision.settled_at, f"case.{past}", decision.reason)]
    held = [_event(case, decision.decided_at, "decision.held", f"{decision.step}: {decision.reason}")]
    if decision.status == Decision.Status.HELD:
        return held
    return [*held, _event(case, decision.settled_at, f"decision.{decision.status}", decision.refused_because)]


def _written(case: Case, memo: Memo, reception: Reception) -> list[Event]:
    if memo.rendered_at is None:
        return []
    moments = {
        "memo.written": memo.rendered_at,
        "memo.accepted": reception.accepted_at or reception.first_taken_at,
        "memo.bounced": reception.bounced_at,
    }
    return [_event(case, at, what, memo.subject) for what, at in moments.items() if at is not None]


def _appealed(case: Case, appeal: Appeal) -> list[Event]:
    events = [_event(case, appeal.filed_at, "appeal.filed")]
    if appeal.escalated_at is not None:
        events.append(_event(case, appeal.escalated_at, "appeal.overdue"))
    if appeal.decided_at is not None:
        events.append(_event(case, appeal.decided_at, f"appeal.{appeal.status}", appeal.reason))
    return events


# -- cases ---------------------------------------------------------------------------------------------------------


def cases(
    *, state: str | None = None, account: str | None = None, due_before: datetime | None = None
) -> QuerySet[Case]:
    """The cases that fit, with what `summary` reads of them."""
    found = Case.objects.select_related("account", "policy")
    if state is not None:
        found = found.filter(state=state)
    if account is not None:
        found = found.filter(account__external_id=account)
    return found if due_before is None else found.filter(due_at__lt=due_before)


def _whole(found: QuerySet[Case]) -> QuerySet[Case]:
    """Cases with everything that hangs on them, in the order in which it came."""
    rows = ((name, getattr(Case, name).rel.related_model) for name in ("decisions", "memos", "appeals", "stops"))
    return found.select_related("account", "policy").prefetch_related(
        *(Prefetch(name, model.objects.order_by("pk")) for name, model in rows)
    )


def case(reference: str) -> dict[str, Any] | None:
    """A case with its decisions, memos, appeals and statement of reasons; None for one that we do not know."""
    found = _whole(Case.objects.filter(reference=reference)).first() if reference.isprintable() else None
    if found is None:
        return None
    receptions = acceptance.receptions([memo.pk for memo in found.memos.all()])
    return {
        **summary(found),
        "decisions": [_decision(each) for each in found.decisions.all()],
        "memos": [_memo(each, receptions[each.pk]) for each in found.memos.all()],
        "appeals": [_appeal(each) for each in found.appeals.all()],
        "statement_of_reasons": statement(found, receptions),
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
        "narrowed_at": case.narrowed_at,
        "closed_at": case.closed_at,
    }


def _decision(each: Decision) -> dict[str, Any]:
    return {
        "id": each.pk,
        "step": each.step,
        "status": each.status,
        "rule": each.rule,
        "reason": each.reason,
        "automated": each.proposed_by_id is None and each.approved_by_id is None,
        "people": each.people,
        "decided_at": each.decided_at,
        "settled_at": each.settled_at,
        "override_of": each.override_of_id,
    }


def _memo(each: Memo, reception: Reception) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "language": each.language or None,
        "subject": each.subject or None,
        "rendered_at": each.rendered_at,
        "told_due_at": each.told_due_at,
        "accepted_at": reception.accepted_at,
        "unreachable": reception.unreachable,
        "cancelled_at": each.cancelled_at,
    }


def _appeal(each: Appeal) -> dict[str, Any]:
    return {
        "id": each.pk,
        "decision": each.decision_id,
        "status": each.status,
        "suspensive": each.suspensive,
        "filed_at": each.filed_at,
        "decide_by": each.decide_by,
        "escalated_at": each.escalated_at,
        "decided_at": each.decided_at,
        "reason": each.reason or None,
    }
