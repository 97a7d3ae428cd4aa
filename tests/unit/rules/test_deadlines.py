"""When a step may come: the latest of what was promised, and elapsed time whatever the clocks on the walls do."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from enforcement.rules.deadlines import after_stops, due_at, next_look, remaining, reminder_due, resumed, told_deadline

ACCEPTED = datetime(2026, 6, 24, 10, 0, 30, tzinfo=UTC)
NOTICE = timedelta(days=15)
INSTANT = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("rendered", "told"),
    [
        ("2026-06-24T10:00:00+00:00", "2026-07-09T10:00:00+00:00"),
        ("2026-06-24T10:00:00.000001+00:00", "2026-07-09T10:01:00+00:00"),
        ("2026-06-24T10:00:59.999999+00:00", "2026-07-09T10:01:00+00:00"),
        ("2026-06-24T23:59:30+00:00", "2026-07-10T00:00:00+00:00"),
        ("2026-12-31T23:59:30+00:00", "2027-01-16T00:00:00+00:00"),
        ("2028-02-20T12:00:00+00:00", "2028-03-06T12:00:00+00:00"),
        ("2026-06-24T18:00:30+08:00", "2026-07-09T10:01:00+00:00"),
    ],
)
def test_the_told_deadline_is_rounded_up_to_the_minute(rendered: str, told: str) -> None:
    assert told_deadline(datetime.fromisoformat(rendered), NOTICE) == datetime.fromisoformat(told)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati"])
def test_notice_is_elapsed_time_across_a_change_of_the_clocks(zone: str) -> None:
    for day in (datetime(2026, 3, 20, 12), datetime(2026, 10, 20, 12)):
        rendered = day.replace(tzinfo=ZoneInfo(zone))
        assert told_deadline(rendered, NOTICE).timestamp() - rendered.timestamp() == NOTICE.total_seconds()


def test_the_deadline_runs_from_the_acceptance() -> None:
    assert due_at(ACCEPTED, NOTICE) == ACCEPTED + NOTICE


@pytest.mark.parametrize("later", ["told", "campaign_date"])
def test_the_latest_date_wins(later: str) -> None:
    promised = ACCEPTED + NOTICE + INSTANT
    assert due_at(ACCEPTED, NOTICE, **{later: promised}) == promised
    assert due_at(ACCEPTED, NOTICE, **{later: ACCEPTED + NOTICE - INSTANT}) == ACCEPTED + NOTICE


def test_the_contract_of_the_account_can_promise_longer_notice_and_never_shorter() -> None:
    assert due_at(ACCEPTED, NOTICE, min_notice=timedelta(days=60)) == ACCEPTED + timedelta(days=60)
    assert due_at(ACCEPTED, NOTICE, min_notice=timedelta(days=1)) == ACCEPTED + NOTICE


def test_what_remains_is_never_less_than_nothing() -> None:
    due = ACCEPTED + NOTICE
    assert remaining(due, due - DAY) == DAY
    assert remaining(due, due + DAY) == timedelta(0)


def test_a_stop_gives_back_what_remained() -> None:
    end = ACCEPTED + timedelta(days=40)
    assert resumed(end, timedelta(days=9), timedelta(days=7)) == end + timedelta(days=9)


def test_after_a_stop_at_least_the_minimum_remains() -> None:
    end = ACCEPTED + timedelta(days=40)
    assert resumed(end, timedelta(days=7) - INSTANT, timedelta(days=7)) == end + timedelta(days=7)


class TestReminders:
    due = ACCEPTED + NOTICE
    reminders = (timedelta(days=7), timedelta(days=1))

    def at(self, before: timedelta, *sent: timedelta) -> timedelta | None:
        return reminder_due(self.due, self.reminders, sent, self.due - before)

    def test_come_at_their_moment_and_not_before(self) -> None:
        assert self.at(timedelta(days=7) + INSTANT) is None
        assert self.at(timedelta(days=7)) == timedelta(days=7)

    def test_are_sent_once(self) -> None:
        assert self.at(timedelta(days=5), timedelta(days=7)) is None

    def test_that_were_missed_are_dropped_when_a_later_one_is_due(self) -> None:
        assert self.at(timedelta(hours=20)) == timedelta(days=1)
        assert self.at(timedelta(hours=19), timedelta(days=1)) is None

    def test_never_come_once_the_step_is_due(self) -> None:
        assert self.at(timedelta(0)) is None
        assert self.at(-INSTANT) is None

    def test_are_what_the_sweeper_looks_for_next(self) -> None:
        assert next_look(self.due, self.reminders, ACCEPTED) == self.due - timedelta(days=7)
        assert next_look(self.due, self.reminders, self.due - timedelta(days=7)) == self.due - timedelta(days=1)
        assert next_look(self.due, self.reminders, self.due - timedelta(days=1)) == self.due
        assert next_look(self.due, (), ACCEPTED) == self.due


def at(day: float) -> datetime:
    return ACCEPTED + day * DAY


@pytest.mark.parametrize(
    ("stops", "due"),
    [
        ([], 15),
        ([(-3, -1)], 15),  # it was over when the notice began
        ([(-3, 2)], 17),  # only what fell into the notice comes back
        ([(2, 5)], 18),
        ([(2, 5), (7, 8)], 19),
        ([(2, 5), (4, 8)], 21),  # overlapping stops are one
        ([(7, 8), (2, 5)], 19),
        ([(13, 14)], 21),  # never less than the minimum that remains
        ([(20, 21)], 28),  # the deadline had passed, and an appeal was open after it
    ],
)
def test_a_clock_that_is_started_late_gets_back_what_was_stopped_since_the_acceptance(
    stops: list[tuple[int, int]], due: int
) -> None:
    over = [(at(started), at(ended)) for started, ended in stops]
    assert after_stops(at(15), ACCEPTED, over, 7 * DAY) == at(due)
