"""What the evidence says at the deadline of a warning, looked at under the account's lock."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from enforcement.models import Case, Decision, PolicyVersion
from enforcement.rules import outcomes, scoring
from enforcement.rules.decisions import AtDeadline, Manners, Proposal, Wait, at_deadline
from enforcement.rules.exemptions import held_against
from enforcement.rules.outcomes import Outcome
from enforcement.rules.policy import Policy
from enforcement.rules.scoring import Score
from enforcement.rules.sightings import Sighting
from enforcement.rules.territory import TerritoryAnswers, territories_under_both
from enforcement.rules.transitions import Step
from enforcement.services import exemptions, history, sightings
from enforcement.services.manners import manners_by_account


@dataclass(frozen=True, slots=True)
class Finding:
    """What the rules propose for one due case, and the facts that they propose it on."""

    verdict: Proposal | Wait
    score: Score
    outcome: Outcome | None


def judge(due: Sequence[Case], active: PolicyVersion, *, now: datetime) -> dict[int, Finding]:
    """A finding for each warned case (its account locked, `account` and `policy` loaded) by case id.

    The pinned version gives the rules; a territory counts only where the active version refuses it too.
    """
    groups: dict[int, list[Case]] = defaultdict(list)
    for case in due:
        groups[case.policy_id].append(case)
    return {case: finding for group in groups.values() for case, finding in _judge(group, active, now).items()}


def _judge(group: Sequence[Case], active: PolicyVersion, now: datetime) -> dict[int, Finding]:
    policy = group[0].policy.rules
    accounts = [case.account_id for case in group]
    window = policy.evidence.window
    seen = sightings.load(accounts, window=window, at=now, after=history.closes_of(accounts))
    new = sightings.later(seen, _told(group), window=window, at=now)  # the case was told of after that close
    for account, exempt in exemptions.in_force(accounts, now=now).items():
        seen[account], new[account] = held_against(seen[account], exempt), held_against(new[account], exempt)
    territories = territories_under_both(policy.territories, active.rules.territories)
    manners = manners_by_account(case.account for case in group)
    return {
        case.pk: _find(
            case, policy, territories, seen[case.account_id], new[case.account_id], manners[case.account_id], now
        )
        for case in group
    }


def _told(group: Sequence[Case]) -> dict[int, datetime]:
    """By account: since when traffic is new. A person who refused the step has weighed all that was there by then."""
    told = {case.account_id: case.accepted_at for case in group if case.accepted_at}
    refused = Decision.objects.filter(case__among=group, status=Decision.Status.REFUSED).exclude(step=Step.WARN)
    for account, settled in refused.values_list("case__account_id", "settled_at"):
        if settled is not None:
            told[account] = max(told[account], settled)
    return told


def _find(
    case: Case,
    policy: Policy,
    territories: TerritoryAnswers,
    seen: list[Sighting],
    new: list[Sighting],
    manners: Manners,
    now: datetime,
) -> Finding:
    score = scoring.score(seen, policy, now, territories=territories)
    outcome = outcomes.outcome(score, policy, now)
    assert case.due_at is not None
    found = AtDeadline(
        due_at=case.due_at,
        rule_holds=holds(case, outcome, policy),
        sanctioned=score.sanctioned,
        new_requests=scoring.unsupported_requests(new, policy, now, territories=territories),
        last_counting_at=score.last_counting_at,
        manners=manners,
        rule=outcome.rule if outcome else "",
    )
    return Finding(at_deadline(found, policy, now), score, outcome)


def holds(case: Case, outcome: Outcome | None, policy: Policy) -> bool:
    """A rule that warns has to hold; where a person warned on a rule of review, any rule will do."""
    if outcome is None:
        return False
    by_person = case.rule not in {rule.name for rule in policy.qualifies}
    return by_person or outcome.outcome != "review" or outcome.rule == "sanctioned"
