# ruff: noqa: RUF001
"""What a memo says: the facts, the dates, what still works, and none of the sentences that nobody should get."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from enforcement.rules.capabilities import CAPABILITIES
from enforcement.rules.territory import COUNTRIES
from enforcement.rules.transitions import State
from enforcement.services import wording
from enforcement.services.territory_names import territory_name
from tests.unit.memo_samples import FACTS, KINDS, LANGUAGES, RECOMMENDED, ROOT, SAMPLES, WITHOUT_TRAFFIC, render, sample

# fairness.md, "Never written", and what it would be in Chinese.
FORBIDDEN = (
    r"our data shows", r"you are (in|from)", r"you violated", r"violat", r"suspicious", r"fraud", r"at any time",
    r"decision is final", r"for security reasons", r"access the service from", r"due to sanctions", r"sanction",
    r"if you do not reply", r"we assume", r"dear user", r"尊敬的用户", r"您(在|来自)", r"可疑", r"欺诈", r"制裁",
    r"随时", r"最终决定", r"违反", r"违规", r"出于安全", r"未回复", r"我们的数据显示",
)  # fmt: skip
CURES = {
    "until_due": RECOMMENDED,
    "before_due": RECOMMENDED.replace("extend: true", "extend: false"),
    "none": re.sub(r"\n  cure: .*", "", RECOMMENDED),
}
STEPS = {step: RECOMMENDED.replace("step: suspend, automation: auto", f"step: {step}, automation: auto")
         for step in ("restrict_territory", "suspend", "block")}  # fmt: skip

_ORDER = {"step": "restrict_now", "proposed_by_id": 7, "legal_basis": "Order 12/2026 of the court at Example."}
WITHOUT_NOTICE = {
    "told at once": {"decision": _ORDER},
    "gagged": {"decision": _ORDER | {"gagged": True}},
    "lifted before it was told": {"decision": _ORDER | {"gagged": True}, "state": "closed"},
    "of keys": {"decision": _ORDER | {"credentials": ["sk-…a1b2"]}, "state": "closed"},
}


def variants() -> Iterator[tuple[str, dict[str, str]]]:
    """Every kind in both languages, with all that makes a sentence another one."""
    by_person = {"proposed_by_id": 7, "reason": "Two of your keys are used there."}
    for language in LANGUAGES:
        for kind in KINDS:
            for name, given in {
                "plain": {},
                "without traffic": {"facts": WITHOUT_TRAFFIC},
                "by a person": {"decision": by_person},
                "agreed to": {"decision": {"approved_by_id": 7}},
                "in another language": {"account": {"language": "fa"}},
                "at home in UTC": {"account": {"timezone": "UTC"}},
                "of many rows": {"facts": FACTS | {"rows": FACTS["rows"] * 9}},
                **{f"cure {cure}": {"policy": policy} for cure, policy in CURES.items()},
                **{f"then {step}": {"policy": policy} for step, policy in STEPS.items()},
            }.items():
                yield f"{kind}, {language}, {name}", render(kind, language, **given)
        keys = {"credentials": ["sk-…a1b2", "sk-…c3d4"]}
        yield f"keys, {language}", render("restriction", language, decision=keys)
        for name, given in WITHOUT_NOTICE.items():
            yield f"without notice, {language}, {name}", render("restriction", language, **given)
        for state in ("restricted", "suspended"):
            yield f"reminder of {state}, {language}", render("reminder", language, state=state, appealed=True)


@pytest.fixture(scope="module")
def all_variants() -> dict[str, dict[str, str]]:
    return dict(variants())


class Reader(HTMLParser):
    """What a person sees of an HTML page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.hidden = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden = tag in ("style", "title")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.seen.append(data)


def words_of(html: str) -> list[str]:
    reader = Reader()
    reader.feed(html)
    return " ".join("".join(reader.seen).split()).split()


def without_table(words: dict[str, str]) -> tuple[list[str], list[str]]:
    """The sentences of both parts; tables are laid out differently."""
    text = "\n".join(line for line in words["text"].splitlines() if not line.startswith("- "))
    return text.split(), words_of(re.sub(r"<table.*?</table>", "", words["html"], flags=re.DOTALL).replace("<br>", " "))


