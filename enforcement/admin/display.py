"""How values become HTML: the one place where words from outside meet a page.

Evidence, names and replies of mail servers are written by strangers. They are escaped, kept from turning the text
around them, and what the eye cannot see is spelled out.
"""

import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Model
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

EMPTY = "–"  # noqa: RUF001

# Controls, formats (bidi overrides, zero widths, tags), private and unassigned ones, line and paragraph separators.
_UNSEEN_CATEGORIES = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
# Letters, marks and symbols that draw nothing.
_UNSEEN = {
    *map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0)),
    *map(chr, range(0x180B, 0x1810)),
    *map(chr, range(0xFE00, 0xFE10)),
}


def _is_unseen(character: str) -> bool:
    return character in _UNSEEN or (unicodedata.category(character) in _UNSEEN_CATEGORIES and character != "\n")


def _pieces(text: str) -> Iterable[tuple[str, bool]]:
    """Runs of plain text, and single characters that have to be spelled out."""
    run = ""
    for character in text.replace("\r\n", "\n"):
        if _is_unseen(character):
            if run:
                yield run, False
            yield character, True
            run = ""
        else:
            run += character
    if run:
        yield run, False


def _code(character: str) -> str:
    return f"U+{ord(character):04X}"


def plain(text: str) -> str:
    """For titles and messages, which are text: what cannot be seen as `[U+202E]`."""
    return "".join(f"[{_code(piece)}]" if unseen else piece for piece, unseen in _pieces(text))


def visible(text: str) -> SafeString:
    """For pages: escaped, isolated in its direction, what cannot be seen spelled out."""
    if text.isascii() and text.isprintable():  # nearly all, and a list has hundreds
        return format_html("<bdi>{}</bdi>", text)
    return format_html("<bdi>{}</bdi>", format_html_join("", "{}", ((_drawn(*each),) for each in _pieces(text))))


def _drawn(piece: str, unseen: bool) -> str | SafeString:
    if not unseen:
        return piece
    name = unicodedata.name(piece, "a control character")
    return format_html('<span class="ae-unseen" title="{}">{}</span>', name, _code(piece))


# -- values --------------------------------------------------------------------------------------------------


def shown(value: Any) -> SafeString:
    """Any value of a row, ready for a page."""
    match value:
        case SafeString():
            return value
        case None | "" | [] | ():
            return format_html('<span class="ae-empty">{}</span>', EMPTY)
        case bool():
            return visible("yes" if value else "no")
        case datetime():
            return moment(value)
        case date():
            return visible(value.isoformat())
        case timedelta():
            return visible(duration(value))
        case int():
            return visible(f"{value:,}")
        case Decimal():
            return visible(f"{value.normalize():f}")
        case list() | tuple():
            return format_html_join(", ", "{}", ((shown(each),) for each in value))
    return visible(str(value))


def moment(at: datetime | None, zone: str = "UTC") -> SafeString:
    """A time to the minute, with its zone, and the exact one to hover over; a zone that nobody knows is UTC."""
    if at is None:
        return shown(None)
    try:
        local, name = at.astimezone(ZoneInfo(zone)), zone
    except (KeyError, ValueError, OSError):  # from outside: unknown, not a key, or a directory
        local, name = at.astimezone(UTC), "UTC"
    return format_html(
        '<time datetime="{exact}" title="{exact}" class="ae-time">{day} <span class="ae-zone">{zone}</span></time>',
        exact=at.astimezone(UTC).isoformat(),
        day=format_html('<span class="ae-nowrap">{}</span>', f"{local:%Y-%m-%d %H:%M}"),
        zone=visible(name),
    )


_UNITS = {"day": timedelta(days=1), "h": timedelta(hours=1), "min": timedelta(minutes=1), "s": timedelta(seconds=1)}


def duration(length: timedelta) -> str:
    """The two largest units: `14 days 3 h`."""
    left, words = abs(length), []
    for name, unit in _UNITS.items():
        count, left = divmod(left, unit)
        if count:
            words.append(f"{count} {name}{'s' if name == 'day' and count > 1 else ''}")
    return " ".join(words[:2]) or "no time"


def in_words(at: datetime, now: datetime) -> str:
    """How far away a moment is: `in 14 days 3 h`, `2 h ago`."""
    return f"in {duration(at - now)}" if at > now else f"{duration(now - at)} ago"


# -- links and labels ----------------------------------------------------------------------------------------


def link(row: Model | None, words: Any = None) -> SafeString:
    """The row's page in the console."""
    if row is None:
        return shown(None)
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return format_html('<a class="ae-link" href="{}">{}</a>', reverse(name, args=[row.pk]), shown(words or str(row)))


def address_of_list(model: type[Model], **query: str) -> str:
    """The list of a noun, filtered."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist", query=query)


_TONES = {
    "open": "info", "warned": "warning", "restricted": "warning", "suspended": "danger", "blocked": "danger",
    "cured": "success", "reinstated": "success", "freed": "success",
    "held": "primary", "applied": "success", "active": "success", "draft": "info",
    "accepted": "success", "queued": "info", "failed": "danger",
    "overturned": "success", "upheld": "warning", "warn": "warning", "review": "info",
    "restrict": "warning", "restrict_now": "danger", "suspend": "danger", "block": "danger",
}  # fmt: skip


_NOUNS = {
    "warn": "warning", "restrict": "restriction", "suspend": "suspension", "restrict_now": "restriction without notice",
    "dismiss": "dismissal", "reinstate": "reinstatement", "withdraw": "withdrawal", "free": "release",
}  # fmt: skip


def noun(step: str) -> str:
    """A step as a thing: the suspension, the block."""
    return _NOUNS.get(step, step)


def label(word: str, tone: str | None = None) -> SafeString:
    """A state, a step or a status as a coloured label; without a tone of its own by what the word is."""
    return _label(word, tone or _TONES.get(word, "")) if word else shown(None)


@lru_cache(maxsize=256)
def _label(word: str, tone: str) -> SafeString:
    """The theme's own; a list shows the same few hundreds of times."""
    context = {"text": plain(word.replace("_", " ")), "type": tone}
    return SafeString(render_to_string("unfold/helpers/label.html", context).strip())


def person(who: Any) -> SafeString:
    """A member of the staff, or the automation."""
    return format_html('<span class="ae-quiet">{}</span>', "automation") if who is None else visible(who.get_username())


def column(title: str, value: Callable[[Any], Any]) -> Callable[[Any], SafeString]:
    """A column of a list, for `list_display`."""

    def cell(row: Any) -> SafeString:
        return shown(value(row))

    cell.short_description = title  # type: ignore[attr-defined]
    cell.__name__ = "".join(each if each.isalnum() else "_" for each in title.lower())
    return cell
