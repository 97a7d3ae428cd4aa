"""What staff do by hand: propose a step, agree to a held one, or refuse it."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from django.contrib.auth.models import User
from django.db import OperationalError, transaction

from enforcement.models import Case, Contact, Decision, PolicyVersion, Score, Stop
from enforcement.rules.decisions import Proposal, people_by_hand, still_unsupported
from enforcement.rules.transitions import NEEDS_NOTICE, WORSENING, State, Step, find_transition
from enforcement.services import assessment, cases, deadline, stops
from enforcement.services.cases import Order
from enforcement.services.locks import lock_accounts
from enforcement.services.manners import manners_of
from enforcement.services.roles import (
    NotAllowed,
    Role,
    check_may_approve,
    check_may_decide,
    check_still_held,
    is_among,
)
from faultpoints import faultpoint, port

# The automation cures, withdraws and frees; `services.restrict_now` is the path without notice.
BY_HAND = (Step.WARN, Step.RESTRICT, Step.SUSPEND, Step.BLOCK, Step.DISMISS, Step.REINSTATE)


class ReviewRefused(Exception):
    """What the person asked for does not go; the sentence says why. Nothing was written."""


@port("admin.propose.commit", OperationalError)
@transaction.atomic
def propose(
    *, case_id: int, step: Step, reason: str, by: User, now: datetime, version: int, credentials: Sequence[str] = ()
) -> Decision:
    """Take a step by hand, or hold it for a second person. `version` is the case's as the person saw it.

    Raises ReviewRefused, NotAllowed, NoticeNotOver, BrakePulled or StepRefused.
    """
    role = check_may_decide(by)
    reason = required(reason)
    if step not in BY_HAND:
        raise ReviewRefused(f"The step {step} is not taken by hand.")
    case = _locked(case_id)
    if case.version != version:
        raise ReviewRefused("The case has changed since you opened it; look at it again.")
    if Decision.objects.filter(case=case, status=Decision.Status.HELD).exists() and step in WORSENING | {Step.WARN}:
        raise ReviewRefused("A decision on this case is held already; approve or refuse that one.")
    if step is Step.WARN and not Contact.objects.filter(account=case.account_id).exists():
        raise ReviewRefused("The account has no contact that a warning could be sent to.")
    people = people_by_hand(State(case.state), step, manners_of(case.account))
    order = Order(
        case=case,
        step=step,
        people=people,
        reason=reason,
        rule=case.rule,
        facts=facts_of(case),
        proposed_by=by,
        proposed_as=role,
        credentials=credentials,
    )
    return cases.apply([order], now=now)[0]


@port("admin.approve.commit", OperationalError)
@transaction.atomic
def approve(*, decision_id: int, reason: str, by: User, now: datetime) -> Decision:
    """Agree to a held decision. It is looked at again first: if it no longer holds, it lapses and nothing happens."""
    reason = required(reason)
    decision = held(decision_id)
    case, step = decision.case, Step(decision.step)
    by_hand = decision.proposed_by_id is not None
    role = check_may_approve(by, State(case.state), step, by_hand=by_hand)
    _check_signatures(decision, by, role)
    if not _still_holds(case, step, by_hand, now):
        cases.lapse([case], now=now)
        stops.resume([case], [Stop.Kind.APPROVAL], now=now)
        decision.refresh_from_db()
        return decision
    _sign(decision, by, role, reason)
    order = Order(
        case=case,
        step=step,
        people=decision.people,
        reason=decision.reason,
        rule=decision.rule,
        facts=decision.facts,
        credentials=decision.credentials,
        held=decision,
    )
    cases.apply([order], now=now)
    faultpoint("admin.approve.before_commit")
    return decision


@transaction.atomic
def refuse(*, decision_id: int, reason: str, by: User, now: datetime) -> Decision:
    """Decline a held decision; the clock goes on with what remained, or with the policy's minimum."""
    decision = held(decision_id)
    check_may_decide(by, Step(decision.step))
    if is_among(by, [decision.proposed_by_id]):
        raise NotAllowed("Somebody else has to refuse it: it is your own proposal.")
    decision.status, decision.settled_at = Decision.Status.REFUSED, now
    decision.refused_because, decision.refused_by = required(reason), by
    decision.save()
    stops.resume([decision.case], [Stop.Kind.APPROVAL], now=now)
    _close_if_opened_for(decision, now)
    return decision


