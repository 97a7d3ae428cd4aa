"""Four answers for a place, in the order in which the lists are asked."""

from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any

import pycountry
import pytest
import yaml

from enforcement.rules.policy import parse_policy
from enforcement.rules.territory import (
    COUNTRIES,
    OWN_CODES,
    SUBDIVISIONS,
    Answer,
    Territories,
    find_cycle,
    is_well_formed_country,
    territories_under_both,
)

POLICIES = Path(__file__).parents[3] / "examples" / "policies"
SUPPORTED, UNSUPPORTED, UNRESOLVED, UNKNOWN = Answer

LIST = Territories(
    supported=["DE", "US", "UA", "FR", "NO", "TW"],
    excepted=["UA-14", "US-GU"],
    supported_subdivisions=["CN-SH", "CN-MO"],
    unresolved=["UA-65"],
    sanctioned=["UA-43", "KP", "SY", "SY-DI"],
    inherits={
        "PR": "US",
        "RE": "FR",
        "YT": "RE",
        "BV": "SJ",
        "NO-21": "NO",
        "GG": "KP",
        "AX": "UA",
        "GU": "US",
    },
)


@cache
def published(name: str) -> tuple[Territories, dict[str, Any]]:
    """A published list as we parse it, and as plain YAML of strings."""
    text = (POLICIES / f"{name}.yaml").read_text(encoding="utf-8")
    return parse_policy(text).territories, yaml.load(text, Loader=yaml.BaseLoader)["territories"]


def listing(name: str, code: str, **lists: Any) -> Territories:
    """A list with one code in one of its places."""
    return Territories(**lists | {name: [code]})


# -- codes ---------------------------------------------------------------------------------------------------


def test_there_are_249_assigned_countries() -> None:
    assert len(COUNTRIES) == 249
    assert not COUNTRIES & {"EU", "AP", "XX", "UK", "XK", "T1", "??", ""}


@pytest.mark.parametrize("country", sorted(COUNTRIES))
@pytest.mark.parametrize("name", ["recommended", "supported-territories-2024", "supported-territories-2023"])
def test_each_country_is_as_the_list_says(name: str, country: str) -> None:
    territories, lists = published(name)
    parent = lists["inherits"].get(country)
    if country == "UA":
        expected = UNRESOLVED
    else:
        expected = SUPPORTED if {country, parent} & set(lists["supported"]) else UNSUPPORTED
    assert territories.answer(country) is expected
    assert territories.code(country) == country
    assert not territories.is_sanctioned(country)


def test_2024_added_24_countries_and_removed_none() -> None:
    new, old = (set(published(f"supported-territories-{year}")[1]["supported"]) for year in (2024, 2023))
    assert (len(new), len(new - old), old - new) == (188, 24, set())


def test_every_dependent_territory_inherits_or_stays_out_for_a_reason() -> None:
    lists = published("recommended")[1]
    neither = COUNTRIES - set(lists["supported"]) - set(lists["inherits"])
    assert len(lists["inherits"]) == 49
    assert neither == {"BY", "CN", "CU", "IR", "KP", "RU", "SY", "VE"} | {"HK", "MO"} | {"AQ", "EH"}


@pytest.mark.parametrize("code", ["", "EU", "AP", "XX", "T1", "??", "UK", "XK", "cn", "CHN", "中国"])
def test_a_code_that_nobody_assigned_is_unknown(code: str) -> None:
    assert LIST.answer(code) is UNKNOWN
    assert LIST.code(code) == ""
    assert not LIST.is_sanctioned(code)
    assert not LIST.lacks_subdivision(code)


@pytest.mark.parametrize("value", ["CN", "XX", "T1", "EU", "??", "", None])
def test_two_capitals_or_a_capital_and_a_digit_are_well_formed(value: object) -> None:
    assert is_well_formed_country(value)


@pytest.mark.parametrize(
    "value",
    ["cn", "Cn", "CHN", "C", "1T", "C?", "?", "C N", "CN\n", "\u0421N", "\u0663A", 156, b"CN", ["CN"]],
)
def test_anything_else_is_malformed(value: object) -> None:
    assert not is_well_formed_country(value)


def test_codes_that_detectors_make_up_do_not_fill_the_memory() -> None:
    territories = Territories(supported=["DE"])
    answers = {territories.answer("DE", f"DE-{i}") for i in range(20_000)}
    assert answers == {SUPPORTED}
    assert len(territories._places) == 10_000


# -- parts that are countries --------------------------------------------------------------------------------


