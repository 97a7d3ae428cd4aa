"""The only door through which a case changes its state: decision, case, restriction and memo in one transaction."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from enforcement import metrics
from enforcement.models import Account, Brake, Case, Decision, PolicyVersion, Stop
from enforcement.rules.transitions import ENDING_OF, NEEDS_NOTICE, State, Step, find_transition
from enforcement.services import effects, notice_rule, stops, switches
from enforcement.services.effects import Taken
from enforcement.services.roles import people_of
from enforcement.services.rows import insert_rows, update_rows
from enforcement.services.switches import BrakePulled
from faultpoints import faultpoint

# Crockford's alphabet: no letter that is read as a digit.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


# What a pulled brake keeps back. The path without notice is for orders that cannot wait for us.
_BRAKED = NEEDS_NOTICE | {Step.WARN}


@dataclass(frozen=True, slots=True)
class WithoutNotice:
    """On what a step without notice rests, and when the account is told: at effect, from a date, or after a gag."""

    basis: Decision.Basis
    legal_basis: str
    told_from: datetime | None = None
    gagged: bool = False


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
    proposed_as: str = ""
    credentials: Sequence[str] = ()  # restrict these keys only, instead of the traffic from the territory
    without_notice: WithoutNotice | None = None
    override_of: Decision | None = None
    held: Decision | None = None


def open_cases(accounts: Mapping[int, str], policy: PolicyVersion, *, now: datetime) -> list[Case]:
    """Open a case for each locked account (id to the name of the rule that asks for it)."""
    opened = [
        Case(reference=_reference(), account_id=account, policy=policy, rule=rule, opened_at=now)
        for account, rule in accounts.items()
    ]
    written = insert_rows(Case, opened)
    faultpoint("case.open.before_commit")
    transaction.on_commit(partial(faultpoint, "case.open.after_commit"))
    return written


def _reference() -> str:
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"AE-{drawn[:4]}-{drawn[4:]}"


def apply(orders: Sequence[Order], *, now: datetime) -> list[Decision]:
    """Take or hold each step; the caller holds the accounts' locks and has looked again. One order a case.

    Raises StepRefused, NoticeNotOver or BrakePulled before anything is written.
    """
    faultpoint("decide.locked")
    for order in orders:
        find_transition(State(order.case.state), order.step)
    ready = [order for order in orders if _enough_people(order)]
    waiting = [order for order in orders if not _enough_people(order)]
    _heed_the_brake(orders)
    proofs = notice_rule.prove([order.case for order in ready if order.step in NEEDS_NOTICE], now=now)
    faultpoint("decide.rechecked")
    held = insert_rows(Decision, (_decision(order, now) for order in waiting if order.held is None))
    stops.stop([order.case for order in waiting], Stop.Kind.APPROVAL, "A person has to agree.", now=now)
    decided = held + _take(ready, proofs, now=now)
    faultpoint("decide.before_commit")
    transaction.on_commit(lambda: _count(decided))
    return decided


def _heed_the_brake(orders: Sequence[Order]) -> None:
    """Nobody can pull the brake between this look and our commit."""
    if any(order.step in _BRAKED for order in orders):
        pulled_at = switches.share(Brake.What.ENFORCEMENT)
        if pulled_at is not None:
            raise BrakePulled(pulled_at)


def _count(decided: Sequence[Decision]) -> None:
    faultpoint("decide.after_commit")
    for decision in decided:
        metrics.DECISIONS.labels(decision.step, decision.status).inc()


def _enough_people(order: Order) -> bool:
    names = [order.held.proposed_by_id, order.held.approved_by_id, order.held.seconded_by_id] if order.held else []
    names += [order.proposed_by.pk] if order.proposed_by else []
    return not order.people or len(people_of(names)) >= order.people


def lapse(cases: Sequence[Case], *, besides: Sequence[int] = (), now: datetime) -> None:
    """Held decisions of these cases no longer hold: something else happened first."""
    held = Decision.objects.filter(case__among=cases, status=Decision.Status.HELD).exclude(pk__in=besides)
    held.update(status=Decision.Status.LAPSED, settled_at=now)


# -- writing -----------------------------------------------------------------------------------------------------


_CASE_FIELDS = (
    "state", "outcome", "policy", "rule", "version", "closed_at", "narrowed_at",
    "accepted_at", "due_at", "notice", "remaining", "look_at", "attempts",
)  # fmt: skip


def _take(orders: Sequence[Order], proofs: Mapping[int, notice_rule.Proof], *, now: datetime) -> list[Decision]:
    taken = [_taken(order, proofs.get(order.case.pk), now) for order in orders]
    moved = [each.case for each in taken if each.transition.target != each.case.state]
    stops.end(moved, now=now)
    lapse(moved, besides=[order.held.pk for order in orders if order.held], now=now)
    for each in taken:
        _advance(each, now)
    _write_decisions(orders, taken)
    update_rows([each.case for each in taken], _CASE_FIELDS)
    effects.write(taken, now=now)
    Account.objects.filter(pk__among=[each.case.account_id for each in taken]).update(version=F("version") + 1)
    return [each.decision for each in taken]


def _taken(order: Order, proof: notice_rule.Proof | None, now: datetime) -> Taken:
    case, decision = order.case, order.held or _decision(order, now)
    if proof is not None:
        decision.rests_on_id, decision.due_at, decision.notice = proof.memo_id, proof.due_at, proof.notice
    transition = find_transition(State(case.state), order.step)
    if transition.target is State.WARNED:
        case.rule = order.rule
    return Taken(case, transition, decision, told=case.accepted_at is not None)


def _decision(order: Order, now: datetime) -> Decision:
    grounds = order.without_notice
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
        proposed_as=order.proposed_as,
        override_of=order.override_of,
        decided_at=now,
        basis=grounds.basis if grounds else "",
        legal_basis=grounds.legal_basis if grounds else "",
        told_from=grounds.told_from if grounds else None,
        gagged=grounds is not None and grounds.gagged,
    )


def _advance(each: Taken, now: datetime) -> None:
    """The new state, in memory."""
    case, transition, decision = each.case, each.transition, each.decision
    case.version, case.attempts = case.version + 1, 0
    case.narrowed_at = now if transition.step is Step.NARROW else None
    if transition.target != case.state:
        # Whoever took the step before is told anew, so the clock waits for an acceptance.
        case.accepted_at = case.due_at = case.notice = case.remaining = case.look_at = None
    case.state = transition.target
    if transition.target is State.CLOSED:
        case.outcome, case.closed_at = ENDING_OF[transition.step], now
    decision.status, decision.case_version, decision.settled_at = Decision.Status.APPLIED, case.version, now


_SETTLED = (
    "status", "case_version", "settled_at", "approved_by", "approved_as", "seconded_by", "seconded_as",
    "rests_on", "due_at", "notice",
)  # fmt: skip


def _write_decisions(orders: Sequence[Order], taken: Sequence[Taken]) -> None:
    pairs = list(zip(orders, taken, strict=True))
    insert_rows(Decision, (each.decision for order, each in pairs if order.held is None))
    update_rows([each.decision for order, each in pairs if order.held is not None], _SETTLED)
