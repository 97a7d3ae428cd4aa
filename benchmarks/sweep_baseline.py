"""A first draft: a loop over what is due, a transaction and a few ORM calls for each case, and the same rules."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from enforcement.models import Account, Budget, Case, DayTally, Decision, Memo, PolicyVersion, Restriction
from enforcement.rules import outcomes, scoring
from enforcement.rules.outcomes import Outcome
from enforcement.rules.scoring import Score
from enforcement.rules.sightings import Sighting
from enforcement.services.facts import facts_of


def run(cases: int, now: datetime, hand: int, hands: int) -> None:
    """Suspend the first `cases` that are due; each of several hands takes its part of them."""
    due = Case.objects.filter(state="warned", accepted_at__isnull=False, due_at__lte=now).order_by("due_at", "pk")
    for pk in list(due.values_list("pk", flat=True)[:cases])[hand::hands]:
        settle(pk, now)


@transaction.atomic
def settle(pk: int, now: datetime) -> None:
    case = Case.objects.select_for_update(of=("self", "account")).select_related("account", "policy").get(pk=pk)
    if case.state != "warned" or case.due_at is None or case.due_at > now or case.accepted_at is None:
        return
    if case.stops.filter(ended_at=None).exists():
        return
    active = PolicyVersion.objects.get(status=PolicyVersion.Status.ACTIVE)
    score, outcome = judge(case, now)
    new, _ = judge(case, now, after=case.accepted_at)
    pinned = case.policy.rules
    refused = {code for code, _ in score.territories if code in active.rules.territories.supported}
    step = pinned.ladder.deadline
    stopped_in_time = score.last_counting_at is None or score.last_counting_at < case.due_at
    if outcome is None or refused or stopped_in_time or new.unsupported_requests < step.needs_new_requests:
        return
    suspend(case, score, outcome, now)


def judge(case: Case, now: datetime, after: datetime | None = None) -> tuple[Score, Outcome | None]:
    policy = case.policy.rules
    tallies = DayTally.objects.filter(account=case.account, day__gt=(now - policy.evidence.window).date())
    if after is not None:
        tallies = tallies.filter(first_at__gt=after)
    seen = [
        Sighting(
            tally.day, tally.detector.name, tally.kind, tally.network_class, tally.country, tally.subdivision,
            tally.credential, tally.source, tally.refused, tally.items, tally.requests, tally.weighted_items,
            tally.weighted_requests, tally.confidence, tally.first_at, tally.last_at,
        )
        for tally in tallies.select_related("detector")
    ]  # fmt: skip
    score = scoring.score(seen, policy, now)
    return score, outcomes.outcome(score, policy, now)


def suspend(case: Case, score: Score, outcome: Outcome, now: datetime) -> None:
    case.decisions.filter(status=Decision.Status.HELD).update(status=Decision.Status.LAPSED, settled_at=now)
    warning = case.memos.filter(kind=Memo.Kind.WARNING).latest("pk")
    copy = warning.copies.filter(message__bounced_at=None, message__accepted_at__isnull=False).latest("pk")
    assert copy.message.accepted_at + case.notice <= now
    Budget.objects.update(steps=F("steps") + 1)
    decision = Decision.objects.create(
        case=case, step="suspend", status=Decision.Status.APPLIED, from_state="warned", case_version=case.version + 1,
        rule=outcome.rule, reason="The traffic continued after the warning and its deadline has passed.",
        policy=case.policy, facts=facts_of(score, outcome), decided_at=now, settled_at=now, rests_on=warning,
        due_at=case.due_at, notice=case.notice,
    )  # fmt: skip
    case.state, case.version = "suspended", case.version + 1
    case.accepted_at = case.due_at = case.notice = case.look_at = None
    case.save()
    Restriction.objects.create(
        account=case.account, case=case, decision=decision, scope="account", reason_code="account_suspended", since=now
    )
    Memo.objects.create(case=case, decision=decision, kind=Memo.Kind.SUSPENSION, created_at=now, render_at=now)
    Account.objects.filter(pk=case.account_id).update(version=F("version") + 1)