# -- all of them ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_docs_show_what_is_sent(kind: str, language: str) -> None:
    drawn = (SAMPLES / f"{kind}.{language}.txt").read_text(encoding="utf-8")
    assert drawn == sample(kind, language), "python -m tests.unit.memo_samples draws them anew"


def test_no_memo_says_what_nobody_should_be_told(all_variants: dict[str, dict[str, str]]) -> None:
    for name, words in all_variants.items():
        for part in (words["subject"], words["text"], " ".join(words_of(words["html"]))):
            assert [pattern for pattern in FORBIDDEN if re.search(pattern, part, re.IGNORECASE)] == [], name


def test_no_template_can_say_it_either() -> None:
    for template in (ROOT / "templates" / "memos").rglob("*.*"):
        source = template.read_text(encoding="utf-8")
        assert [pattern for pattern in FORBIDDEN if re.search(pattern, source, re.IGNORECASE)] == [], template


def test_text_and_html_say_the_same(all_variants: dict[str, dict[str, str]]) -> None:
    for name, words in all_variants.items():
        text, html = without_table(words)
        assert text == html, name


def test_the_tables_hold_the_same_figures(all_variants: dict[str, dict[str, str]]) -> None:
    figures = re.compile(r"\d[\d,]*(?=\D)|sk-\S+")
    for name, words in all_variants.items():
        rows = "\n".join(line for line in words["text"].splitlines() if line.startswith("- "))
        table = " ".join(
            words_of("".join(re.findall(r"<table.*?</table>", words["html"].replace("</td>", " </td>"), re.DOTALL)))
        )
        assert figures.findall(rows + " ") == figures.findall(table + " "), name


def test_every_date_has_its_year_and_its_zone(all_variants: dict[str, dict[str, str]]) -> None:
    months = "January|February|March|April|May|June|July|August|September|October|November|December"
    date = re.compile(rf"\d{{1,2}} (?:{months})|\d{{1,2}}月\d{{1,2}}日")
    whole = re.compile(
        rf"(\d{{1,2}} (?:{months}) \d{{4}}|\d{{4}}年\d{{1,2}}月\d{{1,2}}日)"
        r"( \d\d:\d\d(:\d\d)?)?[ （](UTC|Asia/Shanghai)"
    )
    for name, words in all_variants.items():
        for part in (words["subject"], words["text"]):
            assert len(date.findall(part)) == len(whole.findall(part)), f"{name}: {part}"


def test_nothing_is_left_empty(all_variants: dict[str, dict[str, str]]) -> None:
    """No blank where a word should stand: no double space, no space before a stop, no empty brackets."""
    for name, words in all_variants.items():
        for part in (words["subject"], words["text"]):
            assert re.search(r"  |\(\)|（）| [.,;:]|：。|来自[，。的]| from\.| \n|None", part) is None, (
                f"{name}: {part}"
            )


def test_all_parts_are_in_the_language_that_they_claim(all_variants: dict[str, dict[str, str]]) -> None:
    for name, words in all_variants.items():
        chinese = re.search(r"[\u4e00-\u9fff]", words["subject"]) is not None
        assert chinese is (words["language"] == "zh-Hans"), name
        assert f'<html lang="{words["language"]}">' in words["html"], name


# -- what is promised -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cure", "promise"),
    [
        ("until_due", "stop the traffic before that time, or delete the key if it is not yours. Traffic that stopped in"
                      " time is not held against you: after 7 quiet days we close the case and write to you."),
        ("before_due", "stop the traffic at least 7 days before that time"),
        ("none", "If nothing more is recorded after this memo, we close the case and write to you."),
    ],
)  # fmt: skip
def test_the_way_out_is_the_one_that_the_policy_gives(cure: str, promise: str) -> None:
    assert promise in render("warning", policy=CURES[cure])["text"]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("restrict_territory", "we will refuse requests that come from there.\n\nRequests from everywhere else, log-in,"
                               " key deletion, invoices, export and appeal will keep working, and jobs accepted before"
                               " then will finish.\n"),
        ("suspend", "we will suspend the account: its requests will be refused.\n\nLog-in, key deletion, invoices, "
                    "export and appeal will keep working, and jobs accepted before then will finish within 24"
                    " hours.\n"),
        ("block", "we will block the account: its requests will be refused until an appeal is granted.\n\nLog-in, key"
                  " deletion, invoices, export and appeal will keep working for 30 days, and after that on request;"
                  " results of earlier jobs can be read for 30 days, and paid credit is refunded when you ask for"
                  " it.\n"),
    ],
)  # fmt: skip
def test_a_warning_tells_what_follows_and_what_will_still_work(step: str, told: str) -> None:
    assert told in render("warning", policy=STEPS[step])["text"]


