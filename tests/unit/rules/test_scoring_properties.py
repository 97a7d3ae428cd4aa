"""What holds for all evidence: the rules count as the text says, and only the evidence itself decides."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from enforcement.rules.scoring import Score, score, unsupported_requests
from enforcement.rules.sightings import Sighting
from tests.unit.rules.evidence import as_sighting, policy, tallied
from tests.unit.rules.reference import Count

Item = dict[str, Any]

AT = datetime(2026, 6, 15, 12, tzinfo=UTC)
WINDOW = 14

TERRITORIES = {
    "supported": ["US", "UA", "DE"],
    "excepted": ["UA-14"],
    "unresolved": ["UA-65"],
    "sanctioned": ["UA-43"],
    "supported_subdivisions": ["CN-HK"],
    "inherits": {"PR": "US", "AX": "UA"},
}
PLACES = [
    ("CN", ""), ("CN", "CN-GD"), ("RU", ""), ("CN", "CN-TW"), ("UA", "UA-14"), ("RU", "UA-43"),  # unsupported
    ("UA", ""), ("UA", "UA-65"), ("UA", "UA-99"),  # unresolved
    ("US", ""), ("UA", "UA-12"), ("HK", ""), ("PR", ""), ("US", "US-PR"), ("FI", "FI-01"),  # supported
    ("EU", ""), ("", ""),  # unknown
]  # fmt: skip
AT_HOME = ("US", "")
KINDS = {
    "agreed_traffic": {"points": 1, "per": "request", "cap": 40, "sources": "agree"},
    "agreed_days": {"points": 3, "per": "day", "cap": 8, "sources": "agree"},
    "agreed_facts": {"points": 2, "per": "item", "cap": 9, "sources": "agree"},
    "traffic": {"points": 0.25, "per": "request", "cap": 10},
    "facts": {"points": 4, "per": "item", "cap": 10, "corroborates": False},
}
FACTORS = {"vpn": 0, "hosting": 0.5, "mobile": 0.25, "unknown": 0.5}
EVIDENCE = {"window": f"P{WINDOW}D", "kinds": KINDS, "network_factors": FACTORS}
DOCUMENT = {"territories": TERRITORIES, "evidence": EVIDENCE}
POLICY = policy(**DOCUMENT)
DECAYING = {"territories": TERRITORIES, "evidence": EVIDENCE | {"half_life": "P3D"}}
DECAYING_POLICY = policy(**DECAYING)


def items(
    names: tuple[str, ...] = (*KINDS, "unnamed_kind"),
    credentials: tuple[str, ...] = ("", "k1", "k2"),
    places: list[tuple[str, str]] = PLACES,
) -> st.SearchStrategy[Item]:
    """Few days, keys and sources, so that they meet."""
    return st.builds(
        lambda place, **fields: {"country": place[0], "subdivision": place[1]} | fields,
        place=st.sampled_from(places),
        kind=st.sampled_from(names),
        days_ago=st.sampled_from([0, 1, 2, 7, WINDOW - 1, WINDOW]),
        hour=st.integers(0, 11),
        detector=st.sampled_from(["d1", "d2"]),
        source=st.sampled_from(["", "geo-a 2026-05", "geo-a 2026-06", "geo-b 1", "geo-c"]),
        credential=st.sampled_from(credentials),
        network_class=st.sampled_from(["", "residential", "hosting", "mobile", "vpn", "unknown"]),
        outcome=st.sampled_from(["served"] * 5 + ["refused"]),
        confidence=st.sampled_from([1, 1, 0.5, 0.3, 0.1, 1e-06]),
        requests=st.integers(1, 9),
    ).map(_dated)


def _dated(item: Item) -> Item:
    midnight = AT.replace(hour=0) - timedelta(days=item.pop("days_ago"))
    observed_at = midnight + timedelta(hours=item.pop("hour"))
    return item | {"observed_at": observed_at.isoformat(), "confidence": f"{item['confidence']:.9f}"}


def some(*args: Any, **kwargs: Any) -> st.SearchStrategy[list[Item]]:
    return st.lists(items(*args, **kwargs), max_size=14)


def scored(found: list[Item], rules: Any = POLICY) -> Score:
    return score(map(as_sighting, found), rules, AT)


# -- the text ------------------------------------------------------------------------------------------------


@settings(max_examples=400, deadline=None)
@given(some())
def test_the_rules_count_as_a_literal_reading_of_the_text_does(found: list[Item]) -> None:
    count, result = Count(found, DOCUMENT, AT), scored(found)
    assert Fraction(result.points) == count.points()
    assert Fraction(result.weighted_unsupported_requests) == count.weighted(count.traffic)
    assert [
        result.requests,
        result.unsupported_requests,
        result.unknown_requests,
        result.unresolved_requests,
        result.contested_requests,
        result.share_base,
    ] == [
        count.requests,
        sum(item["requests"] for item in count.traffic),
        count.unknown,
        count.unresolved,
        count.contested,
        count.base,
    ]
    assert unsupported_requests(map(as_sighting, found), POLICY, AT) == result.unsupported_requests
    assert_witnesses_agree(result, count)


def assert_witnesses_agree(result: Score, count: Count) -> None:
    moments = [datetime.fromisoformat(item["observed_at"]) for item in count.witnessed]
    dates = [datetime.fromisoformat(item["observed_at"]) for item in count.agreeing]
    assert result.days == {moment.date() for moment in moments}
    assert result.weeks == {tuple(moment.isocalendar())[:2] for moment in moments}
    assert result.last_counting_at == max(moments, default=None)
    assert (result.first_seen, result.last_seen) == (min(dates, default=None), max(dates, default=None))
    assert set(result.kinds) == {item["kind"] for item in count.proof}
    assert len(result.sources) == len({(i["source"].split(" ")[0] or i["detector"] + " ") for i in count.proof})
    assert result.sanctioned == any(count.place(item)[0] == "sanctioned" for item in count.proof)
    territories: Counter[str] = Counter()
    for item in count.traffic:
        territories[count.place(item)[1]] += item["requests"]
    assert result.territories == tuple(sorted(territories.items(), key=lambda each: (-each[1], each[0])))


@settings(max_examples=150, deadline=None)
@given(some())
def test_points_decay_as_the_text_says(found: list[Item]) -> None:
    literal = Count(found, DECAYING, AT).points()
    assert abs(Fraction(scored(found, DECAYING_POLICY).points) - literal) < Fraction(1, 10**80)


@settings(max_examples=150, deadline=None)
@given(some())
def test_the_lines_explain_every_point_and_the_facts_every_request(found: list[Item]) -> None:
    result = scored(found)
    assert sum(line.points for line in result.lines) == result.points
    assert sum(fact.requests for fact in result.facts) == result.unsupported_requests


# -- only the evidence decides -------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(some(), st.randoms(use_true_random=False))
def test_order_never_changes_a_score(found: list[Item], random: Random) -> None:
    shuffled = random.sample(found, len(found))
    assert scored(shuffled, DECAYING_POLICY) == scored(found, DECAYING_POLICY)


@settings(max_examples=200, deadline=None)
@given(some(), st.randoms(use_true_random=False))
def test_batching_and_repeats_never_change_a_score(found: list[Item], random: Random) -> None:
    sent = [item | {"id": str(i)} for i, item in enumerate(found)]
    again = random.sample(sent, len(sent) // 2)
    assert score(recorded([*sent, *again], random), DECAYING_POLICY, AT) == scored(found, DECAYING_POLICY)


def recorded(sent: list[Item], random: Random) -> list[Sighting]:
    """What the store holds after these came in any order and batches: the first of an id, in its tally."""
    random.shuffle(sent)
    tallies: list[Sighting] = []
    taken: set[str] = set()
    while sent:
        size = random.randint(1, len(sent))
        batch, sent = sent[:size], sent[size:]
        fresh = {item["id"]: item for item in batch if item["id"] not in taken}
        taken |= set(fresh)
        tallies = tallied([*tallies, *map(as_sighting, fresh.values())])
    return tallies


@settings(max_examples=200, deadline=None)
@given(some(), st.randoms(use_true_random=False))
def test_a_day_read_half_as_rows_and_half_as_tallies_scores_the_same(found: list[Item], random: Random) -> None:
    rows = [as_sighting(item) for item in found]
    cut = random.randint(0, len(rows))
    assert score([*rows[:cut], *tallied(rows[cut:])], POLICY, AT) == score(rows, POLICY, AT)


# -- what speaks for the account -----------------------------------------------------------------------------


def assert_no_worse(after: Score, before: Score) -> None:
    assert after.points <= before.points
    assert after.weighted_unsupported_requests <= before.weighted_unsupported_requests
    assert after.share <= before.share
    assert after.days <= before.days
    assert after.weeks <= before.weeks
    assert set(after.kinds) <= set(before.kinds)
    assert after.sources <= before.sources


# Whether all of an account's items of a kind name a key, or none does: where only some do, a further item can
# move others into another comparison, and a share is no longer comparable.
FOUND_AND_AT_HOME = st.sampled_from([("k1", "k2"), ("",)]).flatmap(
    lambda keys: st.tuples(some(credentials=keys), some(credentials=keys, places=[AT_HOME]))
)


@settings(max_examples=300, deadline=None)
@given(FOUND_AND_AT_HOME)
def test_supported_traffic_never_makes_a_score_worse(both: tuple[list[Item], list[Item]]) -> None:
    found, at_home = both
    assert_no_worse(scored([*found, *at_home]), scored(found))


@settings(max_examples=300, deadline=None)
@given(some(("agreed_traffic", "agreed_days")), st.sampled_from([AT_HOME, ("EU", "")]), st.booleans())
def test_a_new_source_that_disagrees_about_a_day_leaves_nothing_of_it(
    found: list[Item], place: tuple[str, str], proves_nothing: bool
) -> None:
    """Whatever was not settled per key, that is: it names no key."""
    unkeyed = [item | {"credential": ""} for item in found]
    country, part = ("CN", "") if proves_nothing else place
    network = "vpn" if proves_nothing else "residential"
    said = {"source": "geo-z 1", "country": country, "subdivision": part, "network_class": network}
    against = [item | said | {"outcome": "served"} for item in unkeyed]
    result = scored([*unkeyed, *against])
    assert not result.points
    assert not result.weighted_unsupported_requests
    assert not result.days


@settings(max_examples=200, deadline=None)
@given(some())
def test_refused_sightings_stand_nowhere(found: list[Item]) -> None:
    served = [item for item in found if item["outcome"] == "served"]
    result, without = scored(found), scored(served)
    assert_no_worse(result, without)
    assert_no_worse(without, result)
    assert (result.requests, result.share_base) == (without.requests, without.share_base)


@settings(max_examples=200, deadline=None)
@given(some())
def test_parts_of_the_traffic_are_never_more_than_all_of_it(found: list[Item]) -> None:
    result = scored(found)
    assert 0 <= result.share <= 1
    assert result.unsupported_requests + result.contested_requests <= result.requests
    assert result.points <= sum(Decimal(str(terms["cap"])) for terms in KINDS.values())
