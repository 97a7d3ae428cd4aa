"""A policy document is read as it says, or refused with everything that is wrong with it."""

import json
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcement.rules.policy import PolicyRefused, parse_policy
from enforcement.rules.policy_parts import (
    Appeals,
    Cure,
    DeadlineStep,
    Kind,
    Ladder,
    LaterStep,
    Rule,
    Safety,
    Warn,
)
from enforcement.rules.territory import Answer

POLICIES = Path(__file__).parents[3] / "examples" / "policies"
RECOMMENDED = (POLICIES / "recommended.yaml").read_text(encoding="utf-8")
DAY = timedelta(days=1)

SMALLEST: dict[str, Any] = {
    "format": 1,
    "name": "smallest",
    "territories": {"supported": ["DE", "NO"]},
    "evidence": {"kinds": {"ip_geolocation": {"points": 1, "per": "day", "cap": 30}}},
    "qualifies": [{"name": "any", "min_requests": 5}],
    "ladder": {
        "warn": {"automation": "auto", "notice": "P15D"},
        "deadline": {"step": "suspend", "automation": "auto"},
    },
}


def errors(text: str) -> list[tuple[str, str]]:
    with pytest.raises(PolicyRefused) as refused:
        parse_policy(text)
    return [(each.path, each.message) for each in refused.value.errors]


# -- what is read ----------------------------------------------------------------------------------------------


def test_the_recommended_document_is_read_to_the_letter() -> None:
    policy = parse_policy(RECOMMENDED)
    assert policy.name == "supported-territories-2024-07"
    assert policy.reference_url == "https://example.com/supported-countries"
    assert (len(policy.territories.supported), policy.edge) == (188, "observe")
    assert policy.territories.sanctioned == {"UA-43", "UA-40"}
    assert policy.territories.inherits["PR"] == "US"
    assert (policy.evidence.window_days, policy.evidence.half_life) == (90, 30 * DAY)
    assert policy.evidence.kinds["ip_geolocation"] == Kind(Decimal(1), "day", Decimal(30), sources="agree")
    assert policy.evidence.kinds["card_country"] == Kind(Decimal(5), "item", Decimal(5), corroborates=False)
    assert policy.qualifies == (
        Rule(
            "sustained",
            min_share=Decimal("0.45"),
            min_requests=Decimal(20),
            min_days=7,
            min_weeks=4,
            seen_within=21 * DAY,
        ),
        Rule(
            "corroborated",
            min_kinds=3,
            min_share=Decimal("0.01"),
            min_requests=Decimal(5),
            min_days=5,
            min_weeks=4,
            seen_within=30 * DAY,
            automation="held",
        ),
    )
    assert [rule.name for rule in policy.review] == ["steady", "burst", "signals"]
    assert policy.ladder == Ladder(
        warn=Warn("auto", 15 * DAY, (7 * DAY, 1 * DAY)),
        deadline=DeadlineStep("suspend", "auto", needs_new_requests=1),
        restriction=LaterStep("suspend", 30 * DAY, "held"),
        suspension=LaterStep("block", 30 * DAY, "held", (14 * DAY, 3 * DAY)),
        cure=Cure(quiet=7 * DAY, extend=True),
        persons="held",
    )
    assert policy.appeals == Appeals(184 * DAY, 7 * DAY, 14 * DAY, "narrow")
    assert policy.safety == Safety(100, Decimal("0.005"))


def test_what_the_smallest_document_leaves_out_has_its_default() -> None:
    policy = parse_policy(json.dumps(SMALLEST))
    assert (policy.reference_url, policy.edge, policy.review) == ("", "observe", ())
    assert not policy.territories.excepted | policy.territories.unresolved | policy.territories.sanctioned
    assert not policy.territories.supported_subdivisions | set(policy.territories.inherits)
    assert (policy.evidence.window_days, policy.evidence.half_life) == (90, None)
    assert policy.evidence.kinds == {"ip_geolocation": Kind(Decimal(1), "day", Decimal(30), "any", True)}
    assert [policy.evidence.factor(each) for each in ("", "unknown", "vpn", "residential")] == [1, 1, 1, 1]
    assert policy.ladder == Ladder(
        warn=Warn("auto", 15 * DAY, ()),
        deadline=DeadlineStep("suspend", "auto", needs_new_requests=1),
        restriction=None,
        suspension=None,
        cure=None,
        persons="held",
    )
    assert policy.appeals == Appeals(184 * DAY, 7 * DAY, 14 * DAY, "narrow")
    assert policy.safety == Safety(100, Decimal("0.005"))