def test_every_state_has_its_row_in_the_table_of_what_works() -> None:
    assert set(CAPABILITIES) == set(State)


@pytest.mark.parametrize("kind", ["restriction", "suspension"])
def test_traffic_that_went_on_is_told_only_where_the_automation_has_seen_it(kind: str) -> None:
    continued = "After our warning the traffic continued."
    assert continued in render(kind)["text"]
    assert continued not in render(kind, decision={"proposed_by_id": 7})["text"]
    assert continued not in render(kind, decision={"from_state": "restricted"})["text"]


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        ({}, "decided automatically"),
        ({"approved_by_id": 7}, "decided by a person"),
        ({"proposed_by_id": 7, "approved_by_id": 8}, "decided by a person"),
    ],
)
def test_it_is_told_whether_a_person_decided(decision: dict[str, int], told: str) -> None:
    for kind in ("warning", "restriction", "suspension", "block"):
        assert told in render(kind, decision=decision)["text"]


def test_the_reason_of_a_person_is_told_and_the_phrase_of_the_automation_is_not() -> None:
    given = {"reason": "Two of your keys are used there."}
    for kind in ("warning", "restriction", "suspension", "block", "reinstatement"):
        assert given["reason"] in render(kind, decision=given | {"proposed_by_id": 7})["text"]
        assert given["reason"] not in render(kind, decision=given | {"approved_by_id": 7})["text"]


def test_an_appeal_that_stopped_the_clock_before_is_not_promised_to_stop_it_again() -> None:
    stops = "The deadline stops while a person not involved so far decides"
    assert stops in render("reminder")["text"]
    assert stops not in render("reminder", appealed=True)["text"]
    assert stops not in render("block")["text"]


@pytest.mark.parametrize(
    ("kind", "until"), [("warning", "9 January 2027 08:30 UTC"), ("reminder", "26 December 2026 08:30 UTC")]
)
def test_the_end_of_the_time_to_appeal_is_never_told_later_than_it_is(kind: str, until: str) -> None:
    """184 days from the acceptance: to come for a warning, two weeks past for its reminder."""
    assert f"You can do so until {until}." in render(kind)["text"]


def test_a_case_without_traffic_claims_none() -> None:
    text = render("warning", facts=WITHOUT_TRAFFIC)["text"]
    assert "facts about Shenzhen Office Ltd that point to territories" in text
    assert "sign-ins and time zone" in text
    assert "requests, " not in text


def test_one_request_on_one_day_is_told_in_the_singular() -> None:
    row = {"credential": "", "territory": "HK", "network_class": "residential", "requests": 1, "days": 1}
    seen = "2026-07-01T09:00:00+00:00"
    facts = FACTS | {"unsupported_requests": 1, "territories": [["HK", 1]], "rows": [row]}
    text = render("warning", facts=facts | {"first_seen": seen, "last_seen": seen})["text"]
    assert "On 1 July 2026 UTC we recorded 1 API request, 96% of" in text
    assert "- Key not named | Hong Kong | 1 request | 1 day | residential" in text


def test_a_long_table_is_cut_and_says_so() -> None:
    text = render("warning", facts=FACTS | {"rows": FACTS["rows"] * 9})["text"]
    assert text.count("- Key ") == 12
    assert "- and 6 more\n" in text


def test_a_language_that_we_do_not_have_is_named() -> None:
    words = render("warning", "fa")
    assert words["language"] == "en"
    assert "You asked for fa; we do not have this memo in it yet." in words["text"]


