"""One item of evidence: what a detector may write, checked field by field, and what is stored of it."""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from enforcement.rules.policy_parts import NETWORK_CLASSES
from enforcement.rules.territory import locate
from enforcement.services import fields
from enforcement.services.fields import FieldRefused, Reader

AHEAD = timedelta(minutes=5)  # how far ahead of us a detector's clock may be
MAX_DETAILS = 8 * 1024
MAX_REQUESTS = 10**12  # a tally's sum stays a bigint
_SUBDIVISION = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")
_PLACES = Decimal("1e-18")
_LARGEST_EXPONENT = 308  # a double's; beyond it PostgreSQL's jsonb gives up


class ItemRefused(Exception):
    """All that is wrong with an item: a mapping of field to reason."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(f"{name} {reason}" for name, reason in errors.items()))
        self.errors = dict(errors)


class Item(NamedTuple):
    """An item as it is stored."""

    id: str
    digest: str  # SHA-256 of the body after parsing and defaults, hexadecimal
    row: bytes  # a JSON object with its fields and `body_digest`
    unknown_territory: bool


def read_item(raw: object, now: datetime) -> Item:
    """Check one item as it came out of JSON. Raises ItemRefused with every field that is wrong."""
    if not isinstance(raw, dict):
        raise ItemRefused({"": "must be an object"})
    values, errors = _DEFAULTS.copy(), {}
    for name, value in raw.items():
        reader = _READERS.get(name)
        if reader is None:
            errors[str(name)] = "is not a field of evidence"
        elif value is not None or name in _REQUIRED:  # null is as good as absent
            try:
                values[name] = reader(value)
            except FieldRefused as refused:
                errors[name] = str(refused)
    errors |= {name: "is required" for name in _REQUIRED if name not in raw}
    if errors or (errors := _errors_between(values, now)):
        raise ItemRefused(errors)
    return _item(values)


def _errors_between(values: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """What is wrong with fields that are right each by itself."""
    latest, seen, until = now + AHEAD, values["observed_at"], values["observed_until"]
    if seen > latest:
        return {"observed_at": "lies more than 5 minutes ahead"}
    if until is not None and until > latest:
        return {"observed_until": "lies more than 5 minutes ahead"}
    if until is not None and until < seen:
        return {"observed_until": "lies before observed_at"}
    return {}


def _item(values: Mapping[str, Any]) -> Item:
    """The order of `_DEFAULTS` makes one body of one item, in whatever order its fields came."""
    body = msgspec.json.encode(values)
    digest = sha256(body).hexdigest()
    place, _ = locate(values["country"], values["subdivision"])
    return Item(values["id"], digest, b'%b,"body_digest":"%b"}' % (body[:-1], digest.encode()), not place)


# -- fields that only evidence has ---------------------------------------------------------------------------------


def _subdivision(value: Any) -> str:
    """What is malformed counts as not given. What is well formed stays: a later list of codes may have it."""
    return value if isinstance(value, str) and _SUBDIVISION.fullmatch(value) else ""


def _confidence(value: Any) -> Decimal:
    number = fields.decimal(value)
    if not 0 < number <= 1:
        raise FieldRefused("must be above 0 and at most 1")
    stored = number.quantize(_PLACES)
    if stored != number:
        raise FieldRefused("has more than 18 decimal places")
    return stored


def _details(value: Any) -> str:
    """Canonical JSON: keys sorted, and numbers written one way."""
    if not isinstance(value, dict):
        raise FieldRefused("must be an object")
    written = _canonical(value)
    if len(written.encode()) > MAX_DETAILS:
        raise FieldRefused(f"is larger than {MAX_DETAILS} bytes")
    return written


def _canonical(value: Any) -> str:
    match value:
        case dict():
            return f"{{{','.join(f'{_canonical(key)}:{_canonical(value[key])}' for key in sorted(value))}}}"
        case list():
            return f"[{','.join(map(_canonical, value))}]"
        case str() if "\0" in value:
            raise FieldRefused("has a NUL character")
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False)
    return _number(fields.decimal(value))


def _number(value: Decimal) -> str:
    if abs(value.adjusted()) > _LARGEST_EXPONENT:
        raise FieldRefused("has a number that is too large or too small")
    written = f"{value:f}"
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


_REQUIRED = ("id", "account", "kind", "observed_at")
_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "id": fields.matching(r"[\x20-\x7e]{1,128}", "1 to 128 printable ASCII characters"),
        "account": fields.account_id,
        "kind": fields.matching(r"[a-z][a-z0-9_]{0,39}", "a slug such as ip_geolocation"),
        "observed_at": fields.moment,
        "observed_until": fields.moment,
        "country": fields.country,
        "subdivision": _subdivision,
        "network_class": fields.one_of(*NETWORK_CLASSES),
        "outcome": fields.one_of("served", "refused"),
        "confidence": _confidence,
        "requests": fields.integer(1, MAX_REQUESTS),
        "credential": fields.text(128),
        "ip": fields.address,
        "asn": fields.integer(0, 2**32 - 1),
        "source": fields.text(128),
        "end_user": fields.text(128),
        "details": _details,
    }
)
# The digests of all evidence hang on these values and their order; a test holds them.
_DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(_REQUIRED),
    "observed_until": None,
    "country": "",
    "subdivision": "",
    "network_class": "",
    "outcome": "served",
    "confidence": Decimal(1).quantize(_PLACES),
    "requests": 1,
    "credential": "",
    "ip": None,
    "asn": None,
    "source": "",
    "end_user": "",
    "details": None,
}