def test_a_cure_extends_unless_it_says_otherwise() -> None:
    document = changed(lambda each: each["ladder"].update(cure={"quiet": "P7D"}))
    assert parse_policy(json.dumps(document)).ladder.cure == Cure(7 * DAY, extend=True)


def test_a_section_given_in_part_keeps_the_other_defaults() -> None:
    document = changed(lambda each: each.update(appeals={"on_overdue": "escalate"}, safety={"max_steps_per_hour": 5}))
    policy = parse_policy(json.dumps(document))
    assert policy.appeals == Appeals(on_overdue="escalate")
    assert policy.safety == Safety(max_steps_per_hour=5)


def test_a_class_that_nobody_gave_is_unknown_and_one_that_is_not_named_weighs_one() -> None:
    factors = parse_policy(RECOMMENDED).evidence
    assert factors.factor("") == factors.factor("unknown") == Decimal("0.5")
    assert [factors.factor(each) for each in ("edge", "business")] == [0, 1]


@pytest.mark.parametrize("name", ["restriction", "suspension", "cure"])
def test_null_means_none(name: str) -> None:
    document = changed(lambda each: each["ladder"].update({name: None}))
    assert getattr(parse_policy(json.dumps(document)).ladder, name) is None


def test_json_and_yaml_say_the_same() -> None:
    as_yaml = """
format: 1
name: smallest
territories: {supported: [DE, NO]}
evidence:
  kinds:
    ip_geolocation: {points: 1, per: day, cap: 30}
qualifies:
  - {name: any, min_requests: 5}
ladder:
  warn: {automation: auto, notice: P15D}
  deadline: {step: suspend, automation: auto}
"""
    one, other = parse_policy(as_yaml), parse_policy(json.dumps(SMALLEST, indent="\t"))
    assert one.territories.supported == other.territories.supported
    assert (one.evidence, one.qualifies, one.ladder) == (other.evidence, other.qualifies, other.ladder)


def test_no_is_norway_and_on_is_nothing_else_than_a_word() -> None:
    policy = parse_policy(RECOMMENDED.replace("name: supported-territories-2024-07", "name: on"))
    assert policy.territories.answer("NO") is Answer.SUPPORTED
    assert policy.name == "on"


def test_numbers_are_exact() -> None:
    document = changed(lambda each: each["qualifies"][0].update(min_share=0.1))
    assert parse_policy(json.dumps(document)).qualifies[0].min_share == Decimal("0.1")


@pytest.mark.parametrize(
    "cap", ["999999999999999", "999999999999999.999999999999999999", "1e3", "0.000000000000000001"]
)
def test_numbers_are_exact_from_one_end_of_what_is_read_to_the_other(cap: str) -> None:
    text = json.dumps(put("evidence.kinds.ip_geolocation.cap", cap))
    assert parse_policy(text).evidence.kinds["ip_geolocation"].cap == Decimal(cap)


@pytest.mark.parametrize("name", ["supported-territories-2023", "supported-territories-2024"])
def test_the_published_lists_come_under_the_recommended_terms(name: str) -> None:
    recommended = parse_policy(RECOMMENDED)
    policy = parse_policy((POLICIES / f"{name}.yaml").read_text(encoding="utf-8"))
    assert policy.name == name
    for section in ("evidence", "qualifies", "review", "ladder", "appeals", "safety", "edge"):
        assert getattr(policy, section) == getattr(recommended, section)
    assert policy.territories.inherits == recommended.territories.inherits


# -- what is refused, and where --------------------------------------------------------------------------------


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    document = deepcopy(SMALLEST)
    change(document)
    return document


def put(path: str, value: Any) -> dict[str, Any]:
    """The smallest document with a value at a dotted path; maps on the way are made."""
    document = deepcopy(SMALLEST)
    *way, last = path.split(".")
    inside: Any = document
    for name in way:
        inside = inside[int(name)] if name.isdigit() else inside.setdefault(name, {})
    inside[int(last) if last.isdigit() else last] = value
    return document


