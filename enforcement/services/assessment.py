"""From marks to scores to cases: whom new evidence has marked is scored by the active policy."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import F

from enforcement.models import Account, AssessmentMark, Brake, Case, Contact, Decision, PolicyVersion, Score, Stop
from enforcement.rules import decisions, outcomes, scoring
from enforcement.rules.decisions import Manners
from enforcement.rules.exemptions import NOTHING, Exempt, held_against
from enforcement.rules.transitions import State, Step
from enforcement.services import cases, clock_guard, exemptions, history, sightings, stops, switches
from enforcement.services.batches import BACKOFF, Done, Work, work_off
from enforcement.services.cases import Order
from enforcement.services.facts import facts_of
from enforcement.services.locks import claim_accounts
from enforcement.services.manners import manners_by_account
from enforcement.services.rows import put_rows, update_rows
from faultpoints import faultpoint

# A mark that rose since it was read belongs to evidence that the scores have not seen. Rows are locked in id order,
# as intake raises them, so that the two cannot deadlock.
_CLEAR_MARKS = """
WITH read AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS read (account_id, count)),
     done AS (SELECT mark.account_id FROM enforcement_assessmentmark AS mark JOIN read USING (account_id)
               WHERE mark.count = read.count ORDER BY mark.account_id FOR UPDATE OF mark)
DELETE FROM enforcement_assessmentmark WHERE account_id IN (SELECT account_id FROM done)
"""
# Points decay and windows move by UTC days, so a review that got no new evidence is looked at once a day.
_MARK_STALE_REVIEWS = """
INSERT INTO enforcement_assessmentmark (account_id, count, attempts, look_at)
SELECT account_id, 1, 0, %(now)s::timestamptz
  FROM enforcement_case JOIN enforcement_score USING (account_id)
 WHERE state = 'open' AND assessed_at < date_trunc('day', %(now)s::timestamptz, 'UTC')
 ORDER BY account_id
    ON CONFLICT (account_id) DO NOTHING
