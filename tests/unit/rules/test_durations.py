"""Durations are lengths of time, read and written as ISO 8601."""

from datetime import timedelta

import pytest

from enforcement.rules.durations import format_duration, parse_duration

GOOD = [
    ("P15D", timedelta(days=15)),
    ("P2W", timedelta(weeks=2)),
    ("PT20S", timedelta(seconds=20)),
    ("PT36H", timedelta(hours=36)),
    ("P1DT12H", timedelta(days=1, hours=12)),
    ("P1DT1H1M1S", timedelta(days=1, seconds=3661)),
    ("PT90M", timedelta(minutes=90)),
    ("P0D", timedelta(0)),
]


@pytest.mark.parametrize(("text", "length"), GOOD)
def test_a_length_of_time_is_read(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize("length", [length for _, length in GOOD])
def test_what_is_written_is_read_again(length: timedelta) -> None:
    assert parse_duration(format_duration(length)) == length


@pytest.mark.parametrize(
    ("length", "text"), [(0, "PT0S"), (86_400, "P1D"), (129_600, "P1DT12H"), (20, "PT20S"), (3_660, "PT1H1M")]
)
def test_a_length_is_written_as_short_as_it_can_be(length: int, text: str) -> None:
    assert format_duration(timedelta(seconds=length)) == text


@pytest.mark.parametrize("text", ["P1M", "P1Y", "P1Y2M", "P1Y2M3D", "P1M15D"])
def test_months_and_years_are_refused_because_they_are_no_length(text: str) -> None:
    with pytest.raises(ValueError, match="months and years are no fixed length"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "P1DT", "15D", "15", "P15", "PT15", "-P1D", "P-1D", "p15d", "P1.5D", "PT1H1D", "P1W2D", " P1D",
     "P1D\n", "P1_0D", "P\u0661D", "P1D2H", "PTS"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 duration"):
        parse_duration(text)


def test_a_duration_beyond_a_century_is_refused() -> None:
    assert parse_duration("P36500D").days == 36_500
    with pytest.raises(ValueError, match="is longer than P36500D"):
        parse_duration("PT876001H")
