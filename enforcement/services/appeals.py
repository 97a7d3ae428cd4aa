"""The account's way back: an appeal stops the clock until somebody who was not involved has decided it."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from enforcement.models import Appeal, Decision, Memo, Stop
from enforcement.rules.transitions import State, Step
from enforcement.services import acceptance, cases, stops
from enforcement.services.cases import Order
from enforcement.services.locks import lock_accounts
from enforcement.services.roles import NotAllowed, check_may_decide, is_among


class AppealRefused(Exception):
    """The appeal cannot be filed or decided; the sentence says why."""


@transaction.atomic
def file(*, decision_id: int, statement: str, now: datetime) -> Appeal:
    """Contest an applied decision. The first appeal of a decision stops the clock; later ones are heard, but do not."""
    decision = _appealable(decision_id, now)
    appeal = Appeal.objects.create(
        case=decision.case,
        decision=decision,
        statement=statement,
        suspensive=not decision.appeals.filter(suspensive=True).exists(),
        filed_at=now,
    )
    if appeal.suspensive:
        # A step that waited for approval would otherwise be taken the moment the appeal ends.
        cases.lapse([decision.case], now=now)
        stops.stop([decision.case], Stop.Kind.APPEAL, "An appeal is open.", now=now)
        stops.resume([decision.case], [Stop.Kind.APPROVAL], now=now)
    return appeal


@transaction.atomic
def decide(*, appeal_id: int, overturn: bool, reason: str, by: User, now: datetime) -> Appeal:
    """Decide an appeal. Overturned, the case closes and all its restrictions are lifted; upheld, the clock goes on."""
    role = check_may_decide(by)
    if not reason.strip():
        raise AppealRefused("A reason is required: the account will read it.")
    appeal = _open_appeal(appeal_id)
    contested = appeal.decision
    if is_among(by, [contested.proposed_by_id, contested.approved_by_id, contested.seconded_by_id]):
        raise NotAllowed("Somebody who was not involved in the decision has to decide its appeal.")
    appeal.status = Appeal.Status.OVERTURNED if overturn else Appeal.Status.UPHELD
    appeal.decided_at, appeal.decided_by, appeal.reason = now, by, reason.strip()
    appeal.save()
    case = appeal.case
    if overturn and case.state != State.CLOSED:
        cases.apply(
            [
                Order(
                    case=case,
                    step=Step.REINSTATE,
                    people=1,
                    reason=appeal.reason,
                    rule=case.rule,
                    facts=contested.facts,
                    proposed_by=by,
                    proposed_as=role,
                    override_of=contested,
                )
            ],
            now=now,
        )
    elif not case.appeals.filter(status=Appeal.Status.OPEN, suspensive=True).exists():
        stops.resume([case], [Stop.Kind.APPEAL], now=now)
    return appeal


def _appealable(decision_id: int, now: datetime) -> Decision:
    decision = _under_lock(decision_id)
    if decision.status != Decision.Status.APPLIED or decision.case.state == State.CLOSED:
        raise AppealRefused("Only a decision in force can be contested.")
    memo = Memo.objects.filter(decision=decision, before_due=None).first()
    accepted_at = acceptance.receptions([memo.pk])[memo.pk].accepted_at if memo else None
    if accepted_at is not None and now > accepted_at + decision.policy.rules.appeals.window:
        raise AppealRefused("The time to contest this decision is over.")
    if decision.appeals.filter(status=Appeal.Status.OPEN).exists():
        raise AppealRefused("An appeal against this decision is open already.")
    return decision


def _under_lock(decision_id: int) -> Decision:
    account = Decision.objects.values_list("case__account_id", flat=True).get(pk=decision_id)
    lock_accounts([account], wait=True)
    return Decision.objects.select_related("case", "case__policy", "policy").get(pk=decision_id)


def _open_appeal(appeal_id: int) -> Appeal:
    account = Appeal.objects.values_list("case__account_id", flat=True).get(pk=appeal_id)
    lock_accounts([account], wait=True)
    appeal = Appeal.objects.select_related("case", "case__policy", "decision").get(pk=appeal_id)
    if appeal.status != Appeal.Status.OPEN:
        raise AppealRefused(f"This appeal is {appeal.status} already.")
    return appeal
