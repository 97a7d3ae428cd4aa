"""Names, numbers, dates and lists in the words of a language. The sentences stand in templates/memos/."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

# The account's choice, never inferred from an address. Traditional Chinese is not Simplified: it falls back to English.
_SPOKEN = {"zh": "zh-Hans", "zh-cn": "zh-Hans", "zh-sg": "zh-Hans", "zh-my": "zh-Hans"}
_LIST = {"en": (", ", " and "), "zh-Hans": ("、", "和")}
_DATE = {"en": "{0.day} {1:%B} {0.year}", "zh-Hans": "{0.year}年{0.month}月{0.day}日"}
_DAY = {"en": "{} {}", "zh-Hans": "{}（{}）"}  # noqa: RUF001
# Names from outside must not start a line, turn the direction of the text or hide in it.
_INVISIBLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]+"
)
_ISOLATE, _END_OF_ISOLATE = "\u2068", "\u2069"


def language_of(wanted: str) -> str:
    """The language that we write in to somebody who chose `wanted`; English where we do not have theirs."""
    tag = wanted.lower()
    return "zh-Hans" if tag.startswith("zh-hans") else _SPOKEN.get(tag, "en")


def is_spoken(wanted: str) -> bool:
    """Whether we write in `wanted`, and not only in what it falls back to."""
    return language_of(wanted) != "en" or wanted.lower().split("-")[0] == "en"


def visible(text: str) -> str:
    """A name as it may stand in a line of ours: written from right to left, it is kept from turning its neighbours."""
    shown = " ".join(_INVISIBLE.sub(" ", text).split())
    turns = any(unicodedata.bidirectional(each) in ("R", "AL") for each in shown)
    return f"{_ISOLATE}{shown}{_END_OF_ISOLATE}" if turns else shown


def enumeration(names: Iterable[str], language: str) -> str:
    """ "A, B and C", each name once."""
    comma, last = _LIST[language]
    found = list(dict.fromkeys(names))
    return last.join(filter(None, (comma.join(found[:-1]), *found[-1:])))


def day(at: datetime, language: str, zone: str = "UTC") -> str:
    """Date with year and zone."""
    local = at.astimezone(_zone(zone))
    return _DAY[language].format(_date(local, language), _name_of(local.tzinfo))


def moment(at: datetime, language: str, zone: str = "UTC") -> str:
    """Date with year, time and zone. Between two minutes it has its seconds, rounded up: never told earlier.

    What the clocks on the wall show twice, when summer time ends, is told with its distance from UTC.
    """
    if at.microsecond:
        at = at.replace(microsecond=0) + timedelta(seconds=1)
    local = at.astimezone(_zone(zone))
    time = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    other = local.replace(fold=1 - local.fold)
    offset = f", UTC{local.isoformat()[-6:]}" if other.utcoffset() != local.utcoffset() else ""
    return f"{_date(local, language)} {time} {_name_of(local.tzinfo)}{offset}"


def _date(at: datetime, language: str) -> str:
    return _DATE[language].format(at, at)


def _zone(name: str) -> tzinfo:
    """A zone that this machine does not know is no reason to be silent: then it is UTC, and says so."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def _name_of(zone: tzinfo | None) -> str:
    return zone.key if isinstance(zone, ZoneInfo) else "UTC"


def number(value: int) -> str:
    return f"{value:,}"


def percent(share: str) -> str:
    """A share of four decimals, told as exactly as it is kept."""
    return f"{(Decimal(share) * 100).normalize():f}%"


def days(length: timedelta) -> str:
    return f"{length / timedelta(days=1):g}"
