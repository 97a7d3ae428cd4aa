"""Reading what outsiders wrote: each reader answers with the value that is stored, or says what is wrong with it."""

import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from enforcement.rules.territory import is_well_formed_country

# Anything that starts a line or turns the direction of the text: it would reach subjects, pages and logs.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,18})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)

Reader = Callable[[Any], Any]


class FieldRefused(Exception):
    """Why the value of a field cannot be taken: the end of a sentence that begins with the field's name."""


def matching(pattern: str, what: str) -> Callable[[Any], str]:
    """A string of exactly this form. Identifiers are ASCII, so that no two of them look the same."""
    fits = re.compile(pattern, re.ASCII).fullmatch

    def read(value: Any) -> str:
        if type(value) is not str or fits(value) is None:
            raise FieldRefused(f"must be {what}")
        return value

    return read


def one_of(*values: str) -> Callable[[Any], str]:
    allowed, listed = frozenset(values), ", ".join(values)

    def read(value: Any) -> str:
        if type(value) is not str or value not in allowed:
            raise FieldRefused(f"must be one of {listed}")
        return value

    return read


def text(longest: int) -> Callable[[Any], str]:
    """One line of text."""

    def read(value: Any) -> str:
        if type(value) is not str:
            raise FieldRefused("must be a string")
        if len(value) > longest:
            raise FieldRefused(f"is longer than {longest} characters")
        if _UNPRINTABLE.search(value):
            raise FieldRefused("has control or direction-changing characters")
        return value

    return read


def integer(least: int, most: int) -> Callable[[Any], int]:
    """A whole number; 1.0 is one as well, since JSON has no other way to tell than by its value."""

    def read(value: Any) -> int:
        if type(value) is not int:
            value = _whole(value, most)
        if not least <= value <= most:
            raise FieldRefused(f"must be between {least} and {most}")
        return int(value)

    return read


def _whole(value: Any, most: int) -> int | Decimal:
    """Compared before it is converted, and never calculated with: 1e999999 is a short number of a million digits."""
    number = decimal(value)
    if number.copy_abs() > most:
        return number
    if number != int(number):
        raise FieldRefused("must be an integer")
    return int(number)


def decimal(value: Any) -> Decimal:
    """A finite number, exactly as it was written."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise FieldRefused("must be a number")
    number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise FieldRefused("must be a finite number")
    return number


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise FieldRefused("must be true or false")
    return value


def moment(value: Any) -> datetime:
    """An RFC 3339 time, in UTC; finer than a microsecond is cut off."""
    if type(value) is not str or _MOMENT.fullmatch(value) is None:
        raise FieldRefused("must be an RFC 3339 time with an offset, such as 2026-07-09T12:00:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise FieldRefused("is no moment of the calendar") from None


def country(value: Any) -> str:
    """A country as a detector may write it; whether the code is assigned is another question."""
    if type(value) is not str or not is_well_formed_country(value):
        raise FieldRefused("must be two characters of the form [A-Z][A-Z0-9], such as DE")
    return value


def address(value: Any) -> str:
    """An IPv4 or IPv6 address without a zone, in its canonical form."""
    try:
        if type(value) is not str or "%" in value:
            raise ValueError
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise FieldRefused("must be an IPv4 or IPv6 address") from None


account_id = matching(r"[A-Za-z0-9._:@-]{1,128}", "1 to 128 characters of A-Z a-z 0-9 . _ : @ -")
