"""The lawful path without notice: an order, sanctions, danger to security, or imminent harm.

It takes two people, one of them counsel (`review.approve` asks for the second), and a legal basis on the record. The
account is told at effect, from a date, or when a gag ends; nothing of the automation follows it.
"""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db import OperationalError, transaction

from enforcement.models import Account, Case, Decision, GagEnd, Memo, PolicyVersion
from enforcement.rules.decisions import people_by_hand
from enforcement.rules.transitions import State, Step
from enforcement.services import cases
from enforcement.services.cases import Order, WithoutNotice
from enforcement.services.locks import lock_accounts
from enforcement.services.manners import manners_of
from enforcement.services.review import ReviewRefused, facts_of, required
from enforcement.services.roles import NotAllowed, Role, check_may_decide, signs_as
from faultpoints import port

ENDING_GAGS = frozenset({Role.COUNSEL, Role.LEAD})


@port("admin.propose.commit", OperationalError)
@transaction.atomic
def propose(
    *,
    account_id: int,
    grounds: WithoutNotice,
    reason: str,
    by: User,
    now: datetime,
    version: int | None,
    credentials: Sequence[str] = (),
) -> Decision:
    """Hold a restriction of the account's traffic, or of these keys, until enough people agree, counsel among them.

    `version` is that of the open case as the person saw it; None where none was open, and one is opened. Raises
    ReviewRefused, NotAllowed or StepRefused.
    """
    role = check_may_decide(by, Step.RESTRICT_NOW)
    reason = required(reason)
    grounds = _checked(grounds, now)
    case = _case(account_id, version, grounds.basis, now)
    order = Order(
        case=case,
        step=Step.RESTRICT_NOW,
        people=people_by_hand(State(case.state), Step.RESTRICT_NOW, manners_of(case.account)),
        reason=reason,
        rule=case.rule,
        facts=facts_of(case),
        proposed_by=by,
        proposed_as=role,
        credentials=credentials,
        without_notice=grounds,
    )
    return cases.apply([order], now=now)[0]


@transaction.atomic
def end_gag(*, decision_id: int, reason: str, by: User, now: datetime) -> GagEnd:
    """Let the account hear of a restriction that it was not told of: its statement goes out. Counsel or a lead."""
    role = signs_as(by, ENDING_GAGS)
    if role is None:
        raise NotAllowed(f"{by} may not end a gag: that takes counsel or a lead.")
    reason = required(reason)
    decision = _gagged(decision_id)
    ended = GagEnd.objects.create(decision=decision, reason=reason, ended_by=by, ended_as=role, ended_at=now)
    Memo.objects.filter(decision=decision, rendered_at=None, cancelled_at=None).update(render_at=now)
    return ended


def _checked(grounds: WithoutNotice, now: datetime) -> WithoutNotice:
    if grounds.basis not in Decision.Basis.values:
        raise ReviewRefused(f"The basis is one of {', '.join(Decision.Basis.values)}.")
    if not grounds.legal_basis.strip():
        raise ReviewRefused(
            "The legal basis is required: the order, the law or the danger, as the account will read it."
        )
    if grounds.gagged and grounds.told_from:
        raise ReviewRefused("The account is told either from a date or when the gag ends, not both.")
    if grounds.told_from and grounds.told_from <= now:
        raise ReviewRefused("The date from which the account is told has passed; leave it out to tell it at once.")
    return WithoutNotice(grounds.basis, grounds.legal_basis.strip(), grounds.told_from, grounds.gagged)


# -- the case ----------------------------------------------------------------------------------------------------------


def _case(account_id: int, version: int | None, basis: Decision.Basis, now: datetime) -> Case:
    """The open case, as the person saw it, under its account's lock; a new one where there was none."""
    if not lock_accounts([account_id], wait=True):
        raise ReviewRefused("There is no such account.")
    standing = Case.objects.filter(account=account_id).exclude(state=State.CLOSED)
    case = standing.select_related("account", "policy").first()
    if (case.version if case else None) != version:
        raise ReviewRefused("The account's case has changed since you opened it; look at it again.")
    if case is None:
        return _opened(account_id, basis, now)
    _make_way(case, now)
    return case


def _opened(account_id: int, basis: Decision.Basis, now: datetime) -> Case:
    active = PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).first()
    if active is None:
        raise ReviewRefused("No policy is in force, and a case rests on one.")
    (case,) = cases.open_cases({account_id: basis}, active, now=now)
    case.account = Account.objects.get(pk=account_id)
    return case


def _make_way(case: Case, now: datetime) -> None:
    """What the automation held comes back by itself if it still holds; what a person proposed is answered first."""
    held = Decision.objects.filter(case=case, status=Decision.Status.HELD).first()
    if held is None:
        return
    if held.proposed_by_id is not None:
        raise ReviewRefused("A decision on this case is held already; approve or refuse that one.")
    cases.lapse([case], now=now)


def _gagged(decision_id: int) -> Decision:
    """A gagged decision that is in force or was, under its account's lock."""
    account = Decision.objects.filter(pk=decision_id).values_list("case__account_id", flat=True).first()
    if account is None:
        raise ReviewRefused("There is no such decision.")
    lock_accounts([account], wait=True)
    decision = Decision.objects.select_related("gag_end").get(pk=decision_id)
    if not decision.gagged or decision.status != Decision.Status.APPLIED:
        raise ReviewRefused("No gag is on this decision.")
    if hasattr(decision, "gag_end"):
        raise ReviewRefused("The gag on this decision has ended already.")
    return decision
