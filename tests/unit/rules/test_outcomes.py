"""Which rule speaks, at which threshold, and how a backtest prints it."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from enforcement.rules.outcomes import BACKTEST_COLUMNS, backtest_row, outcome, weigh_rules
from enforcement.rules.scoring import Score
from tests.unit.rules.evidence import AT, DAY, decided, item, policy, scored

NOTHING = scored()


def days(count: int) -> frozenset[date]:
    return frozenset(date(2026, 6, 10) - each * DAY for each in range(count))


def shares(weighted: str, base: int) -> dict[str, Any]:
    return {"weighted_unsupported_requests": Decimal(weighted), "share_base": base}


BOUNDARIES: list[tuple[str, Any, dict[str, Any], dict[str, Any]]] = [
    # condition, threshold, a score that just meets it, one that just does not
    ("min_points", 15, {"points": Decimal(15)}, {"points": Decimal("14.999999999999999999")}),
    ("min_points", 0.01, {"points": Decimal("0.01")}, {"points": Decimal("0.009999")}),
    ("min_requests", 20, {"weighted_unsupported_requests": Decimal(20)},
     {"weighted_unsupported_requests": Decimal("19.999999999999999999")}),
    ("min_requests", 2.5, {"weighted_unsupported_requests": Decimal("2.5")},
     {"weighted_unsupported_requests": Decimal("2.4")}),
    ("min_share", 0.45, shares("45", 100), shares("44.999999999999999999", 100)),
    ("min_share", 0.1, shares("0.3", 3), shares("0.299999999999999999", 3)),
    ("min_share", 1, shares("3", 3), shares("3", 4)),
    ("min_share", 0.000001, shares("0.000001", 1), shares("0", 1)),
    ("min_days", 7, {"days": days(7)}, {"days": days(6)}),
    ("min_days", 1, {"days": days(1)}, {"days": days(0)}),
    ("min_weeks", 2, {"weeks": frozenset({(2026, 1), (2026, 2)})}, {"weeks": frozenset({(2026, 1)})}),
    ("min_kinds", 2, {"kinds": ("a", "b")}, {"kinds": ("a",)}),
    ("min_sources", 2, {"sources": frozenset("ab")}, {"sources": frozenset("a")}),
    ("seen_within", "P21D", {"last_counting_at": AT - 21 * DAY},
     {"last_counting_at": AT - 21 * DAY - timedelta.resolution}),
    ("seen_within", "PT1S", {"last_counting_at": AT}, {"last_counting_at": None}),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "threshold", "met", "missed"), BOUNDARIES)
def test_a_threshold_is_met_where_it_is_reached_and_not_before(
    condition: str, threshold: Any, met: dict[str, Any], missed: dict[str, Any]
) -> None:
    rules = policy(qualifies=[{"name": "edge", condition: threshold}])
    found = outcome(replace(NOTHING, **met), rules, AT)
    assert found is not None
    assert (found.outcome, found.rule) == ("warn", "edge")
    assert outcome(replace(NOTHING, **missed), rules, AT) is None


def test_a_share_that_no_division_can_hold_is_compared_exactly() -> None:
    third = Decimal(1) / 3  # 28 places; the share of one in three is larger than that
    rules = policy(qualifies=[{"name": "third", "min_share": str(third)[:20]}])
    assert outcome(replace(NOTHING, **shares("1", 3)), rules, AT)
    above = policy(qualifies=[{"name": "third", "min_share": "0.333333333333333334"}])
    assert outcome(replace(NOTHING, **shares("1", 3)), above, AT) is None


def test_no_share_is_met_where_nothing_stands_below_it() -> None:
    rules = policy(qualifies=[{"name": "share", "min_share": 0.000001}])
    assert outcome(NOTHING, rules, AT) is None


ALL = {"name": "all", "min_points": 5, "min_requests": 5, "min_share": 0.5, "min_days": 1, "min_weeks": 1,
       "min_kinds": 1, "min_sources": 1, "seen_within": "P1D"}  # fmt: skip
MEETS_ALL = replace(
    NOTHING,
    points=Decimal(5),
    weighted_unsupported_requests=Decimal(5),
    share_base=10,
    days=days(1),
    weeks=frozenset({(2026, 24)}),
    kinds=("a",),
    sources=frozenset("a"),
    last_counting_at=AT - DAY,
)
LACKING: dict[str, dict[str, Any]] = {
    "min_points": {"points": Decimal("4.99")},
    "min_requests": {"weighted_unsupported_requests": Decimal("4.99"), "share_base": 5},
    "min_share": {"share_base": 11},
    "min_days": {"days": frozenset()},
    "min_weeks": {"weeks": frozenset()},
    "min_kinds": {"kinds": ()},
    "min_sources": {"sources": frozenset()},
    "seen_within": {"last_counting_at": AT - 2 * DAY},
}


@pytest.mark.parametrize("condition", LACKING)
def test_inside_a_rule_every_condition_must_hold(condition: str) -> None:
    rules = policy(qualifies=[ALL])
    assert outcome(MEETS_ALL, rules, AT)
    lacking = replace(MEETS_ALL, **LACKING[condition])
    assert outcome(lacking, rules, AT) is None
    (result,) = weigh_rules(lacking, rules, AT)
    assert [each.name for each in result.conditions if not each.met] == [condition]


# -- which rule speaks -----------------------------------------------------------------------------------------

FIRST, SECOND = {"name": "first", "min_requests": 5}, {"name": "second", "min_requests": 1}


def named(**sections: Any) -> tuple[str, str] | None:
    """The outcome and rule for nine requests from CN."""
    found = decided(item(requests=9), **sections)
    return (found.outcome, found.rule) if found else None


def test_the_first_rule_of_the_document_that_holds_names_the_outcome() -> None:
    assert named(qualifies=[FIRST, SECOND]) == ("warn", "first")
    assert named(qualifies=[SECOND, FIRST]) == ("warn", "second")
    assert named(qualifies=[{"name": "more", "min_requests": 10}, SECOND]) == ("warn", "second")


def test_what_qualifies_comes_before_what_is_for_review() -> None:
    assert named(review=[FIRST], qualifies=[SECOND]) == ("warn", "second")
    assert named(review=[FIRST], qualifies=[{"name": "more", "min_requests": 10}]) == ("review", "first")
    assert named(review=[FIRST], qualifies=[]) == ("review", "first")


def test_nothing_that_holds_is_no_outcome() -> None:
    assert named(qualifies=[{"name": "more", "min_requests": 10}]) is None
    assert named(qualifies=[]) is None


LADDER = {
    "warn": {"automation": "auto", "notice": "P15D"},
    "deadline": {"step": "suspend", "automation": "auto"},
}
HELD_LADDER = LADDER | {"warn": {"automation": "held", "notice": "P15D"}}


@pytest.mark.parametrize(
    ("rule", "ladder", "expected"),
    [
        ({}, LADDER, "warn"),
        ({"automation": "auto"}, LADDER, "warn"),
        ({"automation": "held"}, LADDER, "held"),
        ({}, HELD_LADDER, "held"),
        ({"automation": "auto"}, HELD_LADDER, "held"),
        ({"automation": "held"}, HELD_LADDER, "held"),
    ],
)
def test_a_warning_is_held_if_the_rule_or_the_ladder_says_so(
    rule: dict[str, str], ladder: dict[str, Any], expected: str
) -> None:
    assert named(qualifies=[FIRST | rule], ladder=ladder) == (expected, "first")


def test_a_held_ladder_holds_no_review() -> None:
    assert named(qualifies=[], review=[FIRST], ladder=HELD_LADDER) == ("review", "first")


def test_a_sanctioned_territory_is_for_counsel_before_all_other_rules() -> None:
    found = decided(item("UA", subdivision="UA-43", requests=1), item(requests=900), review=[SECOND])
    assert found is not None
    assert (found.outcome, found.rule) == ("review", "sanctioned")


def test_how_every_rule_stands_is_told_with_values_beside_thresholds() -> None:
    rules = policy(qualifies=[FIRST | {"min_days": 2}], review=[{"name": "recent", "seen_within": "P2D"}])
    found = weigh_rules(scored(item(requests=9)), rules, AT)
    assert [(each.rule, each.of, each.met) for each in found] == [
        ("first", "qualifies", False),
        ("recent", "review", True),
    ]
    assert [(each.name, each.threshold, each.value, each.met) for each in found[0].conditions] == [
        ("min_requests", 5, 9, True),
        ("min_days", 2, 1, False),
    ]
    assert found[1].conditions[0].value == AT - DAY / 2


# -- the backtest's row ----------------------------------------------------------------------------------------


def row(score: Score, account: str = "acme") -> dict[str, str]:
    found = outcome(replace(score, points=Decimal(9)), policy(qualifies=[{"name": "any", "min_points": 1}]), AT)
    assert found is not None
    return backtest_row(account, score, found)


def test_a_row_has_the_columns_in_their_order() -> None:
    found = row(
        scored(
            item(requests=8, network_class="hosting", observed_at="2026-05-01T12:00:00Z"),
            item("HK", requests=1),
            item(kind="billing_country"),
            item("DE", requests=3),
            item("UA", requests=2),
            item("EU", requests=1),
        )
    )
    assert tuple(found) == BACKTEST_COLUMNS
    assert ",".join(found.values()) == (
        "acme,warn,any,15.00,15,9,0.3571,1,2,0,CN:8 HK:1,billing_country ip_geolocation,2026-05-01,2026-06-10"
    )


def test_a_row_without_unsupported_traffic_has_empty_fields() -> None:
    assert list(row(NOTHING).values())[3:] == ["0.00", "0", "0", "0.0000", "0", "0", "0", "", "", "", ""]


@pytest.mark.parametrize(
    ("points", "printed"),
    [("0.005", "0.00"), ("0.015", "0.02"), ("0.025", "0.02"), ("0.0250000000000000000001", "0.03"),
     ("12345678901234567890123456789.125", "12345678901234567890123456789.12"), ("1E+3", "1000.00")],
)  # fmt: skip
def test_points_are_printed_with_two_decimals_half_to_even(points: str, printed: str) -> None:
    assert row(replace(NOTHING, points=Decimal(points)))["points"] == printed


@pytest.mark.parametrize(
    ("weighted", "base", "printed"),
    [("1", 3, "0.3333"), ("2", 3, "0.6667"), ("5", 100_000, "0.0000"), ("15", 100_000, "0.0002"), ("1", 1, "1.0000")],
)
def test_a_share_is_printed_with_four_decimals_half_to_even(weighted: str, base: int, printed: str) -> None:
    assert row(replace(NOTHING, **shares(weighted, base)))["share"] == printed


def test_dates_are_utc_days() -> None:
    evening = datetime.fromisoformat("2026-06-09T20:00:00-08:00")
    assert row(replace(NOTHING, first_seen=evening))["first_seen"] == "2026-06-10"
