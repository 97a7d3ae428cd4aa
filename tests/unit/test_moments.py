"""How operators write spans and ends, and what they are told when they write neither."""

from datetime import UTC, datetime, timedelta

import pytest

from enforcement.management.moments import read_end, read_span

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "span"),
    [("30s", timedelta(seconds=30)), ("15m", timedelta(minutes=15)), ("24h", timedelta(days=1)),
     ("90d", timedelta(days=90)), ("2w", timedelta(days=14)), ("P90D", timedelta(days=90)),
     ("PT12H", timedelta(hours=12)), ("0s", timedelta(0))],
)  # fmt: skip
def test_spans_are_read(text: str, span: timedelta) -> None:
    assert read_span(text) == span


@pytest.mark.parametrize(
    ("text", "why"),
    [("90", "no span"), ("90 days", "no span"), ("-1d", "no span"), ("1.5h", "no span"), ("٣d", "no span"),
     ("", "no span"), ("1y", "no span"), ("P3M", "say days"), ("40000d", "longer"), ("999999w", "longer"),
     ("90d\n", "no span")],
)  # fmt: skip
def test_other_spans_are_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_span(text)


@pytest.mark.parametrize(
    ("text", "end"),
    [("90d", timedelta(days=90)), ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
     ("2027-01-31T12:00:00Z", datetime(2027, 1, 31, 12, tzinfo=UTC)),
     ("2027-01-31T12:00+09:00", datetime(2027, 1, 31, 3, tzinfo=UTC))],
)  # fmt: skip
def test_ends_are_read(text: str, end: timedelta | datetime) -> None:
    assert read_end(text, now=NOW) == end


@pytest.mark.parametrize(
    ("text", "why"),
    [("2026-11-23", "is over"), ("2026-11-23T12:00:00Z", "is over"), ("2027-01-31T12:00:00", "time zone"),
     ("2027-02-30", "no moment"), ("2027-13-01", "no moment"), ("2027-01-31x", "no moment"), ("0d", "no time"),
     ("tomorrow", "no end"), ("0001-01-01T00:00:00+09:00", "no moment")],
)  # fmt: skip
def test_other_ends_are_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_end(text, now=NOW)
