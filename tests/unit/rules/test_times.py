"""Times in every zone (fault F45): elapsed time is the notice, and what is told is never earlier than what is."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from enforcement.rules.deadlines import due_at, next_look, remaining, reminder_due, resumed, told_deadline
from enforcement.services import wording

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECOND, INSTANT = timedelta(seconds=1), timedelta.resolution
NOTICES = (HOUR, DAY, 15 * DAY, 60 * DAY)

# When the clocks on the wall change, by zone; half an hour on Lord Howe.
CHANGES = {
    "Europe/Berlin": ("2026-10-25T01:00:00Z", "2027-03-28T01:00:00Z"),
    "America/New_York": ("2026-11-01T06:00:00Z", "2027-03-14T07:00:00Z"),
    "Australia/Lord_Howe": ("2026-10-03T15:30:00Z", "2027-04-03T15:00:00Z"),
    "Pacific/Chatham": ("2026-09-26T14:00:00Z", "2027-04-03T14:00:00Z"),
}
FAR_APART = ("Pacific/Kiritimati", "Asia/Kathmandu", "Pacific/Pago_Pago", "UTC")
SPECIAL_DAYS = ("2028-02-28T23:59:59.999999Z", "2028-02-29T12:00:00Z", "2026-12-31T23:59:30Z", "2026-12-31T10:00:00Z")
MOMENTS = [
    *((zone, moment) for zone, moments in CHANGES.items() for moment in (*moments, *SPECIAL_DAYS)),
    *((zone, moment) for zone in FAR_APART for moment in SPECIAL_DAYS),
]

ZONES = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
LENGTHS = st.timedeltas(timedelta(0), timedelta(days=400))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def elapsed(start: datetime, end: datetime) -> timedelta:
    """What a stopwatch shows: Python itself counts the clock on the wall between two moments of one zone."""
    return end.astimezone(UTC) - start.astimezone(UTC)


# -- what a reader makes of a told time ------------------------------------------------------------------------------

_TOLD = {
    "en": re.compile(r"(?P<day>\d+ \w+ \d{4}) (?P<time>\d\d:\d\d(?::\d\d)?) (?P<zone>[^ ,]+)(?:, UTC(?P<off>.{6}))?"),
    "zh-Hans": re.compile(
        r"(?P<day>\d+年\d+月\d+日) (?P<time>\d\d:\d\d(?::\d\d)?) (?P<zone>[^ ,]+)(?:, UTC(?P<off>.{6}))?"
    ),
}
_DAY = {"en": "%d %B %Y", "zh-Hans": "%Y年%m月%d日"}


def readings(told: str, language: str) -> list[datetime]:
    """Every instant that somebody in the named zone may understand by the words."""
    found = _TOLD[language].fullmatch(told)
    assert found, told
    time = "%H:%M:%S" if found["time"].count(":") == 2 else "%H:%M"
    wall = datetime.strptime(f"{found['day']} {found['time']}", f"{_DAY[language]} {time}")
    both = {wall.replace(tzinfo=ZoneInfo(found["zone"]), fold=fold).astimezone(UTC) for fold in (0, 1)}
    offset = found["off"]
    return [each for each in both if not offset or each == at(f"{wall.isoformat()}{offset}").astimezone(UTC)]


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
@pytest.mark.parametrize(("zone", "moment"), MOMENTS)
def test_a_told_time_names_its_zone_and_is_read_as_one_instant_that_is_never_earlier(
    zone: str, moment: str, language: str
) -> None:
    for shift in (-DAY, -HOUR, -HOUR / 2, -INSTANT, timedelta(0), SECOND, HOUR / 2, HOUR, DAY):
        real = at(moment) + shift
        told = wording.moment(real, language, zone)
        assert zone in told
        (read,) = readings(told, language)
        assert timedelta(0) <= read - real < SECOND


@given(INSTANTS, ZONES, st.sampled_from(["en", "zh-Hans"]))
@example(at("2026-10-25T00:30:00Z"), ZoneInfo("Europe/Berlin"), "en")
@example(at("2026-10-25T01:30:00Z"), ZoneInfo("Europe/Berlin"), "en")
def test_in_every_zone_a_told_time_is_read_as_one_instant_that_is_never_earlier(
    real: datetime, zone: ZoneInfo, language: str
) -> None:
    (read,) = readings(wording.moment(real, language, zone.key), language)
    assert timedelta(0) <= read - real < SECOND


def test_only_an_hour_that_comes_twice_is_told_with_its_offset() -> None:
    shown = [
        wording.moment(at(f"2026-10-{moment}Z"), "en", "Europe/Berlin")
        for moment in ("24T23:30:00", "25T00:30:00", "25T01:30:00", "25T02:30:00")
    ]
    assert shown == [
        "25 October 2026 01:30 Europe/Berlin",
        "25 October 2026 02:30 Europe/Berlin, UTC+02:00",
        "25 October 2026 02:30 Europe/Berlin, UTC+01:00",
        "25 October 2026 03:30 Europe/Berlin",
    ]


def test_the_moments_above_are_changes_of_the_clock() -> None:
    for zone, moments in CHANGES.items():
        for moment in map(at, moments):
            before, after = ((moment + shift).astimezone(ZoneInfo(zone)) for shift in (-INSTANT, INSTANT))
            assert before.utcoffset() != after.utcoffset(), (zone, moment)


# -- elapsed time ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("notice", NOTICES)
@pytest.mark.parametrize(("zone", "moment"), MOMENTS)
def test_the_notice_is_elapsed_time_wherever_the_clock_on_the_wall_stands(
    zone: str, moment: str, notice: timedelta
) -> None:
    for before in (INSTANT, HOUR, notice - INSTANT, notice, notice + HOUR):
        start = (at(moment) - before).astimezone(ZoneInfo(zone))
        assert elapsed(start, due_at(start, notice)) == notice
        assert notice <= elapsed(start, told_deadline(start, notice)) < notice + MINUTE


@given(INSTANTS, LENGTHS, ZONES, st.none() | LENGTHS, LENGTHS)
def test_in_every_zone_the_deadline_is_the_latest_of_what_was_promised(
    rendered: datetime, notice: timedelta, zone: ZoneInfo, min_notice: timedelta | None, transit: timedelta
) -> None:
    accepted = (rendered + transit).astimezone(zone)
    told = told_deadline(rendered.astimezone(zone), notice)
    due = due_at(accepted, notice, told=told.astimezone(zone), min_notice=min_notice)
    assert told >= rendered + notice
    assert due >= told
    assert elapsed(accepted, due) >= max(notice, min_notice or timedelta(0))
    assert due in (told, rendered + transit + notice, rendered + transit + (min_notice or notice))


@given(INSTANTS, LENGTHS, LENGTHS, LENGTHS, LENGTHS, ZONES)
def test_in_every_zone_a_stop_gives_back_what_it_took(
    accepted: datetime, notice: timedelta, until_stop: timedelta, length: timedelta, minimum: timedelta, zone: ZoneInfo
) -> None:
    due = (accepted + notice).astimezone(zone)
    stopped = (accepted + until_stop).astimezone(zone)
    ended = (accepted + until_stop + length).astimezone(zone)
    left = remaining(due, stopped)
    assert left == max(notice - until_stop, timedelta(0))
    assert elapsed(ended, resumed(ended, left, minimum)) == max(left, minimum)


@given(INSTANTS, ZONES, st.lists(st.timedeltas(SECOND, 30 * DAY), max_size=4, unique=True), LENGTHS)
def test_in_every_zone_a_reminder_comes_its_elapsed_time_before_the_deadline(
    due: datetime, zone: ZoneInfo, reminders: list[timedelta], before: timedelta
) -> None:
    now, told = due - before, due.astimezone(zone)
    look = next_look(told, reminders, now)
    assert look in (due, *(due - each for each in reminders))
    for each in reminders:
        if due - each > now:  # nothing that is still to come is slept through
            assert look <= due - each
    found = reminder_due(told, reminders, [], now)
    come = [each for each in reminders if each >= before and before > timedelta(0)]
    assert found == min(come, default=None)
