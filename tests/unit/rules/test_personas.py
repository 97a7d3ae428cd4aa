"""The standing cast under the recommended policy: who is warned, who is looked at, who is left alone."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from enforcement.rules.outcomes import Outcome, outcome
from enforcement.rules.policy import parse_policy
from enforcement.rules.scoring import Score, score
from examples.personas import PERSONAS, Persona
from tests.unit.rules.evidence import as_sighting

POLICIES = Path(__file__).parents[3] / "examples" / "policies"
RECOMMENDED = parse_policy((POLICIES / "recommended.yaml").read_text(encoding="utf-8"))
BY_NUMBER = {each.number: each for each in PERSONAS}
# A Thursday, a Sunday, the first instant of a day and the last: weeks and days are cut elsewhere each time.
NOW = datetime(2026, 6, 11, 12, tzinfo=UTC)
MOMENTS = [NOW, datetime(2026, 6, 14, tzinfo=UTC), datetime(2027, 1, 4, 23, 59, 59, tzinfo=UTC)]


def scored(persona: Persona, now: datetime = NOW) -> Score:
    return score(map(as_sighting, persona.evidence(now)), RECOMMENDED, now)


def decided(persona: Persona, now: datetime) -> Outcome | None:
    return outcome(scored(persona, now), RECOMMENDED, now)


@pytest.mark.parametrize("now", MOMENTS, ids=str)
@pytest.mark.parametrize("persona", PERSONAS, ids=lambda each: f"{each.number} {each.who}")
def test_a_persona_gets_the_outcome_that_fairness_asks_for(persona: Persona, now: datetime) -> None:
    found = decided(persona, now)
    assert (found and found.outcome, found.rule if found else "") == (persona.expected, persona.rule)


# The numbers of the table: requests, days, share of traffic in per cent.
TABLE = [
    ("1", 110_500, 65, 96),
    ("3b", 402_000, 60, 35),  # 70 %, and a class that nobody gave weighs half
    ("4a", 3_000, 9, 22),
    ("4b", 4_200, 28, 58),
    ("6", 7_500, 75, 100),
    ("7", 9_570, 58, 0.4),
    ("9", 5_015_000, 85, 31),
    ("11", 240_000, 3, 53.25),  # 71 %, and half of it over hosting
    ("12", 24_000, 8, 97),
    ("14", 110_500, 65, 96),
]


@pytest.mark.parametrize(("number", "requests", "days", "per_cent"), TABLE)
def test_a_persona_is_the_one_of_the_table(number: str, requests: int, days: int, per_cent: float) -> None:
    found = scored(BY_NUMBER[number])
    assert (found.unsupported_requests, len(found.days)) == (requests, days)
    assert float(found.share) * 100 == pytest.approx(per_cent, rel=0.01)


def test_what_one_bad_release_says_is_contested_and_worth_nothing() -> None:
    found = scored(BY_NUMBER["2"])
    assert (found.contested_requests, found.requests) == (5_400, 67_500)
    assert not found.points
    assert not found.share
    assert not found.days


@pytest.mark.parametrize("number", ["3a", "8a"])
def test_an_edge_or_a_vpn_exit_is_shown_and_proves_nothing(number: str) -> None:
    found = scored(BY_NUMBER[number])
    assert not found.points
    assert not found.unsupported_requests
    assert [line.counted for line in found.lines] == [False]
    assert "this network proves nothing" in found.lines[0].text


def test_traffic_that_the_list_cannot_place_waits_in_the_unresolved_queue() -> None:
    found = scored(BY_NUMBER["5"])
    assert (found.unresolved_requests, found.territories) == (16_000, (("UA-14", 15),))


def test_one_key_is_named_and_the_others_are_not() -> None:
    assert {fact.credential for fact in scored(BY_NUMBER["7"]).facts} == {"sk-key-01"}
    assert len({fact.credential for fact in scored(BY_NUMBER["9"]).facts}) == 45


def test_card_and_phone_are_origin_and_corroborate_nothing() -> None:
    found = scored(BY_NUMBER["13"])
    assert (found.kinds, found.sources, found.sanctioned) == ((), frozenset(), False)
    assert found.points < 5
