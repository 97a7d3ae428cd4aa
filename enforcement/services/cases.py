"""The only door through which a case changes its state: decision, case, restriction and memo in one transaction."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from enforcement import metrics
from enforcement.models import Account, Case, Decision, Memo, PolicyVersion, Restriction, Stop
from enforcement.rules.transitions import (
    ENDING_OF,
    WORSENING,
    Effect,
    Scope,
    State,
    Step,
    Transition,
    find_transition,
)
from enforcement.services import memos, stops
from enforcement.services.rows import insert_rows, update_rows

# Crockford's alphabet: no letter that is read as a digit.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class NoticeNotOver(Exception):
    """A step that makes things worse before the notice has run, or while something stops the clock."""

    def __init__(self, case: Case, stopped: bool) -> None:
        why = "its clock is stopped" if stopped else f"its notice runs until {case.due_at or 'a memo was accepted'}"
        super().__init__(f"Case {case.reference} cannot be taken further: {why}.")


@dataclass(slots=True)
class Order:
    """One step to take on a case that was read under its account's lock.

    `people` is how many must agree. With fewer names on it the decision is held, and nothing else happens yet;
    `held` is the decision that was held before and is now settled by this order.
    """

    case: Case
    step: Step
    people: int
    reason: str
    rule: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    proposed_by: User | None = None
    credentials: Sequence[str] = ()  # restrict these keys only, instead of the traffic from the territory
    override_of: Decision | None = None
    held: Decision | None = None


def open_cases(accounts: Mapping[int, str], policy: PolicyVersion, *, now: datetime) -> list[Case]:
    """Open a case for each locked account (id to the name of the rule that asks for it)."""
    opened = [
        Case(reference=_reference(), account_id=account, policy=policy, rule=rule, opened_at=now)
        for account, rule in accounts.items()
    ]
    return insert_rows(Case, opened)


def _reference() -> str:
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"AE-{drawn[:4]}-{drawn[4:]}"


def apply(orders: Sequence[Order], *, now: datetime) -> list[Decision]:
    """Take or hold each step; the caller holds the accounts' locks and has looked again. One order a case.

    Raises StepRefused or NoticeNotOver before anything is written.
    """
    ready = [order for order in orders if _enough_people(order)]
    waiting = [order for order in orders if not _enough_people(order)]
    _refuse_early(ready, now=now)
    held = insert_rows(Decision, (_decision(order, now) for order in waiting if order.held is None))
    stops.stop([order.case for order in waiting], Stop.Kind.APPROVAL, "A person has to agree.", now=now)
    decided = held + _take(ready, now=now)
    transaction.on_commit(lambda: _count(decided))
    return decided


def _count(decided: Sequence[Decision]) -> None:
    for decision in decided:
        metrics.DECISIONS.labels(decision.step, decision.status).inc()


def _enough_people(order: Order) -> bool:
    names = [order.held.proposed_by_id, order.held.approved_by_id, order.held.seconded_by_id] if order.held else []
    names += [order.proposed_by.pk] if order.proposed_by else []
    return len({name for name in names if name}) >= order.people


def _refuse_early(orders: Sequence[Order], *, now: datetime) -> None:
    """The notice rule, for the automation and for people alike; `restrict_now` is the only way past it."""
    stopped = stops.stopped_cases([order.case for order in orders], besides=Stop.Kind.APPROVAL)
    for order in orders:
        find_transition(State(order.case.state), order.step)
        early = order.case.due_at is None or order.case.due_at > now or order.case.pk in stopped
        if early and order.step in WORSENING - {Step.RESTRICT_NOW}:
            raise NoticeNotOver(order.case, order.case.pk in stopped)


def lapse(cases: Sequence[Case], *, besides: Sequence[int] = (), now: datetime) -> None:
    """Held decisions of these cases no longer hold: something else happened first."""
    held = Decision.objects.filter(case__among=cases, status=Decision.Status.HELD).exclude(pk__in=besides)
    held.update(status=Decision.Status.LAPSED, settled_at=now)


# -- writing -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Taken:
    """An order on its way through the writers."""

    order: Order
    transition: Transition
    decision: Decision
    told: bool = False  # whether the account heard of the case before

    @property
    def case(self) -> Case:
        return self.order.case


_CASE_FIELDS = (
    "state", "outcome", "policy", "rule", "version", "closed_at",
    "accepted_at", "due_at", "remaining", "look_at", "attempts",
)  # fmt: skip


def _take(orders: Sequence[Order], *, now: datetime) -> list[Decision]:
    taken = [
        _Taken(order, find_transition(State(order.case.state), order.step), order.held or _decision(order, now))
        for order in orders
    ]
    cases = [each.case for each in taken]
    stops.end(cases, now=now)
    lapse(cases, besides=[each.decision.pk for each in taken if each.order.held], now=now)
    for each in taken:
        _advance(each, now)
    _write_decisions(taken)
    update_rows(cases, _CASE_FIELDS)
    for effect, write in _WRITERS.items():
        write([each for each in taken if effect in each.transition.effects], now)
    Account.objects.filter(pk__among=[case.account_id for case in cases]).update(version=F("version") + 1)
    return [each.decision for each in taken]


def _decision(order: Order, now: datetime) -> Decision:
    return Decision(
        case=order.case,
        step=order.step,
        status=Decision.Status.HELD,
        from_state=order.case.state,
        rule=order.rule,
        reason=order.reason,
        policy=order.case.policy,
        facts=dict(order.facts),
        credentials=list(order.credentials),
        people=order.people,
        proposed_by=order.proposed_by,
        override_of=order.override_of,
        decided_at=now,
    )


def _advance(each: _Taken, now: datetime) -> None:
    """The new state, in memory. Whoever took the step before is told anew, so the clock waits for an acceptance."""
    case, target = each.case, each.transition.target
    each.told = case.accepted_at is not None
    case.state, case.version, case.attempts = target, case.version + 1, 0
    case.accepted_at = case.due_at = case.remaining = case.look_at = None
    if target is State.WARNED:
        case.rule = each.order.rule
    if target is State.CLOSED:
        case.outcome, case.closed_at = ENDING_OF[each.transition.step], now
    decision = each.decision
    decision.status, decision.case_version, decision.settled_at = Decision.Status.APPLIED, case.version, now


def _write_decisions(taken: Sequence[_Taken]) -> None:
    insert_rows(Decision, (each.decision for each in taken if each.order.held is None))
    settled = [each.decision for each in taken if each.order.held is not None]
    update_rows(settled, ("status", "case_version", "settled_at", "approved_by", "seconded_by"))


_RESTRICTION = {
    State.RESTRICTED: (Scope.TERRITORY_TRAFFIC, Restriction.Reason.TERRITORY),
    State.SUSPENDED: (Scope.ACCOUNT, Restriction.Reason.SUSPENDED),
    State.BLOCKED: (Scope.ACCOUNT, Restriction.Reason.BLOCKED),
}


def _restrict(taken: Sequence[_Taken], now: datetime) -> None:
    """The restrictions of the new state take the place of those of the old one."""
    _lift(taken, now)
    restrictions = [
        Restriction(
            account_id=each.case.account_id,
            case_id=each.case.pk,
            decision_id=each.decision.pk,
            scope=scope,
            value=value,
            reason_code=reason,
            since=now,
        )
        for each in taken
        for scope, value, reason in _restrictions(each)
    ]
    insert_rows(Restriction, restrictions)


def _restrictions(each: _Taken) -> list[tuple[Scope, str, Restriction.Reason]]:
    if each.decision.credentials:
        return [(Scope.CREDENTIAL, key, Restriction.Reason.CREDENTIAL) for key in each.decision.credentials]
    scope, reason = _RESTRICTION[each.transition.target]
    return [(scope, "", reason)]


def _lift(taken: Sequence[_Taken], now: datetime) -> None:
    by_case = {each.case.pk: each.decision for each in taken}
    standing = list(Restriction.objects.filter(case__among=by_case, lifted_at__isnull=True))
    for restriction in standing:
        restriction.lifted_at, restriction.lifted_by = now, by_case[restriction.case_id]
    update_rows(standing, ("lifted_at", "lifted_by"))


_MEMO_OF_STATE = {
    State.WARNED: Memo.Kind.WARNING,
    State.RESTRICTED: Memo.Kind.RESTRICTION,
    State.SUSPENDED: Memo.Kind.SUSPENSION,
    State.BLOCKED: Memo.Kind.BLOCK,
}


def _send_memo(taken: Sequence[_Taken], now: datetime) -> None:
    """Queue the memo of each step. What was still on its way is withdrawn; who never heard of a case hears nothing."""
    still_out = memos.cancel([each.case.pk for each in taken], now=now)
    queued = [
        Memo(case_id=each.case.pk, decision_id=each.decision.pk, kind=_kind(each), created_at=now, render_at=now)
        for each in taken
        if each.transition.target is not State.CLOSED or each.told or each.case.pk in still_out
    ]
    insert_rows(Memo, queued)


def _kind(each: _Taken) -> Memo.Kind:
    if each.transition.step is Step.CURE:
        return Memo.Kind.CURE
    return _MEMO_OF_STATE.get(each.transition.target, Memo.Kind.REINSTATEMENT)


def _in_the_row(_: Sequence[_Taken], __: datetime) -> None:
    """Deadlines are columns of the case, and `_advance` has set them."""


# A new effect without a writer fails here, at import. Restrictions come before the memo that tells of them.
_WRITER_OF: dict[Effect, Callable[[Sequence[_Taken], datetime], None]] = {
    Effect.RESTRICT: _restrict,
    Effect.LIFT: _lift,
    Effect.SEND_MEMO: _send_memo,
    Effect.AWAIT_ACCEPTANCE: _in_the_row,
    Effect.CLEAR_DEADLINE: _in_the_row,
}
_WRITERS = {effect: _WRITER_OF[effect] for effect in (*_WRITER_OF, *Effect)}
