"""Fault F45 on the running service: clocks change, years leap and end, and the notice is as long as it was told."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from enforcement.models import Account, Case, Client, Memo, PolicyVersion
from enforcement.services import clock, memos, sweep
from tests.stage import DAY, answer_mail, see, sighting, the_case
from tests.unit.rules.test_times import readings

pytestmark = pytest.mark.django_db

NOTICE = 15 * DAY
INSTANT, SECOND, MINUTE = timedelta.resolution, timedelta(seconds=1), timedelta(minutes=1)
# The zone of the account, and a moment that the notice runs across.
ACROSS = [
    ("Europe/Berlin", "2027-03-28T01:00:00Z"),
    ("Europe/Berlin", "2027-10-31T01:00:00Z"),
    ("America/New_York", "2027-03-14T07:00:00Z"),
    ("America/New_York", "2027-11-07T06:00:00Z"),
    ("Australia/Lord_Howe", "2027-04-03T15:00:00Z"),
    ("Australia/Lord_Howe", "2027-10-02T15:30:00Z"),
    ("Europe/Berlin", "2028-02-29T12:00:00Z"),
    ("Pacific/Kiritimati", "2026-12-31T10:00:00Z"),
    ("Pacific/Chatham", "2027-09-25T14:00:00Z"),
    ("Asia/Kathmandu", "2026-12-31T18:15:00Z"),
]
# Deadlines whose local time comes twice, in the first and in the second of the two.
TWICE = [
    ("Europe/Berlin", "2027-10-31T00:30:00Z"),
    ("Europe/Berlin", "2027-10-31T01:30:00Z"),
    ("America/New_York", "2027-11-07T05:30:00Z"),
    ("Australia/Lord_Howe", "2027-04-03T14:45:00Z"),
    ("Australia/Lord_Howe", "2027-04-03T15:15:00Z"),
]
_TOLD = {
    "en": re.compile(r"from (?P<utc>[^()]+ UTC)(?: \((?P<local>[^()]+)\))? we will"),
    "zh-Hans": re.compile(r"从 (?P<utc>\d[^（）]+ UTC)(?:（(?P<local>[^（）]+)）)?起"),  # noqa: RUF001
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def warned_at(account: Account, detector: Client, moment: datetime, *, transit: timedelta = timedelta(0)) -> Case:
    """Warned at this moment, by a memo that was accepted at once, or this much later."""
    clock.move_to(moment)
    see(detector, sighting(account, clock.now() - DAY))
    memos.render(now=clock.now())
    clock.advance(transit)
    answer_mail()
    sweep.sweep(now=clock.now())
    case = the_case(account)
    assert (case.state, case.due_at is not None) == ("warned", True)
    return case


def told(memo: Memo) -> list[datetime]:
    """What the words say, in UTC and in the account's zone, as somebody there reads them: one instant each."""
    found = _TOLD[memo.language].search(memo.text)
    assert found, memo.text
    assert found["local"], "the zone is another one than UTC, so both are told"
    assert memo.case.account.timezone in found["local"]
    read = [readings(found[name], memo.language) for name in ("utc", "local")]
    assert [len(each) for each in read] == [1, 1], found[0]
    return [each[0] for each in read]


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
@pytest.mark.parametrize(("zone", "moment"), ACROSS)
def test_across_any_change_of_the_clock_the_notice_is_as_long_as_ever(
    account_outside: Account, detector: Client, policy: PolicyVersion, zone: str, moment: str, language: str
) -> None:
    Account.objects.update(timezone=zone, language=language)
    case = warned_at(account_outside, detector, at(moment) - NOTICE / 2)
    memo = case.memos.get()
    assert case.accepted_at is not None
    assert case.due_at is not None
    assert memo.rendered_at is not None
    assert memo.rendered_at + NOTICE <= told(memo)[0] < memo.rendered_at + NOTICE + MINUTE
    assert set(told(memo)) == {memo.told_due_at}
    assert NOTICE <= case.due_at - case.accepted_at < NOTICE + MINUTE
    assert case.due_at >= told(memo)[0]


@pytest.mark.parametrize(("zone", "due"), TWICE)
def test_a_deadline_whose_local_time_comes_twice_is_told_as_the_one_that_it_is(
    account_outside: Account, detector: Client, policy: PolicyVersion, zone: str, due: str
) -> None:
    Account.objects.update(timezone=zone)
    case = warned_at(account_outside, detector, at(due) - NOTICE - 5 * SECOND)
    assert set(told(case.memos.get())) == {at(due)}


@pytest.mark.parametrize(("zone", "moment"), ACROSS)
def test_a_reminder_comes_its_elapsed_time_before_and_tells_no_earlier_time(
    account_outside: Account, detector: Client, policy: PolicyVersion, zone: str, moment: str
) -> None:
    Account.objects.update(timezone=zone)
    # The change lies between the reminder and the deadline, which is no whole minute.
    case = warned_at(account_outside, detector, at(moment) - NOTICE + 3 * DAY, transit=5 * MINUTE)
    assert case.due_at is not None
    sweep.sweep(now=case.due_at - 7 * DAY - INSTANT)
    assert not case.memos.filter(kind="reminder").exists()
    clock.move_to(case.due_at - 7 * DAY)
    sweep.sweep(now=clock.now())
    answer_mail()
    reminder = case.memos.get(kind="reminder")
    for read in told(reminder):
        assert timedelta(0) <= read - case.due_at < SECOND


@pytest.mark.parametrize(("zone", "moment"), ACROSS)
def test_the_step_comes_no_instant_before_its_elapsed_time(
    account_outside: Account, detector: Client, policy: PolicyVersion, zone: str, moment: str
) -> None:
    Account.objects.update(timezone=zone)
    case = warned_at(account_outside, detector, at(moment) - NOTICE + DAY / 2)
    assert case.due_at is not None
    clock.move_to(case.due_at - DAY / 4)
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=case.due_at - INSTANT)
    assert the_case(account_outside).state == "warned"
    clock.move_to(case.due_at)
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=clock.now())
    decision = case.decisions.get(step="suspend")
    assert decision.settled_at is not None
    assert decision.settled_at >= max(told(case.memos.get(kind="warning")))
