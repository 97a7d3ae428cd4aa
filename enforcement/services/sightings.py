"""Reading evidence the way the rules want it: day tallies, and single rows where a boundary falls inside a day."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from enforcement.rules.sightings import Sighting
from enforcement.services import cursors

_COLUMNS = "seen.kind, network_class, country, subdivision, credential, source, refused"

_TALLIES = f"""
SELECT seen.account_id, day, client.name, {_COLUMNS},
       items, requests, weighted_items::text, weighted_requests::text, confidence::text, first_at, last_at
  FROM enforcement_daytally AS seen
  JOIN unnest(%(accounts)s::bigint[], %(from_days)s::date[]) AS wanted (account_id, from_day)
    ON wanted.account_id = seen.account_id AND seen.day >= wanted.from_day
  JOIN enforcement_client AS client ON client.id = seen.detector_id
 WHERE seen.day <= %(last_day)s
"""

_ROWS = f"""
SELECT seen.account_id, (seen.observed_at AT TIME ZONE 'UTC')::date, client.name, {_COLUMNS},
       1, requests, confidence::text, (requests * confidence)::text, confidence::text,
       observed_at, coalesce(observed_until, observed_at)
  FROM enforcement_evidence AS seen
  JOIN unnest(%(accounts)s::bigint[], %(after)s::timestamptz[], %(until)s::timestamptz[])
    AS wanted (account_id, after, until)
    ON wanted.account_id = seen.account_id AND seen.observed_at > wanted.after AND seen.observed_at <= wanted.until
  JOIN enforcement_client AS client ON client.id = seen.detector_id
 WHERE seen.retracted_at IS NULL
"""

_RECEIVED = f"""
SELECT seen.account_id, (seen.observed_at AT TIME ZONE 'UTC')::date, client.name, {_COLUMNS},
       count(*), sum(requests)::bigint, sum(confidence)::text, sum(requests * confidence)::text, max(confidence)::text,
       min(observed_at), max(coalesce(observed_until, observed_at))
  FROM enforcement_evidence AS seen
  JOIN unnest(%(accounts)s::bigint[], %(after)s::timestamptz[], %(until)s::timestamptz[])
    AS wanted (account_id, after, until)
    ON wanted.account_id = seen.account_id AND seen.observed_at > wanted.after AND seen.received_at <= wanted.until
  JOIN enforcement_client AS client ON client.id = seen.detector_id
 WHERE seen.retracted_at IS NULL OR seen.retraction_id = %(counted)s
 GROUP BY 1, 2, 3, {_COLUMNS}
"""

# Weights come as text: to read a Decimal from PostgreSQL's binary form takes five times as long, and most are alike.
_weight = lru_cache(maxsize=10_000)(Decimal)

_DAY = timedelta(days=1)
_LAST_INSTANT = timedelta(days=1) - timedelta.resolution


def load(
    account_ids: Iterable[int], *, window: timedelta, at: datetime, after: Mapping[int, datetime], exact: bool = False
) -> dict[int, list[Sighting]]:
    """The sightings of the window up to `at`, and per account only those observed after `after` where it is given.

    With `exact` (a backtest as of a moment) the day of `at` is read row by row too; a live reader takes that day's
    tally whole, since nothing in it is later than the few minutes that intake allows.
    """
    accounts = sorted(set(account_ids))
    found: dict[int, list[Sighting]] = {account: [] for account in accounts}
    today = at.astimezone(UTC).date()
    oldest = today - window + _DAY
    last_whole_day = today - _DAY if exact else today
    cut = {account: moment for account, moment in after.items() if account in found and _day(moment) >= oldest}
    from_days = [_day(cut[account]) + _DAY if account in cut else oldest for account in accounts]
    _read(found, _TALLIES, {"accounts": accounts, "from_days": from_days, "last_day": last_whole_day})
    for boundary in _boundaries(accounts, cut, at, exact):
        _read(found, _ROWS, boundary)
    return found


def later(
    seen: Mapping[int, list[Sighting]], after: Mapping[int, datetime], *, window: timedelta, at: datetime
) -> dict[int, list[Sighting]]:
    """What `load` would answer for a later `after`, a moment for each account: of days that were read already."""
    oldest = at.astimezone(UTC).date() - window + _DAY
    cut = {account: moment for account, moment in after.items() if _day(moment) >= oldest}
    days = {account: _day(moment) for account, moment in cut.items()}
    found = {
        account: [each for each in sightings if each.day > days[account]] if account in days else list(sightings)
        for account, sightings in seen.items()
    }
    for boundary in _boundaries(list(seen), cut, at, exact=False):
        _read(found, _ROWS, boundary)
    return found


def received(
    spans: Mapping[int, tuple[datetime, datetime]], *, counted: int | None = None
) -> dict[int, list[Sighting]]:
    """By account: what was observed after the first moment and had come in by the second.

    Evidence that was withdrawn since is left out, save what the retraction `counted` took. Tallies do not know when
    their evidence came, so this reads rows.
    """
    found: dict[int, list[Sighting]] = {account: [] for account in spans}
    after, until = ([span[end] for span in spans.values()] for end in (0, 1))
    _read(found, _RECEIVED, {"accounts": list(spans), "after": after, "until": until, "counted": counted})
    return found


def before_window(at: datetime, window: timedelta) -> datetime:
    """The last moment that a window which ends on the day of `at` leaves out."""
    return _day_end(at) - window


def _boundaries(
    accounts: list[int], cut: Mapping[int, datetime], at: datetime, exact: bool
) -> Iterable[dict[str, list[Any]]]:
    """What the tallies left out: the rest of the day of each close, and the day of `at` up to it."""
    spans = [(account, moment, _day_end(moment)) for account, moment in cut.items()]
    if exact:
        midnight = datetime.combine(at.astimezone(UTC).date(), datetime.min.time(), UTC) - timedelta.resolution
        spans = [(account, moment, min(end, midnight)) for account, moment, end in spans]
        spans += [(account, max(midnight, cut.get(account, midnight)), at) for account in accounts]
    spans = [span for span in spans if span[1] < span[2]]
    if spans:
        columns = [list(column) for column in zip(*spans, strict=True)]
        yield dict(zip(("accounts", "after", "until"), columns, strict=True))


def _read(found: dict[int, list[Sighting]], sql: str, parameters: Mapping[str, Any]) -> None:
    with cursors.binary() as cursor:
        cursor.execute(sql, parameters)
        for account, *key, items, requests, by_item, by_request, highest, first, last in cursor.fetchall():
            weights = _weight(by_item), _weight(by_request), _weight(highest)
            values = (*key, items, requests, *weights, first, last)
            found[account].append(Sighting(*values))


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _day_end(moment: datetime) -> datetime:
    return datetime.combine(_day(moment), datetime.min.time(), UTC) + _LAST_INSTANT