BAD_VALUES: list[tuple[str, Any, str, str]] = [
    # where it is put, what, the path of the error, what it says
    ("format", 2, "format", "must be 1, not '2'"),
    ("format", [1], "format", "must be 1, not a list"),
    ("name", "", "name", "must be printable text"),
    ("name", " padded", "name", "without blanks at its ends"),
    ("name", "two\nlines", "name", "must be printable text"),
    ("name", "\ud800", "name", "must be printable text"),
    ("name", "x" * 129, "name", "is longer than 128 characters"),
    ("name", None, "name", "must be a single value, not empty"),
    ("name", {"a": 1}, "name", "must be a single value, not a map"),
    ("reference_url", "ftp://example.com/list", "reference_url", "is not an http or https address"),
    ("reference_url", "https://", "reference_url", "is not an http or https address"),
    ("reference_url", "https://[::1", "reference_url", "is not an http or https address"),
    ("colour", "red", "colour", "is not known here; known are format, name, reference_url"),
    ("territories", ["DE"], "territories", "must be a map, not a list"),
    ("territories.supported", "DE", "territories.supported", "must be a list, not 'DE'"),
    ("territories.supported", [], "territories.supported", "must not be empty"),
    ("territories.supported", ["DE", "FR", "NO", "XX"], "territories.supported[3]",
     "'XX' is not an assigned ISO 3166-1 code"),
    ("territories.supported", ["UK"], "territories.supported[0]", "'UK' is not an assigned ISO 3166-1 code"),
    ("territories.supported", ["de"], "territories.supported[0]", "'de' is not an assigned ISO 3166-1 code"),
    ("territories.supported", [False], "territories.supported[0]", "'false' is not an assigned"),
    ("territories.supported", [["DE"]], "territories.supported[0]", "must be a single value, not a list"),
    ("territories.supported", [None], "territories.supported[0]", "must be a single value, not empty"),
    ("territories.supported", ["UA-14"], "territories.supported[0]", "'UA-14' is a part of a country"),
    ("territories.supported", ["DE", "DE"], "territories.supported[1]", "listed already, at territories.supported[0]"),
    ("territories.supported", ["TW", "CN-TW"], "territories.supported[1]", "'CN-TW' is listed already"),
    ("territories.excepted", ["UA"], "territories.excepted[0]", "'UA' is a country"),
    ("territories.excepted", ["UA-99"], "territories.excepted[0]", "'UA-99' is not an assigned ISO 3166-2 code"),
    ("territories.supported_subdivisions", ["CN"], "territories.supported_subdivisions[0]", "'CN' is a country"),
    ("territories.unresolved", ["XX-1"], "territories.unresolved[0]", "is not an assigned ISO 3166-2 code"),
    ("territories.sanctioned", ["XX"], "territories.sanctioned[0]", "is not an assigned ISO 3166-1 or 3166-2 code"),
    ("territories.sanctioned", ["DE"], "territories.sanctioned[0]", "listed already, at territories.supported[0]"),
    ("territories.inherits", ["PR"], "territories.inherits", "must be a map, not a list"),
    ("territories.inherits", {"XX": "US"}, "territories.inherits.XX", "'XX' is not an assigned ISO 3166-1 code"),
    ("territories.inherits", {"PR": "XX"}, "territories.inherits.PR", "'XX' is not an assigned ISO 3166-1 code"),
    ("territories.inherits", {"UA-14": "UA"}, "territories.inherits.UA-14", "is a part of a country"),
    ("territories.inherits", {"HK": "GB"}, "territories.inherits.HK", "'HK' never inherits"),
    ("territories.inherits", {"MO": "PT"}, "territories.inherits.MO", "'MO' never inherits"),
    ("territories.inherits", {"CN-HK": "GB"}, "territories.inherits.CN-HK", "'CN-HK' never inherits"),
    ("territories.inherits", {"PR": "US", "US-PR": "US"}, "territories.inherits.US-PR", "stands here already"),
    ("territories.inherits", {"PR": "PR"}, "territories.inherits", "goes round in a circle: PR -> PR"),
    ("territories.inherits", {"AX": "PR", "PR": "AX"}, "territories.inherits", "circle: AX -> PR -> AX"),
    ("territories.edge", "refuse_all", "territories.edge", "must be observe or refuse or refuse_after_notice"),
    ("territories.allowed", ["DE"], "territories.allowed", "is not known here"),
    ("evidence.window", "P1M", "evidence.window", "months and years are no fixed length"),
    ("evidence.window", "PT36H", "evidence.window", "must be whole days"),
    ("evidence.window", "P0D", "evidence.window", "must be longer than nothing"),
    ("evidence.window", 90, "evidence.window", "'90' is not an ISO 8601 duration"),
    ("evidence.half_life", "P0D", "evidence.half_life", "must be longer than nothing"),
    ("evidence.half_life", "-P1D", "evidence.half_life", "is not an ISO 8601 duration"),
    ("evidence.kinds", {}, "evidence.kinds", "must name at least one kind"),
    ("evidence.kinds.IP", {"points": 1, "per": "day", "cap": 1}, "evidence.kinds.IP", "is no kind's name"),
    ("evidence.kinds.ip_geolocation.points", -1, "evidence.kinds.ip_geolocation.points", "must be at least 0"),
    ("evidence.kinds.ip_geolocation.points", "1_0", "evidence.kinds.ip_geolocation.points", "'1_0' is not a number"),
    ("evidence.kinds.ip_geolocation.points", "\u0661", "evidence.kinds.ip_geolocation.points", "is not a number"),
    ("evidence.kinds.ip_geolocation.points", "many", "evidence.kinds.ip_geolocation.points", "is not a number"),
    ("evidence.kinds.ip_geolocation.points", "Infinity", "evidence.kinds.ip_geolocation.points", "is not a number"),
    ("evidence.kinds.ip_geolocation.points", True, "evidence.kinds.ip_geolocation.points", "is not a number"),
    ("evidence.kinds.ip_geolocation.points", 10**15, "evidence.kinds.ip_geolocation.points", "more than 15 digits"),
    ("evidence.kinds.ip_geolocation.points", 1e-19, "evidence.kinds.ip_geolocation.points", "18 behind the point"),
    ("evidence.kinds.ip_geolocation.cap", -0.5, "evidence.kinds.ip_geolocation.cap", "must be at least 0, not -0.5"),
    ("evidence.kinds.ip_geolocation.per", "week", "evidence.kinds.ip_geolocation.per", "request or item or day"),
    ("evidence.kinds.ip_geolocation.sources", "most", "evidence.kinds.ip_geolocation.sources", "any or agree"),
    ("evidence.kinds.ip_geolocation.corroborates", "yes", "evidence.kinds.ip_geolocation.corroborates",
     "must be true or false, not 'yes'"),
    ("evidence.kinds.ip_geolocation.weight", 1, "evidence.kinds.ip_geolocation.weight", "is not known here"),
    ("evidence.kinds.ip_geolocation", 3, "evidence.kinds.ip_geolocation", "must be a map, not '3'"),
    ("evidence.network_factors", {"vpn": 1.1}, "evidence.network_factors.vpn", "must be at most 1, not 1.1"),
    ("evidence.network_factors", {"vpn": -1}, "evidence.network_factors.vpn", "must be at least 0"),
    ("evidence.network_factors", {"vnp": 0}, "evidence.network_factors.vnp", "known are residential, mobile"),
    ("qualifies", {"name": "x"}, "qualifies", "must be a list, not a map"),
    ("qualifies.0", "any", "qualifies[0]", "must be a map, not 'any'"),
    ("qualifies.0", {"name": "x"}, "qualifies[0]", "a rule needs a condition"),
    ("qualifies.0", {"name": "x", "automation": "held"}, "qualifies[0]", "a rule needs a condition"),
    ("qualifies.0", {"min_days": 1}, "qualifies[0].name", "is required"),
    ("qualifies.0.name", "sanctioned", "qualifies[0].name", "is the name of the rule for sanctioned territories"),
    ("qualifies.0.automation", "manual", "qualifies[0].automation", "must be auto or held, not 'manual'"),
    ("qualifies.0.min_share", 1.01, "qualifies[0].min_share", "must be at most 1"),
    ("qualifies.0.min_share", 0, "qualifies[0].min_share", "must be above 0"),
    ("qualifies.0.min_points", 0, "qualifies[0].min_points", "must be above 0"),
    ("qualifies.0.min_requests", -5, "qualifies[0].min_requests", "must be above 0"),
    ("qualifies.0.min_days", 0, "qualifies[0].min_days", "must be at least 1"),
    ("qualifies.0.min_weeks", 1.5, "qualifies[0].min_weeks", "must be a whole number"),
    ("qualifies.0.min_kinds", "two", "qualifies[0].min_kinds", "is not a number"),
    ("qualifies.0.min_sources", None, "qualifies[0].min_sources", "must be a single value"),
    ("qualifies.0.seen_within", "P2Y", "qualifies[0].seen_within", "months and years"),
    ("qualifies.0.min_accounts", 3, "qualifies[0].min_accounts", "is not known here"),
    ("review", [{"name": "r", "min_days": 1, "automation": "auto"}], "review[0].automation", "is not known here"),
    ("review", [{"name": "any", "min_days": 1}], "review[0].name", "'any' is the name of qualifies[0] already"),
    ("ladder.warn.notice", "P0D", "ladder.warn.notice", "must be longer than nothing"),
    ("ladder.warn.notice", "P36501D", "ladder.warn.notice", "is longer than P36500D"),
    ("ladder.warn.automation", "no", "ladder.warn.automation", "must be auto or held"),
    ("ladder.warn.reminders", "P7D", "ladder.warn.reminders", "must be a list"),
    ("ladder.warn.reminders", ["P1D", "P15D"], "ladder.warn.reminders[1]", "must be shorter than the notice of P15D"),
    ("ladder.warn.reminders", ["P1D", "PT24H"], "ladder.warn.reminders[1]", "P1D stands there already"),
    ("ladder.warn.reminders", ["P1M"], "ladder.warn.reminders[0]", "months and years"),
    ("ladder.deadline.step", "warn", "ladder.deadline.step", "must be restrict_territory or suspend or block"),
    ("ladder.deadline.needs_new", {"requests": -1}, "ladder.deadline.needs_new.requests", "must be at least 0"),
    ("ladder.deadline.needs_new", {"days": 1}, "ladder.deadline.needs_new.days", "known are requests"),
    ("ladder.restriction", {"step": "block", "after": "P30D", "automation": "held"}, "ladder.restriction.step",
     "must be suspend"),
    ("ladder.suspension", {"step": "suspend", "after": "P30D", "automation": "held"}, "ladder.suspension.step",
     "must be block"),
    ("ladder.suspension", {"step": "block", "automation": "held"}, "ladder.suspension.after", "is required"),
    ("ladder.suspension", {"step": "block", "after": "P3D", "automation": "held", "reminders": ["P4D"]},
     "ladder.suspension.reminders[0]", "must be shorter than the after of P3D"),
    ("ladder.cure", {}, "ladder.cure.quiet", "is required"),
    ("ladder.cure", {"quiet": "P7D", "extend": 1}, "ladder.cure.extend", "must be true or false"),
    ("ladder.persons", "never", "ladder.persons", "must be auto or held"),
    ("appeals", {"window": "P6M"}, "appeals.window", "months and years"),
    ("appeals", {"on_overdue": "wait"}, "appeals.on_overdue", "must be narrow or escalate"),
    ("safety", {"max_steps_per_hour": 0.5}, "safety.max_steps_per_hour", "must be a whole number"),
    ("safety", {"max_share_of_accounts": 2}, "safety.max_share_of_accounts", "must be at most 1"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "value", "path", "message"), BAD_VALUES)