"""
_DUE = "SELECT account_id FROM enforcement_assessmentmark WHERE look_at <= %(now)s ORDER BY look_at, account_id"


@dataclass(slots=True)
class Assessed:
    """One account with what the policy says of it now."""

    account: Account
    score: scoring.Score
    outcome: outcomes.Outcome | None
    reachable: bool
    exempt: Exempt
    case: Case | None  # the open one


def assess(*, now: datetime, time_box: float | None = None) -> Done:
    """Assess every marked account. Without an active policy, or a clock to trust, the marks wait."""
    active = PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).first()
    if active is None or not clock_guard.check(now=now):
        return Done()
    with connection.cursor() as cursor:
        cursor.execute(_MARK_STALE_REVIEWS, {"now": now})
    exemptions.mark_ended(now=now)
    work = Work(
        name="assess",
        claim=lambda limit: claim_accounts(_DUE, now, limit),
        decide=lambda ids: assess_accounts(ids, active, now=now),
        step_aside=lambda account: _step_aside(account, now),
    )
    return work_off(work, time_box=time_box)


def _step_aside(account: int, now: datetime) -> None:
    waits = AssessmentMark.objects.filter(account_id=account)
    waits.update(attempts=F("attempts") + 1, look_at=now + BACKOFF)


def assess_accounts(account_ids: list[int], active: PolicyVersion, *, now: datetime) -> None:
    """Score locked accounts, open and warn as the policy says, and clear the marks that were read."""
    faultpoint("score.locked")
    # A pulled brake keeps warnings back; its release marks every open case anew, so that none is lost.
    braked = switches.share(Brake.What.ENFORCEMENT) is not None
    marks = dict(AssessmentMark.objects.filter(account__among=account_ids).values_list("account_id", "count"))
    assessed = _score(account_ids, active, now)
    _open(assessed, active, now)
    _settle_open_cases(assessed, active, braked, now)
    _wake(assessed, now)
    _remember(assessed, active, now)
    with connection.cursor() as cursor:
        cursor.execute(_CLEAR_MARKS, [list(marks), list(marks.values())])


def _score(account_ids: list[int], active: PolicyVersion, now: datetime) -> list[Assessed]:
    policy = active.rules
    after = history.closes_of(account_ids)
    seen = sightings.load(account_ids, window=policy.evidence.window, at=now, after=after)
    reachable = set(Contact.objects.filter(account__among=account_ids).values_list("account_id", flat=True))
    open_cases, exempt = _open_cases(account_ids), exemptions.in_force(account_ids, now=now)
    found = []
    for account in Account.objects.filter(pk__among=account_ids):
        theirs = exempt.get(account.pk, NOTHING)
        score = scoring.score(held_against(seen[account.pk], theirs), policy, now)
        outcome = outcomes.outcome(score, policy, now)
        case = open_cases.get(account.pk)
        found.append(Assessed(account, score, outcome, account.pk in reachable, theirs, case))
    return found


def warns(account_id: int, active: PolicyVersion, *, now: datetime) -> bool:
    """Whether the policy would warn this account, itself or by a person, on what is known now."""
    (found,) = _score([account_id], active, now)
    return found.outcome is not None and found.outcome.outcome != "review" and not found.exempt.everything


def _open_cases(account_ids: list[int]) -> Mapping[int, Case]:
    standing = Case.objects.filter(account__among=account_ids).exclude(state=State.CLOSED)
    return {case.account_id: case for case in standing.select_related("policy")}


def _open(assessed: list[Assessed], active: PolicyVersion, now: datetime) -> None:
    opening = {
        each.account.pk: each
        for each in assessed
        if each.case is None and each.outcome is not None and not each.exempt.everything
    }
    opened = cases.open_cases(
        {account: each.outcome.rule for account, each in opening.items() if each.outcome}, active, now=now
    )
    for case in opened:
        opening[case.account_id].case = case


def _settle_open_cases(assessed: list[Assessed], active: PolicyVersion, braked: bool, now: datetime) -> None:
    """Warn, close silently, or leave the case to a person; who cannot be written to is not warned."""
    open_ones = {each.case.pk: each for each in assessed if each.case and each.case.state == State.OPEN}
    standing = [each.case for each in open_ones.values() if each.case]
    answered, without_notice = _decided(open_ones)
    stops.resume(
        [each.case for each in open_ones.values() if each.case and each.reachable], [Stop.Kind.UNREACHABLE], now=now
    )
    manners = manners_by_account(each.account for each in open_ones.values())
    unwarned = answered | stops.stopped_by(standing, Stop.Kind.HOLD, Stop.Kind.EXEMPTION)
    orders, unreachable = [], []
    for case in standing:
        each = open_ones[case.pk]
        case.policy = active  # nothing was told yet, so the version in force is the one that will be told
        order = _order(each, case, manners[case.account_id])
        if order is None or case.pk in without_notice or (order.step is Step.WARN and (braked or case.pk in unwarned)):
            continue
        if order.step is Step.WARN and not each.reachable:
            unreachable.append(case)
            continue
        orders.append(order)
    stops.stop(unreachable, Stop.Kind.UNREACHABLE, "The account has no contact.", now=now)
    cases.apply(orders, now=now)


def _decided(open_ones: Collection[int]) -> tuple[set[int], set[int]]:
    """The cases whose warning is held or was refused, and those where counsel may not want anybody warned."""
    held, refused = Decision.Status.HELD, Decision.Status.REFUSED
    found = Decision.objects.filter(case__among=open_ones, status__in=[held, refused])
    steps = set(found.values_list("case_id", "step", "status"))
    answered = {case for case, step, _ in steps if step == Step.WARN}
    return answered, {case for case, step, status in steps if step == Step.RESTRICT_NOW and status == held}


def _order(each: Assessed, case: Case, manners: Manners) -> Order | None:
    proposal = decisions.on_assessment(each.outcome, manners)
    if proposal is None:
        return None
    rule = each.outcome.rule if each.outcome else case.rule
    return Order(
        case=case,
        step=proposal.step,
        people=proposal.people,
        reason=proposal.reason,
        rule=rule,
        facts=facts_of(each.score, each.outcome),
    )


def _wake(assessed: list[Assessed], now: datetime) -> None:
    """New evidence ends the waiting of a warned case whose deadline has passed; the sweeper looks again at once."""
    waiting = [each.case.pk for each in assessed if each.case and each.case.state == State.WARNED]
    Case.objects.filter(pk__among=waiting, due_at__lte=now, look_at__gt=now).update(look_at=now)


def _remember(assessed: list[Assessed], active: PolicyVersion, now: datetime) -> None:
    scores = [
        Score(
            account_id=each.account.pk,
            policy_id=active.pk,
            points=round(each.score.points, 2),
            outcome=each.outcome.outcome if each.outcome else "",
            rule=each.outcome.rule if each.outcome else "",
            facts=facts_of(each.score, each.outcome),
            assessed_at=now,
        )
        for each in assessed
    ]
    put_rows(Score, scores)
    _carry_points(assessed)


def _carry_points(assessed: list[Assessed]) -> None:
    """The queue sorts cases by their points; what is closed keeps those that it was closed with."""
    moved = []
    for each in assessed:
        points = round(each.score.points, 2)
        if each.case and each.case.points != points:
            each.case.points = points
            moved.append(each.case)
    update_rows(moved, ("points",))
