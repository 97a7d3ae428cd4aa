"""Deadlines that have come: remind, take the next step, cure, or wait. Mail is delivered elsewhere."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import F

from enforcement.models import Case, Decision, Memo, PolicyVersion
from enforcement.rules import deadlines
from enforcement.rules.decisions import Proposal, Wait, later_step, rung_of, still_unsupported
from enforcement.rules.transitions import State, Step
from enforcement.services import cases, deadline, notice, stops
from enforcement.services.batches import BACKOFF, Done, Work, work_off
from enforcement.services.cases import Order
from enforcement.services.facts import facts_of
from enforcement.services.locks import claim_accounts
from enforcement.services.manners import manners_of
from enforcement.services.rows import insert_rows, update_rows

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
        claim=lambda limit: claim_accounts(_DUE, [now], limit),
        decide=lambda accounts: look(accounts, now=now),
        step_aside=lambda account: _step_aside(account, now),
    )
    return {"started": started, "looked": work_off(work, time_box=time_box)}


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
    _remind([case for case in running if case.due_at and case.due_at > now], now)
    due = [case for case in running if case.due_at and case.due_at <= now]
    warned = [case for case in due if case.state == State.WARNED]
    later = [case for case in due if case.state != State.WARNED]  # told apart before anything moves: one step a look
    _settle_warned(warned, now)
    _settle_later(later, now)


def _let_rest(stopped: Sequence[Case]) -> None:
    """A stopped case is looked at again when its clock goes on."""
    for case in stopped:
        case.look_at = None
    update_rows(stopped, ["look_at"])


# -- reminders ---------------------------------------------------------------------------------------------------


def _remind(waiting: Sequence[Case], now: datetime) -> None:
    sent = _sent_reminders(waiting)
    announcing = {
        decision.case_id: decision
        for decision in Decision.objects.filter(case__among=waiting, case_version=F("case__version"))
    }
    reminders = []
    for case in waiting:
        assert case.due_at is not None
        rung = rung_of(State(case.state), case.policy.rules)
        moments = rung.reminders if rung else ()
        before = deadlines.reminder_due(case.due_at, moments, sent.get(case.pk, ()), now)
        if before is not None:
            decision = announcing[case.pk]
            reminders.append(
                Memo(
                    case=case,
                    decision=decision,
                    kind=Memo.Kind.REMINDER,
                    before_due=before,
                    created_at=now,
                    render_at=now,
                )
            )
        case.look_at = deadlines.next_look(case.due_at, moments, now)
    insert_rows(Memo, reminders)
    update_rows(waiting, ["look_at"])


def _sent_reminders(waiting: Sequence[Case]) -> dict[int, list[timedelta]]:
    """By case: the reminders that belong to its present state."""
    sent: dict[int, list[timedelta]] = {}
    memos = Memo.objects.filter(
        case__among=waiting, decision__case_version=F("case__version"), before_due__isnull=False
    )
    for case, before in memos.values_list("case_id", "before_due"):
        if before is not None:
            sent.setdefault(case, []).append(before)
    return sent


# -- the deadline of a warning -------------------------------------------------------------------------------------


def _settle_warned(due: Sequence[Case], now: datetime) -> None:
    active = PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).first()
    if not due or active is None:
        return _look_later(due, now)
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
    cases.apply(orders, now=now)
    return None


def _order(case: Case, proposal: Proposal, rule: str, facts: dict[str, object]) -> Order:
    return Order(case=case, step=proposal.step, people=proposal.people, reason=proposal.reason, rule=rule, facts=facts)


def _look_later(due: Sequence[Case], now: datetime) -> None:
    for case in due:
        case.look_at = now + BACKOFF
    update_rows(due, ["look_at"])


# -- later steps -------------------------------------------------------------------------------------------------


def _settle_later(due: Sequence[Case], now: datetime) -> None:
    """Restricted and suspended cases rest on the decision that warned; refused traffic leaves no new evidence."""
    active = PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).first()
    if not due or active is None:
        return _look_later(due, now)
    warnings = {
        decision.case_id: decision
        for decision in Decision.objects.filter(case__among=due, step=Step.WARN, status=Decision.Status.APPLIED)
    }
    orders = []
    for case in due:
        pinned = case.policy.rules
        facts = warnings[case.pk].facts
        codes = [code for code, _ in facts["territories"]]
        proposal = later_step(State(case.state), pinned, manners_of(case.account))
        if not still_unsupported(codes, pinned.territories, active.rules.territories):
            proposal = Proposal(Step.FREE, 0, "The territory is supported now.")
        if proposal is not None:
            orders.append(_order(case, proposal, case.rule, facts))
    _let_rest(due)
    cases.apply(orders, now=now)
    return None
