"""The policy that a world plays under, and what the real rules make of an account's sightings under it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from enforcement.rules import outcomes, scoring
from enforcement.rules.decisions import Manners
from enforcement.rules.outcomes import Outcome
from enforcement.rules.policy import Policy, parse_policy
from enforcement.rules.scoring import Score
from enforcement.rules.sightings import Sighting
from enforcement.rules.territory import territories_under_both

_DOCUMENT = """
format: 1
name: model
territories: {{supported: [{supported}]}}
evidence: {{kinds: {{ip_geolocation: {{points: 1, per: request, cap: 100}}}}}}
qualifies: [{{name: two, min_requests: 2}}]
review: [{{name: one, min_requests: 1}}]
ladder:
  warn: {{automation: {warn}, notice: {notice}, reminders: {reminders}}}
  deadline: {{step: {step}, automation: {automation}, needs_new: {{requests: {needs_new}}}}}
  restriction: {{step: suspend, after: {after}, automation: {automation}}}
  suspension: {{step: block, after: {after}, automation: {automation}}}
  cure: {cure}
appeals: {{window: PT20M, minimum_remaining: PT1M, decide_within: {decide_within}, on_overdue: narrow}}
safety: {{max_steps_per_hour: {budget}}}
"""
_KNOBS = {
    "warn": "auto", "notice": "PT2M", "reminders": "[]", "step": "suspend", "automation": "auto", "needs_new": "1",
    "after": "PT2M", "cure": "{quiet: PT1M, extend: true}", "decide_within": "PT2M", "budget": "100",
}  # fmt: skip
_CODE = "CN"  # where all the traffic comes from
TOLD = (_CODE,)


class Terms:
    """Two versions of a policy: the second supports the territory that the first does not."""

    def __init__(
        self,
        *,
        manners: Manners = Manners(is_person=False, protected=False, no_suspension=False),  # noqa: B008 (frozen)
        min_notice: timedelta = timedelta(0),
        gag: bool = False,
        **knobs: str,
    ) -> None:
        document = _KNOBS | knobs
        self.versions: tuple[Policy, Policy] = (
            parse_policy(_DOCUMENT.format(supported="DE", **document)),
            parse_policy(_DOCUMENT.format(supported=f"DE, {_CODE}", **document)),
        )
        self.manners, self.min_notice, self.gag = manners, min_notice, gag
        self._found: dict[tuple[object, ...], tuple[Score, Outcome | None]] = {}
        self._new: dict[tuple[object, ...], int] = {}

    @property
    def pinned(self) -> Policy:
        """The version that every case of the model was opened under."""
        return self.versions[0]

    def judged(self, seen: Sequence[datetime], active: int, now: datetime) -> tuple[Score, Outcome | None]:
        """What the version in force says of an account."""
        return self._judge(tuple(seen), active, active, now)

    def judged_under_both(self, seen: Sequence[datetime], active: int, now: datetime) -> tuple[Score, Outcome | None]:
        """What a restricting step asks: by the pinned rules, where both versions say unsupported."""
        return self._judge(tuple(seen), 0, active, now)

    def _judge(
        self, seen: tuple[datetime, ...], rules: int, active: int, now: datetime
    ) -> tuple[Score, Outcome | None]:
        key = (seen, rules, active)  # no rule of this policy looks at the hour, so `now` tells nothing apart
        if key not in self._found:
            policy = self.versions[rules]
            territories = territories_under_both(policy.territories, self.versions[active].territories)
            score = scoring.score(list(map(_sighting, seen)), policy, now, territories=territories)
            self._found[key] = score, outcomes.outcome(score, policy, now)
        return self._found[key]

    def new_requests(self, seen: Sequence[datetime], active: int, now: datetime) -> int:
        key = (tuple(seen), active)
        if key not in self._new:
            territories = territories_under_both(self.pinned.territories, self.versions[active].territories)
            sightings = list(map(_sighting, seen))
            self._new[key] = scoring.unsupported_requests(sightings, self.pinned, now, territories=territories)
        return self._new[key]


def _sighting(at: datetime) -> Sighting:
    one = Decimal(1)
    return Sighting(
        at.date(), "logs", "ip_geolocation", "residential", _CODE, "", "key", "", False, 1, 1, one, one, one, at, at
    )
