"""Counting: one sentence of the semantics a test."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from enforcement.rules.policy import parse_policy
from enforcement.rules.scoring import Fact, Score, score
from enforcement.rules.territory import territories_under_both
from tests.unit.rules.evidence import AT, DAY, as_sighting, item, kinds, policy, scored

HALVES = {"half_life": "P10D"}


def texts(found: Score) -> list[str]:
    return [line.text for line in found.lines]


# -- factor and confidence -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "weighted"),
    [("residential", 8), ("business", 8), ("hosting", 4), ("unknown", 4), ("", 4), (None, 4), ("vpn", 0)],
)
def test_a_network_class_weighs_requests_and_points_alike(network: str | None, weighted: int) -> None:
    found = scored(item(network_class=network, requests=8))
    assert found.weighted_unsupported_requests == weighted
    assert found.points == weighted


def test_confidence_weighs_requests_and_points_exactly() -> None:
    found = scored(*(item(requests=1, confidence=0.1) for _ in range(10)))
    assert found.weighted_unsupported_requests == 1
    assert found.points == 1


def test_a_confidence_of_eighteen_places_is_not_rounded() -> None:
    tiny = "0.000000000000000001"
    found = scored(item(requests=10**18, confidence=tiny), item(requests=3, confidence=tiny))
    assert found.weighted_unsupported_requests == 1 + 3 * Decimal(tiny)


def test_a_sighting_of_factor_zero_is_shown_and_does_not_count() -> None:
    found = scored(item(network_class="vpn", requests=100))
    assert (found.requests, found.share_base, found.days, found.first_seen) == (0, 0, frozenset(), None)
    assert texts(found) == ["ip_geolocation over vpn: 100 requests from CN not counted: this network proves nothing"]


def test_supported_traffic_of_factor_zero_stands_below_the_share_and_nowhere_else() -> None:
    found = scored(item(requests=10), item("US", network_class="vpn", requests=30))
    assert (found.requests, found.share_base) == (10, 40)
    assert found.share == Decimal("0.25")


@pytest.mark.parametrize("country", ["CN", "UA", "EU"])
def test_other_traffic_of_factor_zero_stands_not_even_there(country: str) -> None:
    assert scored(item(country, network_class="vpn", requests=30)).share_base == 0


def test_a_refused_sighting_is_shown_and_stands_nowhere() -> None:
    found = scored(item(requests=100, outcome="refused"), item("DE", requests=10, outcome="refused"))
    assert (found.requests, found.share_base, found.points) == (0, 0, 0)
    assert texts(found) == ["ip_geolocation over residential: 100 requests from CN not counted: they were refused"]


# -- requests and the share ------------------------------------------------------------------------------------


def test_unknown_requests_are_requests_and_stand_not_below_the_share() -> None:
    found = scored(item(requests=6), item("EU", requests=30), item("", requests=1), item("DE", requests=6))
    assert (found.requests, found.unknown_requests, found.share_base) == (43, 31, 12)


def test_unresolved_requests_stand_below_the_share_and_never_above() -> None:
    found = scored(item(requests=6), item("UA", requests=4), item("UA", subdivision="UA-65", requests=2))
    assert (found.requests, found.unresolved_requests, found.share_base) == (12, 6, 12)
    assert found.share == Decimal("0.5")


def test_the_share_is_weighted_above_and_plain_below() -> None:
    found = scored(item(requests=10, confidence=0.5, network_class="hosting"), item("DE", requests=10, confidence=0.1))
    assert found.weighted_unsupported_requests == Decimal("2.5")
    assert found.share == Decimal("0.125")


def test_nothing_below_the_share_is_a_share_of_nothing() -> None:
    assert scored().share == 0
    assert scored(item("EU", requests=30)).share == 0


def test_facts_bring_points_and_no_requests() -> None:
    found = scored(item(kind="billing_country", requests=50))
    assert (found.points, found.requests, found.unsupported_requests, found.share_base) == (10, 0, 0, 0)
    assert (found.territories, found.days, found.last_counting_at) == ((), frozenset(), None)
    assert found.kinds == ("billing_country",)
    assert found.first_seen == found.last_seen == AT - DAY / 2


def test_a_kind_that_the_policy_does_not_name_counts_nowhere() -> None:
    assert scored(item(kind="timezone", requests=50)) == scored()


def test_territories_are_sorted_by_requests_then_by_code_and_named_parts_stand_alone() -> None:
    found = scored(
        item("RU", requests=2),
        item("CN", requests=1),
        item("HK", requests=2),
        item("CN", subdivision="CN-GD", requests=3),
        item("UA", subdivision="UA-14", requests=1),
    )
    assert found.territories == (("CN", 4), ("HK", 2), ("RU", 2), ("UA-14", 1))


# -- days, weeks, kinds, sources -------------------------------------------------------------------------------


def test_days_and_weeks_are_those_of_counting_unsupported_traffic() -> None:
    found = scored(
        item(observed_at="2026-06-07T23:59:59Z"),  # Sunday
        item(observed_at="2026-06-08T00:00:00Z"),
        item(observed_at="2026-06-08T12:00:00Z"),
        item("DE", observed_at="2026-06-09T12:00:00Z"),
        item("UA", observed_at="2026-06-09T12:00:00Z"),
        item(network_class="vpn", observed_at="2026-06-09T12:00:00Z"),
        item(kind="billing_country", observed_at="2026-06-09T12:00:00Z"),
    )
    assert found.days == {date(2026, 6, 7), date(2026, 6, 8)}
    assert found.weeks == {(2026, 23), (2026, 24)}


def test_a_week_at_the_turn_of_the_year_is_one_iso_week() -> None:
    found = scored(
        item(observed_at="2025-12-31T12:00:00Z"),
        item(observed_at="2026-01-01T12:00:00Z"),
        at=datetime(2026, 1, 5, tzinfo=UTC),
    )
    assert (len(found.days), found.weeks) == (2, {(2026, 1)})


def test_a_day_is_a_utc_day_whatever_the_offset_that_was_sent() -> None:
    assert scored(item(observed_at="2026-06-10T01:00:00+08:00")).days == {date(2026, 6, 9)}


def test_kinds_and_sources_are_of_kinds_that_corroborate() -> None:
    found = scored(
        item(source="geo-a 2026-05"),
        item(source="geo-a 2026-06"),
        item(source=""),
        item(source="", detector="other"),
        item(kind="billing_country", source="billing"),
        item(kind="phone_country", source="carrier"),
        item("DE", source="geo-b"),
    )
    assert found.kinds == ("billing_country", "ip_geolocation")
    assert found.sources == {"geo-a", "billing", " detector", " other"}


def test_first_and_last_seen_are_of_all_kinds_and_last_counting_of_traffic() -> None:
    found = scored(
        item(kind="phone_country", observed_at="2026-06-01T08:00:00Z"),
        item(observed_at="2026-06-03T08:00:00Z", observed_until="2026-06-03T20:00:00Z"),
        item(observed_at="2026-06-03T10:00:00Z"),
        item(kind="billing_country", observed_at="2026-06-09T08:00:00Z"),
        item("DE", observed_at="2026-06-10T08:00:00Z"),
    )
    assert found.first_seen == datetime(2026, 6, 1, 8, tzinfo=UTC)
    assert found.last_seen == datetime(2026, 6, 9, 8, tzinfo=UTC)
    assert found.last_counting_at == datetime(2026, 6, 3, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sighting", "sanctioned"),
    [
        (item("UA", subdivision="UA-43"), True),
        (item("UA", subdivision="UA-43", kind="billing_country"), True),
        (item("UA", subdivision="UA-43", kind="phone_country"), False),  # it does not corroborate
        (item("UA", subdivision="UA-43", network_class="vpn"), False),
        (item("UA", subdivision="UA-43", outcome="refused"), False),
        (item("UA", subdivision="UA-14"), False),
    ],
)
def test_a_sanctioned_territory_is_for_counsel_if_it_counts_and_corroborates(
    sighting: dict[str, Any], sanctioned: bool
) -> None:
    assert scored(sighting).sanctioned is sanctioned


# -- the window ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "observed_at", "counts"),
    [
        ("P1D", "2026-06-11T00:00:00Z", True),
        ("P1D", "2026-06-10T23:59:59Z", False),
        ("P90D", "2026-03-14T00:00:00Z", True),
        ("P90D", "2026-03-13T23:59:59Z", False),
    ],
)
def test_the_window_is_the_last_utc_days_including_today(window: str, observed_at: str, counts: bool) -> None:
    found = scored(item(observed_at=observed_at), evidence={"window": window})
    assert bool(found.requests) is counts


def test_the_window_is_cut_by_the_utc_day_of_the_moment() -> None:
    eastern = datetime.fromisoformat("2026-06-11T07:00:00+08:00")  # still 10 June
    assert scored(item(), at=eastern, evidence={"window": "P1D"}).requests == 1


# -- points ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("per", "points"),
    [("request", 3 * (4 * 0.5 + 2 * 1)), ("item", 3 * (0.5 + 1)), ("day", 3 * 1)],
)
def test_requests_items_or_days_are_counted_with_their_confidence(per: str, points: float) -> None:
    found = scored(
        item(requests=4, confidence=0.5),
        item(requests=2),
        evidence=kinds(ip_geolocation={"per": per, "points": 3}),
    )
    assert found.points == Decimal(points)


def test_a_day_counts_once_for_each_class_of_network_with_its_highest_confidence() -> None:
    found = scored(
        item(confidence=0.25),
        item(confidence=0.5, country="HK"),
        item(confidence=0.5, network_class="hosting"),
        item(observed_at="2026-06-09T12:00:00Z", confidence=0.125),
        evidence=kinds(ip_geolocation={"per": "day", "points": 4}),
    )
    assert found.points == 4 * (Decimal("0.5") + Decimal("0.125")) + 4 * Decimal("0.5") * Decimal("0.5")


def test_points_are_capped_before_the_factor_per_class_and_then_per_kind() -> None:
    evidence = kinds(ip_geolocation={"cap": 10})
    assert scored(item(requests=12), evidence=evidence).points == 10
    assert scored(item(requests=12, network_class="hosting"), evidence=evidence).points == 5
    hosting = [item(requests=12, network_class=each) for each in ("hosting", "unknown")]
    assert scored(*hosting, evidence=evidence).points == 10
    assert scored(item(requests=12), *hosting, evidence=evidence).points == 10


def test_no_class_and_the_unknown_class_share_one_cap() -> None:
    sightings = [item(requests=12, network_class=each) for each in ("", "unknown")]
    assert scored(*sightings, evidence=kinds(ip_geolocation={"cap": 10})).points == 5


def test_kinds_add_up() -> None:
    assert scored(item(requests=3), item(kind="billing_country"), item(kind="phone_country")).points == 18


@pytest.mark.parametrize(
    ("observed_at", "points"),
    [
        ("2026-06-11T00:00:00Z", 8),
        ("2026-06-01T23:59:59Z", 4),  # ten UTC days before today, whatever the hour
        ("2026-06-01T00:00:00Z", 4),
        ("2026-05-22T12:00:00Z", 2),
    ],
)
def test_points_halve_with_each_half_life_in_whole_utc_days(observed_at: str, points: int) -> None:
    assert scored(item(requests=8, observed_at=observed_at), evidence=HALVES).points == points


def test_half_a_half_life_is_the_root_of_a_half() -> None:
    found = scored(item(requests=1, observed_at="2026-06-06T12:00:00Z"), evidence=HALVES)
    assert abs(found.points**2 - Decimal("0.5")) < Decimal("1e-26")


def test_the_rounding_of_halved_points_depends_on_no_order() -> None:
    days = [item(requests=1, observed_at=f"2026-05-{day:02}T12:00:00Z") for day in range(1, 32)]
    random = Random(7)
    assert len({scored(*random.sample(days, len(days)), evidence=HALVES).points for _ in range(20)}) == 1


def test_age_weighs_points_and_nothing_else() -> None:
    old = item(requests=8, observed_at="2026-06-01T12:00:00Z")
    assert scored(old, evidence=HALVES).weighted_unsupported_requests == 8


@pytest.mark.parametrize("country", ["DE", "UA", "EU"])
def test_only_unsupported_sightings_make_points(country: str) -> None:
    found = scored(item(country, requests=9), item(country, kind="billing_country"))
    assert (found.points, found.kinds, found.sources, found.first_seen) == (0, (), frozenset(), None)


# -- in words --------------------------------------------------------------------------------------------------


def test_each_contribution_is_a_line_that_a_person_can_read() -> None:
    found = scored(
        item(requests=1_200),
        item("HK", requests=900, observed_at="2026-06-09T12:00:00Z", network_class="hosting"),
        item(kind="billing_country"),
        item("EU", requests=1),
        item("UA", requests=2),
    )
    assert texts(found) == [
        "billing_country over residential: 1 report on 1 day from CN: 10.00 points",
        "ip_geolocation over hosting: 900 requests on 1 day from HK: 450.00 points (weighed by 0.5)",
        "ip_geolocation over residential: 1,200 requests on 1 day from CN: 1000.00 points"
        " (1200.00 before the cap of 1000)",
        "ip_geolocation: 1450.00 points together, at most 1000 count",
        "ip_geolocation: 2 requests from a place that the list cannot decide; not counted",
        "ip_geolocation: 1 request without an assigned territory; not counted",
    ]
    assert [line.points for line in found.lines] == [10, 450, 1000, -450, 0, 0]
    assert [line.counted for line in found.lines] == [True] * 4 + [False] * 2


def test_a_line_carries_its_numbers_too() -> None:
    found = scored(item("HK", requests=900), item(requests=901, observed_at="2026-06-09T12:00:00Z"))
    line = found.lines[0]
    assert (line.kind, line.network_class, line.count, line.days) == ("ip_geolocation", "residential", 1_801, 2)
    assert (line.points, line.capped, line.territories) == (1_000, True, ("CN", "HK"))


def test_days_are_counted_in_days() -> None:
    found = scored(item(requests=7), evidence=kinds(ip_geolocation={"per": "day"}))
    assert texts(found) == ["ip_geolocation over residential: 1 day from CN: 1.00 points"]
    assert found.lines[0].count == 1


def test_the_facts_name_key_territory_network_requests_and_days() -> None:
    found = scored(
        item(requests=5, credential="sk-a"),
        item(requests=6, credential="sk-a", observed_at="2026-06-09T12:00:00Z"),
        item("HK", requests=20, network_class=""),
        item("DE", requests=900, credential="sk-a"),
        item(kind="billing_country"),
    )
    assert found.facts == (Fact("", "HK", "unknown", 20, 1), Fact("sk-a", "CN", "residential", 11, 2))


# -- whose list ------------------------------------------------------------------------------------------------


def test_a_restricting_step_counts_only_what_both_versions_call_unsupported() -> None:
    pinned, active = policy(), policy(territories={"supported": ["DE", "US", "UA", "CN"]})
    both = territories_under_both(pinned.territories, active.territories)
    sightings = [as_sighting(item(requests=5)), as_sighting(item("HK", requests=3))]
    found = score(sightings, pinned, AT, territories=both)
    assert (found.unsupported_requests, found.share_base) == (3, 8)


def test_a_lone_list_of_one_day_scores_as_the_same_policy_in_yaml() -> None:
    text = """
{format: 1, name: small, territories: {supported: [DE]}, evidence: {kinds: {seen: {points: 1, per: request, cap: 9}}},
qualifies: [{name: any, min_points: 1}],
ladder: {warn: {automation: auto, notice: P15D}, deadline: {step: suspend, automation: auto}}}
"""
    found = score([as_sighting(item(kind="seen", requests=4))], parse_policy(text), AT + timedelta(hours=1))
    assert found.points == 4
