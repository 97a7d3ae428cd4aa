"""A first draft: a loop over who is marked, a transaction and a few ORM calls for each account, and the same rules."""

import secrets
import time
from datetime import datetime

from django.db import transaction

from enforcement.models import Account, AssessmentMark, Case, DayTally, Decision, Memo, PolicyVersion, Stop
from enforcement.models import Score as StoredScore
from enforcement.rules import outcomes, scoring
from enforcement.rules.outcomes import Outcome
from enforcement.rules.policy import Policy
from enforcement.rules.scoring import Score
from enforcement.rules.sightings import Sighting
from enforcement.services.facts import facts_of


def run(now: datetime, accounts: int) -> float:
    """Assess the first `accounts` that are marked; answers with the seconds that it took."""
    marked = AssessmentMark.objects.filter(look_at__lte=now).order_by("look_at", "pk")
    began = time.perf_counter()
    for pk in marked.values_list("pk", flat=True)[:accounts]:
        assess(pk, now)
    return time.perf_counter() - began


@transaction.atomic
def assess(pk: int, now: datetime) -> None:
    account = Account.objects.select_for_update(no_key=True).get(pk=pk)
    mark = AssessmentMark.objects.get(pk=pk)
    active = PolicyVersion.objects.get(status=PolicyVersion.Status.ACTIVE)
    score = judge(account, active.rules, now)
    outcome = outcomes.outcome(score, active.rules, now)
    facts = facts_of(score, outcome)
    case = account.cases.exclude(state="closed").first()
    if outcome is not None and case is None:
        case = Case.objects.create(
            reference=f"AE-{secrets.token_hex(4).upper()}", account=account, policy=active, rule=outcome.rule,
            opened_at=now, points=round(score.points, 2),
        )  # fmt: skip
    if outcome is not None and case is not None and case.state == "open":
        settle(case, outcome, facts, now)
    StoredScore.objects.update_or_create(
        account=account,
        defaults={
            "policy": active, "points": score.points, "facts": facts, "assessed_at": now,
            "outcome": outcome.outcome if outcome else "", "rule": outcome.rule if outcome else "",
        },
    )  # fmt: skip
    AssessmentMark.objects.filter(pk=pk, count=mark.count).delete()


def judge(account: Account, policy: Policy, now: datetime) -> Score:
    closed = account.cases.filter(state="closed").order_by("-closed_at").first()
    tallies = DayTally.objects.filter(account=account, day__gt=(now - policy.evidence.window).date())
    if closed is not None:
        tallies = tallies.filter(first_at__gt=closed.closed_at)
    seen = [
        Sighting(
            tally.day, tally.detector.name, tally.kind, tally.network_class, tally.country, tally.subdivision,
            tally.credential, tally.source, tally.refused, tally.items, tally.requests, tally.weighted_items,
            tally.weighted_requests, tally.confidence, tally.first_at, tally.last_at,
        )
        for tally in tallies.select_related("detector")
    ]  # fmt: skip
    return scoring.score(seen, policy, now)


def settle(case: Case, outcome: Outcome, facts: dict[str, object], now: datetime) -> None:
    if outcome.outcome != "warn":
        return
    if not case.account.contacts.exists():
        Stop.objects.get_or_create(
            case=case, kind=Stop.Kind.UNREACHABLE, ended_at=None,
            defaults={"reason": "The account has no contact.", "started_at": now},
        )  # fmt: skip
        return
    decision = Decision.objects.create(
        case=case, step="warn", status=Decision.Status.APPLIED, from_state="open", case_version=case.version + 1,
        rule=outcome.rule, reason=f"Rule {outcome.rule} holds.", policy=case.policy, facts=facts,
        decided_at=now, settled_at=now,
    )  # fmt: skip
    case.state, case.version, case.rule = "warned", case.version + 1, outcome.rule
    case.save()
    Memo.objects.create(case=case, decision=decision, kind=Memo.Kind.WARNING, created_at=now, render_at=now)
    case.account.version += 1
    case.account.save()
