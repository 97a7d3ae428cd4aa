"""`sources: agree`: contested traffic is never counted, and what nobody contests is."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from enforcement.rules.scoring import Fact, Score
from tests.unit.rules.evidence import Item, item, kinds
from tests.unit.rules.evidence import scored as scored_by

AGREE = kinds(
    ip_geolocation={"sources": "agree"},
    days={"per": "day", "points": 4, "sources": "agree"},
    facts={"per": "item", "points": 10, "sources": "agree"},
)


def scored(*items: Item) -> Score:
    return scored_by(*items, evidence=AGREE)


def geo_a(country: str = "CN", requests: int = 9, **fields: Any) -> Item:
    return item(country, requests=requests, source="geo-a 2026-05", **fields)


def geo_b(country: str = "CN", requests: int = 9, **fields: Any) -> Item:
    return item(country, requests=requests, source="geo-b 2026-06", **fields)


def geo_c(country: str = "CN", requests: int = 9, **fields: Any) -> Item:
    return item(country, requests=requests, source="geo-c 1", **fields)


def counted(found: Score) -> tuple[int, int, int]:
    """What counts, what is contested, and all requests."""
    return found.unsupported_requests, found.contested_requests, found.requests


# -- who is compared -------------------------------------------------------------------------------------------


def test_a_single_source_counts_alone() -> None:
    assert counted(scored(geo_a(requests=9), geo_a("US", requests=5))) == (9, 0, 14)


def test_two_releases_of_one_source_are_one_source() -> None:
    one, other = geo_a(requests=9), geo_a("DE", requests=9) | {"source": "geo-a 2026-06"}
    assert counted(scored(one, other)) == (9, 0, 18)


def test_two_detectors_that_name_one_source_are_one_source() -> None:
    assert counted(scored(geo_a(detector="d1"), geo_a("DE", detector="d2"))) == (9, 0, 18)


def test_unnamed_sources_are_one_for_each_detector() -> None:
    unnamed = item(requests=9, detector="d1")
    assert counted(scored(unnamed, item("DE", requests=9, detector="d1"))) == (9, 0, 18)
    assert counted(scored(unnamed, item("DE", requests=9, detector="d2"))) == (0, 9, 9)
    assert counted(scored(unnamed, geo_a("DE"))) == (0, 9, 9)


def test_a_detector_with_the_name_of_a_source_is_another_source() -> None:
    assert counted(scored(geo_a(), item("DE", requests=9, detector="geo-a"))) == (0, 9, 9)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"observed_at": "2026-06-09T12:00:00Z"},
        {"kind": "days"},
        {"credential": "k2"},
    ],
)
def test_other_days_kinds_and_credentials_are_other_comparisons(elsewhere: dict[str, Any]) -> None:
    found = scored(geo_a(credential="k1"), geo_b("DE", **{"credential": "k1"} | elsewhere))
    assert counted(found) == (9, 0, 18)


def test_sources_are_not_compared_where_any_source_will_do() -> None:
    found = scored_by(geo_a(requests=9), geo_b(requests=7), geo_c("DE", requests=5))
    assert counted(found) == (16, 0, 21)


# -- credentials -----------------------------------------------------------------------------------------------


def test_a_source_that_names_no_credential_speaks_of_the_whole_account_day() -> None:
    assert counted(scored(geo_a(credential="k1"), geo_b("DE"))) == (0, 9, 9)
    assert counted(scored(geo_a(credential="k1", requests=9), geo_b(requests=7))) == (7, 2, 9)


def test_what_was_settled_for_a_credential_stays_settled_and_the_rest_is_compared() -> None:
    settled = [geo_a(requests=9, credential="k1"), geo_b(requests=7, credential="k1")]
    rest = [geo_a(requests=5, credential="k2"), geo_c("DE", requests=20)]
    assert counted(scored(*settled, *rest)) == (7, 2 + 5, 9 + 20)
    assert counted(scored(*settled, geo_a(requests=5, credential="k2"), geo_c(requests=3))) == (7 + 3, 2 + 2, 9 + 5)


def test_a_credential_that_was_settled_in_favour_stays_so() -> None:
    settled = [geo_a(requests=9, credential="k1"), geo_b("DE", requests=9, credential="k1")]
    assert counted(scored(*settled, geo_c(requests=4))) == (4, 9, 9 + 4)


def test_credentials_that_one_source_alone_names_are_compared_together_with_the_unnamed() -> None:
    found = scored(
        geo_a(requests=4, credential="k1"),
        geo_a(requests=5, credential="k2"),
        geo_b(requests=6, credential="k3"),
        geo_b(requests=1),
    )
    assert counted(found) == (7, 2, 9)


def test_one_source_that_names_a_credential_now_and_then_is_still_alone() -> None:
    assert counted(scored(geo_a(requests=4, credential="k1"), geo_a(requests=5), geo_a("DE"))) == (9, 0, 18)


def test_a_credential_is_not_settled_by_a_source_that_takes_no_part() -> None:
    found = scored(
        geo_a("UA", 9, subdivision="UA-14", credential="k1"), geo_b("UA", 9, credential="k1"), geo_c("DE", 9)
    )
    assert counted(found) == (0, 9, 9)


# -- what agrees -----------------------------------------------------------------------------------------------


def test_the_smallest_weighted_source_counts_with_its_territory_class_count_and_confidence() -> None:
    found = scored(
        geo_a("CN", 9, credential="k1"), geo_b("HK", 12, network_class="hosting", confidence=0.5, credential="k1")
    )
    assert found.territories == (("HK", 12),)
    assert found.weighted_unsupported_requests == 3
    assert found.points == 3
    assert found.facts == (Fact("k1", "HK", "hosting", 12, 1),)
    assert counted(found) == (12, 0, 12)


def test_ties_go_by_name() -> None:
    for order in (1, -1):
        found = scored(*[geo_b("HK", 9), geo_a("CN", 9), geo_c("RU", 9)][::order])
        assert found.territories == (("CN", 9),)
    assert scored(geo_a("CN", 9), item("HK", requests=9)).territories == (("HK", 9),)  # no name comes first


def test_days_sources_dates_and_counsel_look_at_all_sources_that_agree() -> None:
    found = scored(
        geo_a(requests=1, observed_at="2026-06-10T08:00:00Z"),
        geo_b("UA", requests=9, subdivision="UA-43", observed_at="2026-06-10T06:00:00Z",
              observed_until="2026-06-10T22:00:00Z"),
    )  # fmt: skip
    assert found.territories == (("CN", 1),)
    assert found.days == {date(2026, 6, 10)}
    assert found.sources == {"geo-a", "geo-b"}
    assert found.first_seen == datetime(2026, 6, 10, 6, tzinfo=UTC)
    assert found.last_seen == found.last_counting_at == datetime(2026, 6, 10, 22, tzinfo=UTC)
    assert found.sanctioned


def test_where_sources_disagree_no_day_no_kind_no_date_and_no_sanction_is_left() -> None:
    found = scored(geo_a("UA", subdivision="UA-43"), geo_b("DE"))
    assert (found.days, found.kinds, found.sources, found.territories) == (frozenset(), (), frozenset(), ())
    assert (found.first_seen, found.last_counting_at, found.sanctioned, found.facts) == (None, None, False, ())
    assert (found.points, found.share) == (0, 0)


def test_all_of_three_must_agree() -> None:
    assert counted(scored(geo_a(requests=9), geo_b(requests=7), geo_c(requests=8))) == (7, 2, 9)
    assert counted(scored(geo_a(requests=9), geo_b(requests=7), geo_c("DE", requests=8))) == (0, 9, 9)


def test_of_mixed_answers_counts_what_every_source_stands_for() -> None:
    found = scored(geo_a("CN", 5), geo_a("US", 10), geo_b("RU", 3), geo_b("US", 12))
    assert counted(found) == (3, 2, 15)
    assert found.territories == (("RU", 3),)
    assert counted(scored(geo_a("CN", 5), geo_a("US", 10), geo_b("US", 15))) == (0, 5, 15)


# -- what is a report ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "against",
    [
        geo_b("DE"),
        geo_b("EU"),
        geo_b(""),
        geo_b("UA", subdivision="UA-65"),
        geo_b("CN", network_class="vpn"),
        geo_b("DE", network_class="vpn"),
        geo_b("UA", network_class="vpn"),
    ],
    ids=["supported", "unassigned", "none", "unresolved by name", "vpn", "vpn at home", "vpn without subdivision"],
)
def test_any_report_but_unsupported_contests(against: Item) -> None:
    found = scored(geo_a(), against)
    assert (found.unsupported_requests, found.contested_requests) == (0, 9)


def test_a_refused_sighting_is_no_report() -> None:
    assert counted(scored(geo_a(), geo_b("DE", outcome="refused"))) == (9, 0, 9)
    assert counted(scored(geo_a(credential="k1"), geo_b("DE", outcome="refused"))) == (9, 0, 9)


def test_want_of_a_subdivision_contradicts_nothing() -> None:
    found = scored(geo_a("UA", 9, subdivision="UA-14"), geo_b("UA", 12))
    assert counted(found) == (9, 0, 12)
    assert (found.unresolved_requests, found.share_base) == (0, 12)
    assert found.sources == {"geo-a"}


def test_want_of_a_subdivision_supports_nothing_either() -> None:
    found = scored(geo_a("UA", 9), geo_b("UA", 12))
    assert counted(found) == (0, 0, 12)
    assert found.unresolved_requests == 9


def test_a_source_counts_with_what_takes_part_of_what_it_says() -> None:
    found = scored(geo_a("CN", 9), geo_b("CN", 4), geo_b("UA", 5))
    assert counted(found) == (4, 5, 9)


# -- the other numbers -----------------------------------------------------------------------------------------


def test_unknown_and_unresolved_are_the_smallest_and_the_totals_the_largest_among_the_sources() -> None:
    found = scored(
        geo_a("EU", 5), geo_a("UA", 4), geo_a("DE", 1),
        geo_b("EU", 2), geo_b("UA", 6), geo_b("DE", 7),
    )  # fmt: skip
    assert (found.unknown_requests, found.unresolved_requests) == (2, 4)
    assert (found.requests, found.share_base) == (15, 13)


def test_a_source_that_proves_nothing_has_no_unknown_and_no_unresolved_requests() -> None:
    found = scored(geo_a("EU", 5), geo_a("UA", 4), geo_b("US", 9, network_class="vpn"))
    assert (found.unknown_requests, found.unresolved_requests) == (0, 0)
    assert (found.requests, found.share_base) == (9, 9)


def test_contested_requests_stand_below_the_share_and_never_above() -> None:
    found = scored(geo_a(requests=9), geo_b(requests=7))
    assert (found.share_base, found.share.quantize(Decimal("0.0001"))) == (9, Decimal("0.7778"))
    assert "ip_geolocation: 2 requests contested: the sources disagree; not counted" in [
        line.text for line in found.lines
    ]


def test_days_count_with_the_confidence_of_the_source_that_counts() -> None:
    found = scored(geo_a(requests=9, kind="days"), geo_b(requests=9, kind="days", confidence=0.5))
    assert found.points == 4 * Decimal("0.5")


def test_a_day_settled_for_several_credentials_counts_once_with_the_highest_of_them() -> None:
    found = scored(
        geo_a(kind="days", credential="k1", confidence=0.25),
        geo_b(kind="days", credential="k1"),
        geo_a(kind="days", credential="k2"),
        geo_b(kind="days", credential="k2", confidence=0.5),
    )
    assert found.points == 4 * Decimal("0.5")


def test_facts_count_as_many_as_the_smaller_source_says() -> None:
    found = scored(geo_a(kind="facts", requests=1), geo_b(kind="facts", requests=1), geo_b(kind="facts", requests=1))
    assert (found.points, found.contested_requests) == (10, 0)
    assert not scored(geo_a(kind="facts", requests=1), geo_b("DE", kind="facts")).points
