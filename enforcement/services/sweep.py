"""Deadlines that have come: remind, take the next step, cure, or wait. Mail is delivered elsewhere."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F

from enforcement.models import Brake, Case, Decision, PolicyVersion
from enforcement.rules.decisions import Proposal, Wait, later_step, still_unsupported
from enforcement.rules.transitions import State, Step
from enforcement.services import cases, deadline, notice, reminders, stops, switches
from enforcement.services.batches import BACKOFF, Done, Work, work_off
from enforcement.services.cases import Order
from enforcement.services.facts import facts_of
from enforcement.services.locks import claim_accounts
from enforcement.services.manners import manners_of
from enforcement.services.rows import update_rows

_DUE = """
SELECT account_id FROM enforcement_case
 WHERE look_at <= %s AND accepted_at IS NOT NULL AND state <> 'closed'
 ORDER BY look_at, id
"""


def sweep(*, now: datetime, time_box: float | None = None) -> dict[str, Done]:
    """Start the clocks of accepted memos, then look at every case that is due, until nothing is."""
    started = notice.start_clocks(now=now, time_box=time_box)
    work = Work(
        name="sweep",
        claim=lambda limit: _claim(limit, now),
        decide=lambda accounts: look(accounts, now=now),
        step_aside=lambda account: _step_aside(account, now),
    )
    return {"started": started, "looked": work_off(work, time_box=time_box)}


def _claim(limit: int, now: datetime) -> list[int]:
    """Nothing while the brake is pulled; and nobody pulls it before the batch is through."""
    if switches.share(Brake.What.ENFORCEMENT) is not None:
        return []
    return claim_accounts(_DUE, [now], limit)


def _step_aside(account: int, now: datetime) -> None:
    """A case that failed waits; its deadline stays, since late is allowed and early is not."""
    failed = Case.objects.filter(account=account, look_at__lte=now)
    failed.update(attempts=F("attempts") + 1, look_at=now + BACKOFF)


def look(account_ids: Sequence[int], *, now: datetime) -> None:
    """Look again, under the locks, at the due cases of these accounts and do what is to be done."""
    found = list(
        Case.objects.filter(account__among=account_ids, look_at__lte=now, accepted_at__isnull=False)
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
    cases.apply(orders, now=now)
    return None


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
    warnings = {
        decision.case_id: decision
        for decision in Decision.objects.filter(case__among=due, step=Step.WARN, status=Decision.Status.APPLIED)
    }
    orders, resting = [], []
    for case in due:
        pinned, warning = case.policy.rules, warnings.get(case.pk)
        proposal = later_step(State(case.state), pinned, manners_of(case.account)) if warning else None
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
