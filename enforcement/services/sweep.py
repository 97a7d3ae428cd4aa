"""Deadlines that have come: remind, take the next step, cure, or wait. Mail is delivered elsewhere."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db.models import F, Q

from enforcement.models import Brake, Case, Decision, PolicyVersion
from enforcement.rules.decisions import Proposal, Wait, later_step, still_unsupported
from enforcement.rules.transitions import NEEDS_NOTICE, State, Step
from enforcement.services import (
    brake,
    budget,
    cases,
    clock_guard,
    deadline,
    holds,
    notice,
    overdue,
    reminders,
    stops,
    switches,
)
from enforcement.services.batches import BACKOFF, Done, Work, work_off
from enforcement.services.cases import Order
from enforcement.services.facts import facts_of
from enforcement.services.locks import claim_accounts
from enforcement.services.manners import manners_by_account
from enforcement.services.rows import update_rows
from faultpoints import faultpoint

_DUE = """
SELECT account_id FROM enforcement_case
 WHERE look_at <= %(now)s AND accepted_at IS NOT NULL AND remaining IS NULL AND state <> 'closed'
 ORDER BY look_at, id
"""
_FROZEN = """
SELECT account_id FROM enforcement_case AS frozen
 WHERE remaining IS NOT NULL AND state <> 'closed' AND (look_at IS NULL OR look_at <= %(now)s)
   AND NOT EXISTS (SELECT FROM enforcement_stop WHERE case_id = frozen.id AND ended_at IS NULL)
"""


def sweep(*, now: datetime, time_box: float | None = None) -> dict[str, Done]:
    """Start the clocks of accepted memos, look at every case that is due until nothing is, and at late answers."""
    if not clock_guard.check(now=now):
        return {}
    brake.watch(now=now)
    started = notice.start_clocks(now=now, time_box=time_box)
    released = brake.let_go(now=now, time_box=time_box)
    ended = holds.end_due(now=now, time_box=time_box)
    forgotten = _work("resumed", _FROZEN, lambda accounts: _go_on(accounts, now), now)
    due = _work("sweep", _DUE, lambda accounts: look(accounts, now=now), now)
    return {
        "started": started,
        "released": released,
        "ended": ended,
        "resumed": work_off(forgotten, time_box=time_box),
        "looked": work_off(due, time_box=time_box),
        "escalated": overdue.escalate(now=now, time_box=time_box),
    }


def _work(name: str, due: str, decide: Callable[[list[int]], None], now: datetime) -> Work:
    """Nothing of it while the brake is pulled; and nobody pulls it before the batch is through."""

    def claim(limit: int) -> list[int]:
        braked = switches.share(Brake.What.ENFORCEMENT) is not None
        return [] if braked else claim_accounts(due, now, limit)

    return Work(name, claim, decide, step_aside=lambda account: _step_aside(account, now))


def _go_on(account_ids: Sequence[int], now: datetime) -> None:
    """The last stop of these ended while the brake was pulled, or at the moment of its release."""
    frozen = Case.objects.filter(account__among=account_ids, remaining__isnull=False).exclude(state=State.CLOSED)
    stops.go_on(list(frozen.select_related("policy")), now=now)


def _step_aside(account: int, now: datetime) -> None:
    """A case that failed waits; its deadline stays, since late is allowed and early is not."""
    failed = Case.objects.filter(Q(look_at__lte=now) | Q(remaining__isnull=False), account=account)
    failed.update(attempts=F("attempts") + 1, look_at=now + BACKOFF)


def look(account_ids: Sequence[int], *, now: datetime) -> None:
    """Look again, under the locks, at the due cases of these accounts and do what is to be done."""
    faultpoint("sweep.selected")
    found = list(
        Case.objects.filter(account__among=account_ids, look_at__lte=now, accepted_at__isnull=False, remaining=None)
        .exclude(state=State.CLOSED)
        .select_related("account")
        .prefetch_related("policy")  # one document for all, instead of one with every row
    )
    stopped = stops.stopped_cases(found)
    running = [case for case in found if case.pk not in stopped]
    _let_rest([case for case in found if case.pk in stopped])
    reminders.remind([case for case in running if case.due_at and case.due_at > now], now=now)
    _settle([case for case in running if case.due_at and case.due_at <= now], now)


def _let_rest(stopped: Sequence[Case]) -> None:
    """A stopped case is looked at again when its clock goes on."""
    for case in stopped:
        case.look_at = None
    update_rows(stopped, ["look_at"])


# -- what is due --------------------------------------------------------------------------------------------------


def _settle(due: Sequence[Case], now: datetime) -> None:
    """One step a look: the orders are all made before anything moves."""
    active = PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).first()
    if not due or active is None:
        return _look_later(due, now)
    warned = [case for case in due if case.state == State.WARNED]
    later = [case for case in due if case.state != State.WARNED]
    orders = [*_at_the_deadline(warned, active, now), *_later_steps(later, active)]
    cases.apply(_affordable(orders, active, now), now=now)
    return None


def _affordable(orders: Sequence[Order], active: PolicyVersion, now: datetime) -> list[Order]:
    """All but what the automation's budget does not cover: that stays due, and the brake is pulled for it."""
    costly = [order for order in orders if order.people == 0 and order.step in NEEDS_NOTICE]
    granted = budget.reserve(len(costly), policy=active.rules, now=now) if costly else 0
    unpaid = {order.case.pk for order in costly[granted:]}
    return [order for order in orders if order.case.pk not in unpaid]


def _at_the_deadline(due: Sequence[Case], active: PolicyVersion, now: datetime) -> list[Order]:
    """Warned cases are judged again on what is known now; those that the rules let wait are looked at later."""
    if not due:
        return []
    findings = deadline.judge(due, active, now=now)
    orders, waiting = [], []
    for case in due:
        finding = findings[case.pk]
        match finding.verdict:
            case Wait(until=until):
                case.look_at = until
                waiting.append(case)
            case Proposal() as proposal:
                rule = finding.outcome.rule if finding.outcome else case.rule
                orders.append(_order(case, proposal, rule, facts_of(finding.score, finding.outcome)))
    update_rows(waiting, ["look_at"])
    return orders


def _later_steps(due: Sequence[Case], active: PolicyVersion) -> list[Order]:
    """Restricted and suspended cases rest on the decision that warned; refused traffic leaves no new evidence."""
    if not due:
        return []
    warnings = {
        decision.case_id: decision
        for decision in Decision.objects.filter(case__among=due, step=Step.WARN, status=Decision.Status.APPLIED)
    }
    manners = manners_by_account(case.account for case in due)
    orders, resting = [], []
    for case in due:
        pinned, warning = case.policy.rules, warnings.get(case.pk)
        proposal = later_step(State(case.state), pinned, manners[case.account_id], case.rule) if warning else None
        facts = warning.facts if warning else {}
        codes = [code for code, _ in facts.get("territories", ())]
        if warning and not still_unsupported(codes, pinned.territories, active.rules.territories):
            proposal = Proposal(Step.FREE, 0, "The territory is supported now.")
        if proposal is None:
            resting.append(case)
        else:
            orders.append(_order(case, proposal, case.rule, facts))
    _let_rest(resting)
    return orders


def _order(case: Case, proposal: Proposal, rule: str, facts: dict[str, object]) -> Order:
    return Order(case=case, step=proposal.step, people=proposal.people, reason=proposal.reason, rule=rule, facts=facts)


def _look_later(due: Sequence[Case], now: datetime) -> None:
    for case in due:
        case.look_at = now + BACKOFF
    update_rows(due, ["look_at"])
