"""What a policy's rules make of a score: a warning, one that a person must agree to, a review, or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Literal

from enforcement.rules.points import EXACT
from enforcement.rules.policy import SANCTIONED, Policy
from enforcement.rules.policy_parts import Rule
from enforcement.rules.scoring import Score

BACKTEST_COLUMNS = (
    "account", "outcome", "rule", "points", "requests", "unsupported_requests", "share", "unknown_requests",
    "unresolved_requests", "contested_requests", "territories", "kinds", "first_seen", "last_seen",
)  # fmt: skip

Verdict = Literal["warn", "held", "review"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule: what was asked and what was found."""

    name: str  # as in the document
    threshold: Decimal | int | timedelta
    value: Decimal | int | datetime | None  # for `seen_within` the moment that was looked at
    met: bool


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How one rule stands; it holds if all its conditions are met."""

    rule: str
    of: Literal["qualifies", "review"]
    conditions: tuple[Condition, ...]

    @property
    def met(self) -> bool:
        return all(each.met for each in self.conditions)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the policy asks for, and by which rule."""

    outcome: Verdict
    rule: str


def outcome(score: Score, policy: Policy, at: datetime) -> Outcome | None:
    """The first rule that holds, in the document's order: what qualifies before what is for review.

    A sanctioned territory comes before all: it is for counsel, and never on the automatic ladder.
    """
    if score.sanctioned:
        return Outcome("review", SANCTIONED)
    found = _values(score)
    for rule in policy.qualifies:
        if _holds(rule, score, found, at):
            held = "held" in (rule.automation, policy.ladder.warn.automation)
            return Outcome("held" if held else "warn", rule.name)
    for rule in policy.review:
        if _holds(rule, score, found, at):
            return Outcome("review", rule.name)
    return None


_Values = Mapping[str, Decimal | int | datetime | None]


def _holds(rule: Rule, score: Score, found: _Values, at: datetime) -> bool:
    return all(_is_met(name, asked, score, found[name], at) for name, asked in rule.conditions.items())


def weigh_rules(score: Score, policy: Policy, at: datetime) -> tuple[RuleResult, ...]:
    """How each rule stands, with every value beside its threshold: what a person is shown."""
    found = _values(score)
    qualifies = (RuleResult(rule.name, "qualifies", _conditions(rule, score, found, at)) for rule in policy.qualifies)
    review = (RuleResult(rule.name, "review", _conditions(rule, score, found, at)) for rule in policy.review)
    return (*qualifies, *review)


def _values(score: Score) -> _Values:
    return {
        "min_points": score.points,
        "min_requests": score.weighted_unsupported_requests,
        "min_share": score.share,
        "min_days": len(score.days),
        "min_weeks": len(score.weeks),
        "min_kinds": len(score.kinds),
        "min_sources": len(score.sources),
        "seen_within": score.last_counting_at,
    }


def _conditions(rule: Rule, score: Score, found: _Values, at: datetime) -> tuple[Condition, ...]:
    return tuple(
        Condition(name, threshold, found[name], _is_met(name, threshold, score, found[name], at))
        for name, threshold in rule.conditions.items()
    )


def _is_met(
    name: str,
    threshold: Decimal | int | timedelta,
    score: Score,
    value: Decimal | int | datetime | None,
    at: datetime,
) -> bool:
    if isinstance(threshold, timedelta):
        return isinstance(value, datetime) and value >= at - threshold
    if name == "min_share":
        return _reaches_share(score, threshold)
    return isinstance(value, Decimal | int) and value >= threshold


def _reaches_share(score: Score, threshold: Decimal | int) -> bool:
    """Without a division, whose rounding could decide."""
    with localcontext(EXACT):
        return bool(score.share_base) and score.weighted_unsupported_requests >= threshold * score.share_base


# -- backtest ------------------------------------------------------------------------------------------------


def backtest_row(account: str, score: Score, outcome: Outcome) -> dict[str, str]:
    """One account's row, every column printed as the backtest prints it."""
    values = (
        account,
        outcome.outcome,
        outcome.rule,
        _rounded(score.points, "0.01"),
        str(score.requests),
        str(score.unsupported_requests),
        _rounded(score.share, "0.0001"),
        str(score.unknown_requests),
        str(score.unresolved_requests),
        str(score.contested_requests),
        " ".join(f"{code}:{requests}" for code, requests in score.territories),
        " ".join(score.kinds),
        _day(score.first_seen),
        _day(score.last_seen),
    )
    return dict(zip(BACKTEST_COLUMNS, values, strict=True))


def _rounded(number: Decimal, step: str) -> str:
    with localcontext(EXACT):  # half to even
        return str(number.quantize(Decimal(step)))


def _day(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}" if moment else ""
