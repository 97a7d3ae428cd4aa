"""How values become HTML."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils.safestring import SafeString

from enforcement.admin.display import duration, in_words, moment, plain, shown, visible

NOON = datetime(2026, 7, 9, 12, 30, 59, 999_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("unseen", "name"),
    [
        ("\u202e", "U+202E"),  # turns the text around
        ("\u2067", "U+2067"),
        ("\u200b", "U+200B"),
        ("\u00ad", "U+00AD"),
        ("\ufeff", "U+FEFF"),
        ("\u3164", "U+3164"),  # a letter that draws nothing
        ("\u2800", "U+2800"),
        ("\u2028", "U+2028"),
        ("\x1b", "U+001B"),
        ("\ue000", "U+E000"),
        ("\U000e0041", "U+E0041"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(unseen: str, name: str) -> None:
    assert plain(f"a{unseen}b") == f"a[{name}]b"
    assert f">{name}</span>b</bdi>" in visible(f"a{unseen}b")
    assert unseen not in visible(f"a{unseen}b")


@pytest.mark.parametrize("text", ["Ünïcode", "深圳市", "شركة", "a b", "two\nlines", "emoji 🙂"])
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert plain(text) == text
    assert visible(text) == f"<bdi>{text}</bdi>"


def test_markup_is_text() -> None:
    assert shown("<b>'\"&") == "<bdi>&lt;b&gt;&#x27;&quot;&amp;</bdi>"
    assert shown(["<b>", 1000]) == "<bdi>&lt;b&gt;</bdi>, <bdi>1,000</bdi>"
    assert isinstance(shown("<b>"), SafeString)


@pytest.mark.parametrize("nothing", [None, "", [], ()])
def test_nothing_is_a_dash(nothing: object) -> None:
    assert "–" in shown(nothing)  # noqa: RUF001


def test_zero_and_no_are_something() -> None:
    assert (shown(0), shown(False)) == ("<bdi>0</bdi>", "<bdi>no</bdi>")


def test_a_moment_has_its_zone_and_the_exact_time() -> None:
    html = moment(NOON, "Asia/Shanghai")
    assert "2026-07-09 20:30</span>" in html
    assert "Asia/Shanghai" in html
    assert 'title="2026-07-09T12:30:59.999999+00:00"' in html


@pytest.mark.parametrize("zone", ["", "Nowhere/Land", "../../etc/passwd", "/etc", "Europe", "\x00", "x" * 999])
def test_a_zone_that_nobody_knows_is_utc(zone: str) -> None:
    assert "12:30</span>" in moment(NOON, zone)
    assert "UTC" in moment(NOON, zone)


def test_durations_are_said_in_their_two_largest_units() -> None:
    assert duration(timedelta(days=14, hours=3, minutes=59)) == "14 days 3 h"
    assert duration(timedelta(days=1)) == "1 day"
    assert duration(timedelta(0)) == "no time"
    assert in_words(NOON + timedelta(hours=2), NOON) == "in 2 h"
    assert in_words(NOON - timedelta(minutes=5), NOON) == "5 min ago"