def test_a_bad_value_is_refused_under_its_path(where: str, value: Any, path: str, message: str) -> None:
    found = errors(json.dumps(put(where, value)))
    assert [each for each, _ in found] == [path], found
    assert message in found[0][1]


REQUIRED = [
    "format", "name", "territories", "territories.supported", "evidence", "evidence.kinds", "qualifies", "ladder",
    "ladder.warn", "ladder.warn.automation", "ladder.warn.notice", "ladder.deadline", "ladder.deadline.step",
    "ladder.deadline.automation", "evidence.kinds.ip_geolocation.points", "evidence.kinds.ip_geolocation.per",
    "evidence.kinds.ip_geolocation.cap",
]  # fmt: skip


@pytest.mark.parametrize("path", REQUIRED)
def test_what_is_required_and_missing_is_named_once(path: str) -> None:
    document = deepcopy(SMALLEST)
    *way, last = path.split(".")
    inside = document
    for name in way:
        inside = inside[name]
    del inside[last]
    assert errors(json.dumps(document)) == [(path, "is required")]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    document = put("territories.supported", ["DE", "XX", "YY"])
    document["evidence"]["kinds"]["ip_geolocation"]["per"] = "week"
    document["ladder"]["warn"]["notice"] = "P1M"
    document["review"] = [{"name": "any"}]
    document["colour"] = "red"
    assert [path for path, _ in errors(json.dumps(document))] == [
        "territories.supported[1]",
        "territories.supported[2]",
        "evidence.kinds.ip_geolocation.per",
        "review[0].name",
        "review[0]",
        "ladder.warn.notice",
        "colour",
    ]


