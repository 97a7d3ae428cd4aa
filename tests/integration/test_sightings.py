"""What was read for one moment answers for a later one, too: days once, and the rest of a day row by row."""

from datetime import UTC, datetime, timedelta

import pytest

from enforcement.models import Account, Client
from enforcement.rules.sightings import Sighting
from enforcement.services import intake, sightings
from tests.conftest import make_account
from tests.stage import sighting

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 20, 15, 30, tzinfo=UTC)
WINDOW = timedelta(days=10)
MOMENTS = [
    NOW - timedelta(days=40),  # before the window
    datetime(2026, 6, 10, 23, 59, 59, 999_999, tzinfo=UTC),  # the last instant before it
    datetime(2026, 6, 11, 0, 0, tzinfo=UTC),
    datetime(2026, 6, 15, 11, 59, tzinfo=UTC),
    datetime(2026, 6, 15, 12, 0, tzinfo=UTC),  # an item was seen then, and is not later
    datetime(2026, 6, 15, 23, 59, 59, 999_999, tzinfo=UTC),
    NOW - timedelta(minutes=10),  # today
    NOW,
]


@pytest.fixture
def accounts(detector: Client) -> list[Account]:
    """Three accounts, each seen twice a day for two weeks: at noon and a quarter of an hour before now."""
    found = [make_account(name) for name in ("one", "two", "three")]
    for day in range(14):
        noon = datetime(2026, 6, 20, 12, 0, tzinfo=UTC) - timedelta(days=day)
        late = NOW - timedelta(days=day, minutes=15)
        items = [sighting(each, at, requests=day + 1) for each in found for at in (noon, late)]
        assert intake.record(detector, items, now=NOW).accepted == len(items)
    return found


def in_order(found: dict[int, list[Sighting]]) -> dict[int, list[Sighting]]:
    return {account: sorted(seen, key=repr) for account, seen in found.items()}


@pytest.mark.parametrize("close", [None, datetime(2026, 6, 13, 12, 30, tzinfo=UTC)])
@pytest.mark.parametrize("moment", MOMENTS)
def test_what_was_read_answers_for_a_later_moment(
    accounts: list[Account], moment: datetime, close: datetime | None
) -> None:
    ids = [each.pk for each in accounts]
    after = dict.fromkeys(ids[:1], close) if close and close <= moment else {}
    seen = sightings.load(ids, window=WINDOW, at=NOW, after=after)
    told = dict.fromkeys(ids, moment)
    again = sightings.load(ids, window=WINDOW, at=NOW, after=told)
    assert in_order(sightings.later(seen, told, window=WINDOW, at=NOW)) == in_order(again)


def test_only_what_came_after_is_later(accounts: list[Account]) -> None:
    ids = [each.pk for each in accounts]
    seen = sightings.load(ids, window=WINDOW, at=NOW, after={})
    found = sightings.later(seen, dict.fromkeys(ids, NOW - timedelta(minutes=20)), window=WINDOW, at=NOW)
    assert [[each.requests for each in of] for of in found.values()] == [[1], [1], [1]]
