"""How an operator writes a span or an end: `24h`, `90d`, `P90D`, `2027-01-31`, `2027-01-31T12:00:00Z`."""

import re
from datetime import UTC, datetime, timedelta

from enforcement.rules.durations import LONGEST, parse_duration
from enforcement.services.keys import Life

_SHORT = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_span(text: str) -> timedelta:
    """Zero or more. Raises ValueError with a sentence."""
    if text.startswith("P"):
        return parse_duration(text)
    short = _SHORT.fullmatch(text)
    if short is None:
        raise ValueError(f"{text!r} is no span such as 90d, 24h or P90D")
    span = timedelta(**{_UNITS[short[2]]: int(short[1])})
    if span > LONGEST:
        raise ValueError(f"{text} is longer than {LONGEST.days} days")
    return span


def read_end(text: str, *, now: datetime) -> Life:
    """A span above zero, or a moment to come; a date is its first moment in UTC. Raises ValueError with a sentence."""
    moment = _moment(text)
    if moment is None:
        return _some_time(text)
    if moment <= now:
        raise ValueError(f"{text} is over; it is {now:%Y-%m-%dT%H:%M:%SZ}")
    return moment


def _some_time(text: str) -> timedelta:
    try:
        span = read_span(text)
    except ValueError as error:
        raise ValueError(f"{error}, and no end such as 2027-01-31 or 2027-01-31T12:00:00Z") from None
    if not span:
        raise ValueError(f"{text} is no time at all")
    return span


def _moment(text: str) -> datetime | None:
    """None for what does not begin like a date."""
    if not re.match(r"[0-9]{4}-", text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        if len(text) == len("2027-01-31"):
            return moment.replace(tzinfo=UTC)
        if moment.tzinfo is None:
            raise ValueError("it does not say of which time zone it is; end it with Z")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text} is no moment: {error}") from None