def test_a_refusal_reads_as_one_line_for_each_error() -> None:
    with pytest.raises(PolicyRefused) as refused:
        parse_policy(json.dumps(put("territories.supported", ["XX", "DE", "YY"])))
    assert str(refused.value) == (
        "territories.supported[0]: 'XX' is not an assigned ISO 3166-1 code\n"
        "territories.supported[2]: 'YY' is not an assigned ISO 3166-1 code"
    )


# -- text that is no document ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (RECOMMENDED + "name: again\n", "name"),
        (RECOMMENDED.replace("PR: US,", "PR: US, PR: GB,"), "territories.inherits.PR"),
        (RECOMMENDED.replace("min_kinds: 3,", "min_kinds: 3, min_kinds: 1,"), "qualifies[1].min_kinds"),
        (json.dumps(SMALLEST)[:-1] + ', "name": "again"}', "name"),
    ],
)
def test_a_key_that_stands_twice_is_refused_under_its_path(text: str, path: str) -> None:
    assert errors(text) == [(path, "stands twice; each key may be given once")]


BOMB = "a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(30))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a map, not empty"),
        ("[]", "must be a map, not a list"),
        ("name", "must be a map, not 'name'"),
        ("{", "is no YAML at line 1"),
        ("name: 'open", "is no YAML at line 1"),
        ("name: a\x00b", "is no YAML"),
        ("name: \ud800", "is no YAML"),
        ("a: 1\n---\nb: 2", "a second document at line 2"),
        ("name: !!str x", "Tags are not read at line 1"),
        ("name: !!python/object/apply:os.system [ls]", "Tags are not read at line 1"),
        (BOMB, "Anchors and aliases are not read at line 1"),
        ("? [a]\n: b", "A key is not plain text at line 1"),
        ("? &k name\n: b", "Anchors and aliases are not read at line 1"),
        ("[" * 5_000, "nested more than 12 deep at line 1"),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, "nested more than 12 deep"),
        ("x" * 300_000, "longer than 262144 characters"),
    ],
    ids=lambda each: each[:20],
)
def test_text_that_is_no_document_is_refused_with_a_reason(text: str, message: str) -> None:
    ((path, found),) = errors(text)
    assert path == ""
    assert message in found


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text(alphabet="[]{}:,-?&*!|>'\"%@` \n\tab1~#"))
def test_any_text_at_all_is_refused_and_never_a_crash(text: str) -> None:
    with pytest.raises(PolicyRefused):
        parse_policy(text)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([*REQUIRED, *{where for where, _, _, _ in BAD_VALUES}]),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.sampled_from(["P1D", "DE", "UA-14", "auto"]),
        lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=4), inside, max_size=3),
        max_leaves=4,
    ),
)
def test_any_value_anywhere_is_read_or_refused_and_never_a_crash(where: str, value: Any) -> None:
    with suppress(PolicyRefused):
        parse_policy(json.dumps(put(where, value)))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(RECOMMENDED)), st.integers(0, 40), st.text(max_size=4))
def test_a_damaged_document_is_read_or_refused_and_never_a_crash(at: int, length: int, instead: str) -> None:
    with suppress(PolicyRefused):
        parse_policy(RECOMMENDED[:at] + instead + RECOMMENDED[at + length :])


def test_a_number_that_json_does_not_know_is_refused() -> None:
    text = json.dumps(put("evidence.kinds.ip_geolocation.cap", float("nan")))
    assert errors(text) == [("evidence.kinds.ip_geolocation.cap", "'NaN' is not a number")]
