"""ISO 8601 durations as elapsed time. Months and years are refused: they are not a length of time."""

import re
from datetime import timedelta

LONGEST = timedelta(days=36_500)

_WEEKS = re.compile(r"P([0-9]{1,6})W")
_DAYS_AND_TIME = re.compile(
    r"P(?=[0-9T])(?:([0-9]{1,6})D)?(?:T(?=[0-9])(?:([0-9]{1,7})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,11})S)?)?"
)
_NAMES_MONTHS = re.compile(r"P[0-9]+[YM]|P[0-9]+Y[0-9]+M")


def parse_duration(text: str) -> timedelta:
    """Read `P15D`, `P2W`, `PT20S`, `P1DT12H`; raises ValueError with a sentence."""
    length = _read(text)
    if length is None:
        why = "; months and years are no fixed length, say days" if _NAMES_MONTHS.match(text) else ""
        raise ValueError(f"{text!r} is not an ISO 8601 duration like P15D or PT20S{why}")
    if length > LONGEST:
        raise ValueError(f"{text!r} is longer than {format_duration(LONGEST)}")
    return length


def _read(text: str) -> timedelta | None:
    if weeks := _WEEKS.fullmatch(text):
        return timedelta(weeks=int(weeks[1]))
    if parts := _DAYS_AND_TIME.fullmatch(text):
        days, hours, minutes, seconds = (int(each or 0) for each in parts.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return None


def format_duration(length: timedelta) -> str:
    """Write a duration as `parse_duration` reads it, in whole seconds: `P15D`, `P1DT12H`, `PT20S`, `PT0S`."""
    minutes, seconds = divmod(length.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days = f"{length.days}D" if length.days else ""
    time = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if count)
    if not days and not time:
        return "PT0S"
    return f"P{days}T{time}" if time else f"P{days}"
