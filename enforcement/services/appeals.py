"""The account's way back: an appeal stops the clock until somebody who was not involved has decided it."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from django.contrib.auth.models import User
from django.db import OperationalError, transaction

from enforcement.models import Appeal, Case, Decision, Memo, Stop
from enforcement.rules.transitions import WORSENING, State, Step
from enforcement.services import acceptance, cases, clock, stops
from enforcement.services.cases import Order
from enforcement.services.locks import lock_accounts
from enforcement.services.roles import NotAllowed, Role, check_may_decide, is_among
from faultpoints import faultpoint, port

# What goes against the account. That we were late with an answer, and then gave it, is no decision of its own.
CONTESTABLE = WORSENING | {Step.WARN}


class AppealRefused(Exception):
    """The appeal cannot be filed or decided; the sentence says why."""


@port("appeal.commit", OperationalError)
@transaction.atomic
def file(*, decision_id: int, statement: str, now: datetime) -> Appeal:
    """Contest an applied decision. The first appeal of a decision stops the clock; later ones are heard, but do not.

    Raises AppealRefused.
    """
    decision = _appealable(decision_id, now)
    now = clock.after_waiting(now)
    appeal = Appeal.objects.create(
        case=decision.case,
        decision=decision,
        statement=statement,
        suspensive=not decision.appeals.filter(suspensive=True).exists(),
        filed_at=now,
        decide_by=now + decision.policy.rules.appeals.decide_within,
    )
    if appeal.suspensive:
        # A step that waited for approval would otherwise be taken the moment the appeal ends.
        cases.lapse([decision.case], now=now)
        stops.stop([decision.case], Stop.Kind.APPEAL, "An appeal is open.", now=now)
        stops.resume([decision.case], [Stop.Kind.APPROVAL], now=now)
    faultpoint("appeal.before_commit")
    transaction.on_commit(partial(faultpoint, "appeal.after_commit"))
    return appeal


@port("appeal.decided.commit", OperationalError)
@transaction.atomic
def decide(*, appeal_id: int, overturn: bool, reason: str, by: User, now: datetime) -> Appeal:
    """Decide an appeal. Overturned, the case closes and all its restrictions are lifted; upheld, the clock goes on.

    Raises AppealRefused, or NotAllowed for who may not decide, or put their name to a step of the case.
    """
    role = check_may_decide(by)
    if not reason.strip():
        raise AppealRefused("A reason is required: the account will read it.")
    appeal = _open_appeal(appeal_id)
    now = clock.after_waiting(now)
    if is_among(by, involved(appeal.case.decisions.all())):
        raise NotAllowed("Somebody who was not involved in the decision has to decide its appeal.")
    appeal.status = Appeal.Status.OVERTURNED if overturn else Appeal.Status.UPHELD
    appeal.decided_at, appeal.decided_by, appeal.reason = now, by, reason.strip()
    appeal.save()
    faultpoint("appeal.decided")
    if appeal.case.state == State.CLOSED:
        return appeal
    if overturn:
        cases.apply([_order(appeal, Step.REINSTATE, role)], now=now)
    else:
        _stands(appeal, role, now)
    return appeal


def involved(decisions: Iterable[Decision]) -> set[int]:
    """The logins of those who put their names to what a case rests on, of the decisions of that case."""
    names = (
        (each.proposed_by_id, each.approved_by_id, each.seconded_by_id)
        for each in decisions
        if each.step in CONTESTABLE and each.status in (Decision.Status.APPLIED, Decision.Status.HELD)
    )
    return {name for signed in names for name in signed if name is not None}


# -- what an answer brings about -----------------------------------------------------------------------------------


def _stands(appeal: Appeal, role: Role, now: datetime) -> None:
    """What was narrowed while we were late is in force again, and the clock goes on where no other appeal stops it."""
    case = appeal.case
    still_open = case.appeals.filter(status=Appeal.Status.OPEN)
    if case.narrowed_at is not None and not still_open.filter(escalated_at__isnull=False).exists():
        cases.apply([_order(appeal, Step.WIDEN, role)], now=now)
        _leave_the_minimum(case, now)
    if not still_open.filter(suspensive=True).exists():
        stops.resume([case], [Stop.Kind.APPEAL], now=now)


def _leave_the_minimum(case: Case, now: datetime) -> None:
    """A later appeal stops no clock, so the next step could come at the very moment of the answer."""
    if case.remaining is None:
        stops.freeze(case, now=now)
        stops.go_on([case], now=now)


def _order(appeal: Appeal, step: Step, role: Role) -> Order:
    return Order(
        case=appeal.case,
        step=step,
        people=1,
        reason=appeal.reason,
        rule=appeal.case.rule,
        facts=appeal.decision.facts,
        proposed_by=appeal.decided_by,
        proposed_as=role,
        override_of=appeal.decision if step is Step.REINSTATE else None,
    )


# -- what can be contested, and answered ---------------------------------------------------------------------------


def _appealable(decision_id: int, now: datetime) -> Decision:
    decision = _under_lock(decision_id)
    in_force = decision.status == Decision.Status.APPLIED and decision.case.state != State.CLOSED
    if not in_force or decision.step not in CONTESTABLE:
        raise AppealRefused("Only a decision in force can be contested.")
    memo = Memo.objects.filter(decision=decision, before_due=None).first()
    accepted_at = acceptance.receptions([memo.pk])[memo.pk].accepted_at if memo else None
    if accepted_at is not None and now > accepted_at + decision.policy.rules.appeals.window:
        raise AppealRefused("The time to contest this decision is over.")
    if decision.appeals.filter(status=Appeal.Status.OPEN).exists():
        raise AppealRefused("An appeal against this decision is open already.")
    return decision


def _under_lock(decision_id: int) -> Decision:
    account = Decision.objects.filter(pk=decision_id).values_list("case__account", flat=True).first()
    if account is None:
        raise AppealRefused("There is no such decision.")
    lock_accounts([account], wait=True)
    return Decision.objects.select_related("case__policy", "policy").get(pk=decision_id)


def _open_appeal(appeal_id: int) -> Appeal:
    account = Appeal.objects.filter(pk=appeal_id).values_list("case__account", flat=True).first()
    if account is None:
        raise AppealRefused("There is no such appeal.")
    lock_accounts([account], wait=True)
    appeal = Appeal.objects.select_related("case__policy", "decision").get(pk=appeal_id)
    if appeal.status != Appeal.Status.OPEN:
        raise AppealRefused(f"This appeal is {appeal.status} already.")
    return appeal