def test_every_part_with_a_country_code_of_its_own_is_assigned_both_ways() -> None:
    assert set(OWN_CODES) <= SUBDIVISIONS
    assert set(OWN_CODES.values()) <= COUNTRIES
    assert not any(part.startswith(country) for part, country in OWN_CODES.items())


def test_no_part_that_bears_a_countrys_name_is_forgotten() -> None:
    names = {each.name: each.alpha_2 for each in pycountry.countries}
    names |= {each.common_name: each.alpha_2 for each in pycountry.countries if hasattr(each, "common_name")}
    namesakes = {"BE-WLX", "GN-ML", "NG-NI", "US-GA"}  # provinces of that name, and a state
    bearing = {
        each.code: names[each.name]
        for each in pycountry.subdivisions
        if each.name in names and names[each.name] != each.country_code and each.code not in namesakes
    }
    assert bearing.items() <= OWN_CODES.items()


def test_no_overseas_part_is_forgotten() -> None:
    overseas = {
        each.code
        for each in pycountry.subdivisions
        if each.type.startswith("Overseas")
        or each.type in ("Outlying area", "Special administrative region", "Arctic region")
        or (each.country_code == "NL" and each.type != "Province")
    }
    assert overseas - {"TL-OE"} == set(OWN_CODES) - {"CN-TW", "FI-01"}  # Oecusse has none; two by other types


@pytest.mark.parametrize(("part", "country"), sorted(OWN_CODES.items()))
def test_a_part_with_a_country_code_is_read_as_that_country(part: str, country: str) -> None:
    apart = Territories(supported=[country])
    assert apart.answer(part[:2], part) is SUPPORTED
    assert apart.answer("", part) is SUPPORTED
    assert apart.code("", part) == country
    around = Territories(supported=[part[:2]])
    assert around.answer(part[:2], part) is UNSUPPORTED


@pytest.mark.parametrize("part", ["US-PR", "CN-TW", "NO-21"])
def test_lists_may_name_such_a_part_and_mean_the_country(part: str) -> None:
    country = OWN_CODES[part]
    around = part[:2]
    assert Territories([part]).answer(country) is SUPPORTED
    assert Territories([], supported_subdivisions=[part]).answer(country) is SUPPORTED
    for name, answer in (("excepted", UNSUPPORTED), ("unresolved", UNRESOLVED), ("sanctioned", UNSUPPORTED)):
        named = listing(name, part, supported=[around], inherits={part: around})
        assert named.answer(country) is answer
        assert named.is_sanctioned(country) is (name == "sanctioned")
        # It is no part of the mainland, which is therefore not divided.
        assert named.answer(around) is SUPPORTED


def test_every_other_subdivision_follows_its_own_country() -> None:
    named = {"UA-14", "UA-65", "UA-43", "CN-SH", "SY-DI"}
    for part in SUBDIVISIONS - set(OWN_CODES) - named:
        place = LIST.place("KP", part)  # whatever country stands beside it
        assert place.code == part[:2]
        expected = LIST.answer(part[:2])
        divided = part[:2] in {"UA", "CN"}
        assert place.answer is ({"UA": SUPPORTED, "CN": UNSUPPORTED}[part[:2]] if divided else expected)


# -- the order of the lists ----------------------------------------------------------------------------------

ANSWERS = [
    # country, subdivision, answer, code, sanctioned
    ("DE", "", SUPPORTED, "DE", False),
    ("CN", "CN-GD", UNSUPPORTED, "CN", False),
    ("CN", "CN-SH", SUPPORTED, "CN-SH", False),
    ("CN", "", UNRESOLVED, "CN", False),  # a part of it is named
    ("UA", "UA-12", SUPPORTED, "UA", False),
    ("UA", "UA-14", UNSUPPORTED, "UA-14", False),
    ("UA", "UA-65", UNRESOLVED, "UA-65", False),
    ("UA", "UA-43", UNSUPPORTED, "UA-43", True),
    ("UA", "", UNRESOLVED, "UA", False),
    ("RU", "UA-43", UNSUPPORTED, "UA-43", True),  # the subdivision wins
    ("RU", "UA-99", UNSUPPORTED, "RU", False),  # an unassigned one counts as not given
    ("UA", "UA-99", UNRESOLVED, "UA", False),
    ("XX", "UA-14", UNSUPPORTED, "UA-14", False),
    ("", "US-CA", SUPPORTED, "US", False),
    ("KP", "", UNSUPPORTED, "KP", True),
    ("KP", "KP-01", UNSUPPORTED, "KP", True),
    ("SY", "", UNSUPPORTED, "SY", True),  # sanctioned itself: it stays for counsel although a part is named
    ("SY", "SY-DI", UNSUPPORTED, "SY-DI", True),
    ("PR", "", SUPPORTED, "PR", False),
    ("GU", "", UNSUPPORTED, "GU", False),  # excepted under the name US-GU, which wins over inheriting
    ("MO", "", SUPPORTED, "MO", False),  # supported under the name CN-MO
    ("YT", "", SUPPORTED, "YT", False),  # a chain
    ("BV", "", SUPPORTED, "BV", False),  # a chain through NO-21
    ("GG", "", UNSUPPORTED, "GG", True),  # as its parent
    ("AX", "", SUPPORTED, "AX", False),  # its parent's place, not its parts
    ("HK", "", UNSUPPORTED, "HK", False),
]


