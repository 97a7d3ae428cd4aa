"""One item of evidence: what a detector may write, checked field by field, and what is stored of it."""

import ipaddress
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from enforcement.rules.policy_parts import NETWORK_CLASSES
from enforcement.rules.territory import is_well_formed_country, locate

AHEAD = timedelta(minutes=5)  # how far ahead of us a detector's clock may be
MAX_DETAILS = 8 * 1024
MAX_REQUESTS = 10**12

_ID = re.compile(r"[\x20-\x7e]{1,128}")
_ACCOUNT = re.compile(r"[A-Za-z0-9._:@-]{1,128}")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SMALLEST = Decimal("1e-18")


class FieldRefused(Exception):
    """Why the value of a field cannot be taken: the end of a sentence that begins with the field's name."""


class ItemRefused(Exception):
    """All that is wrong with an item: a mapping of field to reason."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(f"{name} {reason}" for name, reason in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Item:
    """An item as it is stored."""

    id: str
    digest: str  # SHA-256 of the body after parsing and defaults, hexadecimal
    row: str  # a JSON object with the columns of the evidence table
    unknown_territory: bool


def read_item(raw: object, now: datetime) -> Item:
    """Check one item as it came out of JSON. Raises ItemRefused with every field that is wrong."""
    if not isinstance(raw, dict):
        raise ItemRefused({"": "must be an object"})
    values, errors = dict(_DEFAULTS), {}
    for name, value in raw.items():
        read = _READERS.get(name)
        if read is None:
            errors[str(name)] = "is not a field of evidence"
            continue
        if value is None and name not in _REQUIRED:
            continue  # null is as good as absent
        try:
            values[name] = read(value)
        except FieldRefused as refused:
            errors[name] = str(refused)
    errors |= {name: "is required" for name in _REQUIRED if name not in raw}
    if not errors:
        errors = _errors_between(values, now)
    if errors:
        raise ItemRefused(errors)
    return _item(values)


def _errors_between(values: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """What is wrong with fields that are right each by itself."""
    latest, until = now + AHEAD, values["observed_until"]
    if values["observed_at"] > latest:
        return {"observed_at": "lies more than 5 minutes ahead"}
    if until is not None and until > latest:
        return {"observed_until": "lies more than 5 minutes ahead"}
    if until is not None and until < values["observed_at"]:
        return {"observed_until": "lies before observed_at"}
    return {}


def _item(values: Mapping[str, Any]) -> Item:
    until = values["observed_until"]
    columns = {
        **values,
        "observed_at": values["observed_at"].isoformat(),
        "observed_until": until.isoformat() if until else None,
        "confidence": f"{values['confidence'].normalize():f}",
        "refused": values["outcome"] == "refused",
    }
    body = json.dumps(columns, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = sha256(body.encode()).hexdigest()
    place, _ = locate(values["country"], values["subdivision"])
    return Item(values["id"], digest, f'{body[:-1]},"body_digest":"{digest}"}}', not place)


# -- fields ------------------------------------------------------------------------------------------------------


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise FieldRefused(f"must be {what}")
        return value

    return read


def _one_of(*values: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in values or not isinstance(value, str):
            raise FieldRefused(f"must be one of {', '.join(values)}")
        return value

    return read


def _text(longest: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise FieldRefused("must be a string")
        if len(value) > longest:
            raise FieldRefused(f"is longer than {longest} characters")
        if _UNPRINTABLE.search(value):
            raise FieldRefused("has control or direction-changing characters")
        return value

    return read


def _integer(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise FieldRefused("must be an integer")
        if not least <= value <= most:
            raise FieldRefused(f"must be between {least} and {most}")
        return value

    return read


def _moment(value: Any) -> datetime:
    if not isinstance(value, str) or _MOMENT.fullmatch(value) is None:
        raise FieldRefused("must be an RFC 3339 time with an offset, such as 2026-07-09T12:00:00Z")
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise FieldRefused("is no moment of the calendar") from None


def _country(value: Any) -> str:
    if not isinstance(value, str) or not is_well_formed_country(value):
        raise FieldRefused("must be two characters of the form [A-Z][A-Z0-9], such as DE")
    return value


def _subdivision(value: Any) -> str:
    """Malformed or unassigned counts as not given, and is stored as it came for staff to see."""
    return _text(16)(value)


def _confidence(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldRefused("must be a number")
    if not 0 < value <= 1:
        raise FieldRefused("must be above 0 and at most 1")
    number = Decimal(str(value))
    if number % _SMALLEST:
        raise FieldRefused("has more than 18 decimal places")
    return number


def _address(value: Any) -> str:
    try:
        if not isinstance(value, str) or "%" in value:
            raise ValueError
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise FieldRefused("must be an IPv4 or IPv6 address") from None


def _details(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FieldRefused("must be an object")
    written = json.dumps(value, ensure_ascii=False)
    if len(written.encode()) > MAX_DETAILS:
        raise FieldRefused(f"is larger than {MAX_DETAILS} bytes")
    if "\\u0000" in written or not _is_finite(value):
        raise FieldRefused("has a NUL character or a number that is too large")
    return value


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    return not isinstance(value, list) or all(map(_is_finite, value))


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "id": _matching(_ID, "1 to 128 printable ASCII characters"),
    "account": _matching(_ACCOUNT, "1 to 128 characters of A-Z a-z 0-9 . _ : @ -"),
    "kind": _matching(_KIND, "a slug such as ip_geolocation"),
    "observed_at": _moment,
    "observed_until": _moment,
    "country": _country,
    "subdivision": _subdivision,
    "network_class": _one_of(*NETWORK_CLASSES),
    "outcome": _one_of("served", "refused"),
    "confidence": _confidence,
    "requests": _integer(1, MAX_REQUESTS),
    "credential": _text(128),
    "ip": _address,
    "asn": _integer(0, 2**32 - 1),
    "source": _text(128),
    "end_user": _text(128),
    "details": _details,
}
_REQUIRED = ("id", "account", "kind", "observed_at")
_DEFAULTS: Mapping[str, Any] = {
    "observed_until": None,
    "country": "",
    "subdivision": "",
    "network_class": "",
    "outcome": "served",
    "confidence": Decimal(1),
    "requests": 1,
    "credential": "",
    "ip": None,
    "asn": None,
    "source": "",
    "end_user": "",
    "details": None,
}