HOSTILE = [
    "{{ 7|add:7 }} {% load x %} {{7*7}}",
    "<script>alert(1)</script><b>",
    "%s %(a)s {0.__class__}",
    "\u202elive\u202c \u2066x\u2069 \u200fy \u061cz",
    "a\u2028b\u2029c\x0bd\r\nBcc: thief@x.test",
    "=?utf-8?q?x=0D=0ABcc:_thief?=",
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_stay_inert(hostile: str, language: str) -> None:
    row = FACTS["rows"][0] | {"credential": hostile}
    decision = {"proposed_by_id": 7, "reason": hostile, "credentials": [hostile]}
    for kind in KINDS:
        words = render(kind, language, account={"name": hostile}, decision=decision, facts=FACTS | {"rows": [row]})
        shown = wording.visible(hostile)
        assert shown in words["subject"]
        assert shown in words["text"]
        assert "<script" not in words["html"]
        assert "<b>" not in words["html"]
        for part in (words["subject"], words["text"], words["html"]):
            assert re.search(r"[\x00-\x09\x0b-\x1f\u2028-\u202e\u2066\u2067\u200f\u061c]", part) is None
        assert "\n" not in words["subject"]


def test_a_restriction_without_notice_names_its_legal_basis_and_no_traffic(
    all_variants: dict[str, dict[str, str]],
) -> None:
    for name, words in all_variants.items():
        is_one = name.startswith("without notice")
        assert ("Order 12/2026 of the court at Example." in words["text"]) == is_one, name
        if is_one:
            assert "110,500" not in words["text"], name
            assert ("Nothing is restricted now" in words["text"] or "目前没有任何限制" in words["text"]) == (
                "lifted" in name or "of keys" in name
            ), name


# -- words -------------------------------------------------------------------------------------------------------------


def test_a_zone_that_the_machine_does_not_know_is_told_as_the_utc_that_it_is() -> None:
    at = datetime(2026, 7, 9, 8, 30, tzinfo=UTC)
    assert wording.moment(at, "en", "Mars/Phobos") == "9 July 2026 08:30 UTC"
    assert wording.day(at, "zh-Hans", "Mars/Phobos") == "2026年7月9日（UTC）"


@pytest.mark.parametrize(
    ("share", "told"),
    [("0.9600", "96%"), ("0.9996", "99.96%"), ("0.0040", "0.4%"), ("1.0000", "100%"), ("0.0000", "0%"), ("0.1", "10%")],
)
def test_a_share_is_told_as_exactly_as_it_is_kept(share: str, told: str) -> None:
    assert wording.percent(share) == told


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("  Two \t words\u200b ", "Two words"),
        ("\u202egnp.exe", "gnp.exe"),
        ("A\u2066B\u2069\U000e0041", "A B"),
        ("\u3164\u00ad", ""),
        ("شركة", "\u2068شركة\u2069"),
        ("深圳", "深圳"),
    ],
)
def test_a_name_neither_hides_nor_turns_its_neighbours(name: str, shown: str) -> None:
    assert wording.visible(name) == shown


@pytest.mark.parametrize(
    ("wanted", "language", "spoken"),
    [
        ("en", "en", True), ("en-GB", "en", True), ("zh", "zh-Hans", True), ("zh-CN", "zh-Hans", True),
        ("zh-Hans-SG", "zh-Hans", True), ("zh-TW", "en", False), ("zh-Hant", "en", False), ("de", "en", False),
        ("enm", "en", False),
    ],
)  # fmt: skip
def test_the_language_is_the_accounts_choice(wanted: str, language: str, spoken: bool) -> None:
    assert (wording.language_of(wanted), wording.is_spoken(wanted)) == (language, spoken)


@pytest.mark.parametrize(
    ("names", "english", "chinese"),
    [([], "", ""), (["A"], "A", "A"), (["A", "B", "A"], "A and B", "A和B"), (["A", "B", "C"], "A, B and C", "A、B和C")],
)
def test_names_are_listed_once_each(names: list[str], english: str, chinese: str) -> None:
    assert (wording.enumeration(names, "en"), wording.enumeration(names, "zh-Hans")) == (english, chinese)


def test_every_country_has_a_name_that_can_stand_in_a_list() -> None:
    for code in COUNTRIES:
        english, chinese = territory_name(code, "en"), territory_name(code, "zh-Hans")
        assert re.search(r"[()]|, (The|State|Republic|Federated|British|U\.S\.)", english) is None, english
        assert re.fullmatch(r"[\u4e00-\u9fff、-]+", chinese), f"{code}: {chinese}"


def test_a_part_is_named_with_its_country() -> None:
    assert territory_name("UA-43", "en") == "Crimea (Ukraine)"
    assert territory_name("UA-43", "zh-Hans") == "克里米亚（乌克兰）"
    assert territory_name("US-CA", "zh-Hans") == "加利福尼亚州（美国）"
    assert territory_name("QQ", "en") == "QQ"