@pytest.mark.parametrize(("country", "subdivision", "answer", "code", "sanctioned"), ANSWERS)
def test_the_lists_are_asked_in_their_order(
    country: str, subdivision: str, answer: Answer, code: str, sanctioned: bool
) -> None:
    place = LIST.place(country, subdivision)
    assert (place.answer, place.code, place.sanctioned) == (answer, code, sanctioned)


def test_what_is_listed_itself_does_not_follow_its_parent() -> None:
    listed = Territories(supported=["PR"], sanctioned=["AX"], inherits={"PR": "CN", "AX": "PR"})
    assert listed.answer("PR") is SUPPORTED
    assert listed.is_sanctioned("AX")


@pytest.mark.parametrize("name", ["excepted", "unresolved", "supported_subdivisions", "sanctioned"])
@pytest.mark.parametrize("supported", [["UA"], ["DE"]])
def test_a_divided_country_without_a_subdivision_is_unresolved_and_for_no_other_reason(
    name: str, supported: list[str]
) -> None:
    divided = listing(name, "UA-14", supported=supported)
    assert divided.answer("UA") is UNRESOLVED
    assert divided.lacks_subdivision("UA")
    assert not divided.lacks_subdivision("UA", "UA-14")
    assert not divided.lacks_subdivision("UA", "UA-65")


def test_a_part_that_is_unresolved_by_name_lacks_nothing() -> None:
    assert not LIST.lacks_subdivision("UA", "UA-65")


# -- under both versions -------------------------------------------------------------------------------------

ONE_OF_EACH = {
    SUPPORTED: Territories(supported=["UA"]),
    UNSUPPORTED: Territories(supported=["DE"]),
    UNRESOLVED: Territories(supported=["UA"], excepted=["UA-14"]),
}


@pytest.mark.parametrize(("one", "other"), list(permutations(ONE_OF_EACH, 2)))
def test_under_both_the_kinder_answer_wins(one: Answer, other: Answer) -> None:
    both = territories_under_both(ONE_OF_EACH[one], ONE_OF_EACH[other])
    assert both.answer("UA") is (SUPPORTED if SUPPORTED in (one, other) else UNRESOLVED)


@pytest.mark.parametrize("answer", ONE_OF_EACH)
def test_under_both_what_both_say_stands(answer: Answer) -> None:
    both = territories_under_both(ONE_OF_EACH[answer], ONE_OF_EACH[answer])
    assert both.answer("UA") is answer
    assert both.answer("EU") is UNKNOWN
    assert both.lacks_subdivision("UA") is (answer is UNRESOLVED)


def test_under_both_a_place_is_sanctioned_where_either_says_so_and_named_as_closely_as_either_does() -> None:
    plain, sanctioning = Territories(supported=["DE"]), Territories(supported=["UA"], sanctioned=["UA-43"])
    for both in (territories_under_both(plain, sanctioning), territories_under_both(sanctioning, plain)):
        assert both.answer("UA", "UA-43") is UNSUPPORTED
        assert both.is_sanctioned("UA", "UA-43")
        assert both.code("UA", "UA-43") == "UA-43"


def test_under_both_a_place_that_one_list_leaves_to_a_person_does_not_only_lack_a_subdivision() -> None:
    by_name = Territories(supported=["DE"], unresolved=["US-PR"])
    divided = Territories(supported=["DE"])
    assert not territories_under_both(by_name, divided).lacks_subdivision("PR")


# -- circles -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inherits", "cycle"),
    [
        ({}, ()),
        ({"PR": "US", "YT": "RE", "RE": "FR"}, ()),
        ({"PR": "PR"}, ("PR", "PR")),
        ({"AX": "PR", "PR": "VI", "VI": "PR"}, ("PR", "VI", "PR")),
    ],
)
def test_a_circle_of_parents_is_found(inherits: dict[str, str], cycle: tuple[str, ...]) -> None:
    assert find_cycle(inherits) == cycle
