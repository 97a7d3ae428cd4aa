"""When things may happen. Durations are elapsed time; nothing here makes a date earlier than what was told.

Moments may come in any zone. They are counted in UTC: with two moments of one zone, Python counts what its clocks on
the wall show.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

_MINUTE = timedelta(minutes=1)
_NOTHING = timedelta(0)


def told_deadline(rendered_at: datetime, notice: timedelta) -> datetime:
    """The deadline that the words of a memo name: rendering plus the notice, rounded up to the minute."""
    exact = rendered_at.astimezone(UTC) + notice
    floor = exact.replace(second=0, microsecond=0)
    return floor if exact == floor else floor + _MINUTE


def due_at(
    accepted_at: datetime,
    notice: timedelta,
    told: datetime | None = None,
    campaign_date: datetime | None = None,
    min_notice: timedelta | None = None,
) -> datetime:
    """The earliest moment of the next step: the latest of everything that was promised."""
    accepted = accepted_at.astimezone(UTC)
    promised = [accepted + notice]
    promised += [each.astimezone(UTC) for each in (told, campaign_date) if each is not None]
    if min_notice is not None:
        promised.append(accepted + min_notice)
    return max(promised)


def remaining(due: datetime, stopped_at: datetime) -> timedelta:
    """What is left of the notice when the clock stops; nothing, never less."""
    return max(due.astimezone(UTC) - stopped_at.astimezone(UTC), _NOTHING)


def resumed(ended_at: datetime, left: timedelta, minimum_remaining: timedelta) -> datetime:
    """The deadline after a stop: what remained at its start, and never less than the policy's minimum."""
    return ended_at.astimezone(UTC) + max(left, minimum_remaining)


def after_stops(
    due: datetime, accepted_at: datetime, stops: Iterable[tuple[datetime, datetime]], minimum_remaining: timedelta
) -> datetime:
    """The deadline of a clock that is started late: what stopped it since the acceptance gives its time back.

    `stops` are the starts and ends of those that are over; they may overlap, and overlapping ones are one.
    """
    for started_at, ended_at in _united(stops):
        if ended_at > accepted_at:
            left = remaining(due, max(started_at, accepted_at))
            due = max(due, resumed(ended_at, left, minimum_remaining))
    return due


def _united(stops: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    united: list[tuple[datetime, datetime]] = []
    for started_at, ended_at in sorted(stops):
        if united and started_at <= united[-1][1]:
            united[-1] = united[-1][0], max(united[-1][1], ended_at)
        else:
            united.append((started_at, ended_at))
    return united


def reminder_due(
    due: datetime, reminders: Iterable[timedelta], sent: Iterable[timedelta], now: datetime
) -> timedelta | None:
    """The reminder to send now, as its distance from the deadline.

    A reminder whose moment has passed when a later one is due too is dropped; so only the latest moment that has come
    counts, and none once the step itself is due.
    """
    deadline = due.astimezone(UTC)
    if now >= deadline:
        return None
    come = [each for each in reminders if deadline - each <= now]
    latest = min(come, default=None)
    return latest if latest not in set(sent) else None


def next_look(due: datetime, reminders: Sequence[timedelta], now: datetime) -> datetime:
    """When the sweeper has something to do next: the first reminder moment after `now`, else the deadline."""
    deadline = due.astimezone(UTC)
    return min((deadline - each for each in reminders if deadline - each > now), default=deadline)