def _close_if_opened_for(decision: Decision, now: datetime) -> None:
    """A case that was opened to restrict without notice has no other reason to be there, and nobody heard of it."""
    case = decision.case
    if decision.basis and case.state == State.OPEN and case.opened_at == decision.decided_at:
        reason = "A restriction without notice was proposed and refused."
        cases.apply([Order(case=case, step=Step.CURE, people=0, reason=reason, rule=case.rule)], now=now)


# -- signatures --------------------------------------------------------------------------------------------------


def _check_signatures(decision: Decision, by: User, role: Role) -> None:
    """Nobody signs twice, whoever signed could do so still, and counsel is among them where the table says so."""
    signed = [
        (decision.proposed_by, decision.proposed_as),
        (decision.approved_by, decision.approved_as),
        (decision.seconded_by, decision.seconded_as),
    ]
    if is_among(by, (person for person, _ in signed)):
        raise NotAllowed("Somebody else has to agree: you have already put your name to this decision.")
    check_still_held(signed)
    missing = decision.people - sum(person is not None for person, _ in signed) - 1
    roles = {role, *(each for person, each in signed if person)}
    takes_counsel = find_transition(State(decision.case.state), Step(decision.step)).counsel
    if takes_counsel and missing <= 0 and Role.COUNSEL not in roles:
        raise NotAllowed(f"Counsel has to agree: {by} is not counsel, and nobody who signed before is.")


def _sign(decision: Decision, by: User, role: Role, reason: str) -> None:
    if decision.approved_by_id is None:
        decision.approved_by, decision.approved_as = by, role
    else:
        decision.seconded_by, decision.seconded_as = by, role
    decision.agreed_because = "\n\n".join(filter(None, (decision.agreed_because, reason)))
    decision.save(update_fields=["approved_by", "approved_as", "seconded_by", "seconded_as", "agreed_because"])


# -- looking again -----------------------------------------------------------------------------------------------


def _still_holds(case: Case, step: Step, by_hand: bool, now: datetime) -> bool:
    """Whether a held step may be taken on what is known at this moment; a person's own reasons are the person's."""
    if step not in NEEDS_NOTICE | {Step.WARN}:
        return True
    active = PolicyVersion.objects.get(status=PolicyVersion.Status.ACTIVE)
    if step in NEEDS_NOTICE and not _is_unsupported(case, active):
        return False
    return by_hand or _is_proposed(case, step, active, now)


def _is_unsupported(case: Case, active: PolicyVersion) -> bool:
    """A list that has grown since frees whom it frees, whoever proposed the step."""
    codes = [code for code, _ in cast(list[tuple[str, int]], facts_of(case).get("territories", []))]
    return still_unsupported(codes, case.policy.rules.territories, active.rules.territories)


def _is_proposed(case: Case, step: Step, active: PolicyVersion, now: datetime) -> bool:
    """Whether the automation would propose the same step. Later ones rest on the decision that warned."""
    if case.state == State.OPEN:
        return assessment.warns(case.account_id, active, now=now)
    if case.state == State.WARNED:
        verdict = deadline.judge([case], active, now=now)[case.pk].verdict
        return isinstance(verdict, Proposal) and verdict.step is step
    return True


def _locked(case_id: int) -> Case:
    """The case as it is under its account's lock."""
    account = Case.objects.filter(pk=case_id).values_list("account_id", flat=True).first()
    if account is None:
        raise ReviewRefused("There is no such case.")
    lock_accounts([account], wait=True)
    return Case.objects.select_related("account", "policy").get(pk=case_id)


def held(decision_id: int) -> Decision:
    """The held decision as it is under its account's lock."""
    case_id = Decision.objects.filter(pk=decision_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise ReviewRefused("There is no such decision.")
    case = _locked(case_id)
    decision = Decision.objects.select_related("proposed_by", "approved_by", "seconded_by").get(pk=decision_id)
    if decision.status != Decision.Status.HELD:
        raise ReviewRefused(f"This decision is {decision.status} already.")
    decision.case = case
    return decision


def facts_of(case: Case) -> dict[str, object]:
    """What is known now if nothing was told yet; what was told, after that."""
    warned = Decision.objects.filter(case=case, step=Step.WARN, status=Decision.Status.APPLIED).first()
    if warned is not None:
        return dict(warned.facts)
    score = Score.objects.filter(account=case.account_id).first()
    return dict(score.facts) if score else {}


def required(reason: str) -> str:
    """The reason without what surrounds it; raises ReviewRefused where there is none."""
    reason = reason.strip()
    if not reason:
        raise ReviewRefused("A reason is required: the account may read it.")
    return reason
