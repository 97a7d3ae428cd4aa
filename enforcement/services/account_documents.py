"""What a registrar may tell of an account, checked field by field. Only what is named changes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any
from zoneinfo import available_timezones

from enforcement.models import Account, Contact
from enforcement.rules.durations import parse_duration
from enforcement.rules.territory import COUNTRIES
from enforcement.services import fields
from enforcement.services.fields import FieldRefused, Reader

MAX_CONTACTS = 50

# Plain addresses only. What else a mail server might take (quoted parts, comments, lists) is how one address becomes
# two; another script in the domain has its ASCII form.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"(?=.{{3,254}}\Z)(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}")


class AccountRefused(Exception):
    """All that is wrong with an account document: a mapping of field to reason."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(f"{name} {reason}" for name, reason in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Change:
    """A checked document: the columns that it names, and the contacts (role and address) if it names any."""

    external_id: str
    columns: Mapping[str, Any]
    contacts: frozenset[tuple[str, str]] | None


def read_changes(documents: Sequence[object]) -> tuple[list[Change], dict[int, AccountRefused]]:
    """Check a batch; answers with what is good, and by index with what is not. One bad document harms no other."""
    changes: dict[str, Change] = {}
    refused: dict[int, AccountRefused] = {}
    for index, document in enumerate(documents):
        try:
            change = read_change(document)
            if changes.setdefault(change.external_id, change) is not change:
                raise AccountRefused({"external_id": "stands in this batch before"})
        except AccountRefused as error:
            refused[index] = error
    return list(changes.values()), refused


def read_change(document: object, external_id: str | None = None) -> Change:
    """Check a document; raises AccountRefused with every field that is wrong. `external_id` is the address's."""
    if not isinstance(document, dict):
        raise AccountRefused({"": "must be an object"})
    if external_id is not None:
        document = {"external_id": external_id} | document
    found, errors = _read(document, _READERS)
    terms, wrong_terms = _read(found.pop("terms", {}), _TERMS)
    errors |= {f"terms.{name}": reason for name, reason in wrong_terms.items()}
    if "external_id" not in document:
        errors["external_id"] = "is required"
    if external_id is not None and found.get("external_id", external_id) != external_id:
        errors["external_id"] = "differs from the one in the address"
    if errors:
        raise AccountRefused(errors)
    contacts = found.pop("contacts", None)
    return Change(found.pop("external_id"), found | terms, contacts)


def _read(document: Mapping[str, Any], readers: Mapping[str, Reader]) -> tuple[dict[str, Any], dict[str, str]]:
    found, errors = {}, {}
    for name, value in document.items():
        reader = readers.get(name)
        if reader is None:
            errors[name] = "is not a field of an account"
            continue
        try:
            found[name] = reader(value)
        except FieldRefused as refused:
            errors[name] = str(refused)
    return found, errors


def _timezone(value: Any) -> str:
    if not isinstance(value, str) or value not in _timezones():
        raise FieldRefused("must be an IANA time zone such as Europe/Berlin")
    return value


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime", "Factory"}


def _home_country(value: Any) -> str:
    if not isinstance(value, str) or (value and value not in COUNTRIES):
        raise FieldRefused("must be an assigned ISO 3166-1 alpha-2 code")
    return value


def _terms(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FieldRefused("must be an object of min_notice and no_suspension")
    return value


def _contacts(value: Any) -> frozenset[tuple[str, str]]:
    if not isinstance(value, list) or len(value) > MAX_CONTACTS:
        raise FieldRefused(f"must be an array of at most {MAX_CONTACTS} contacts")
    return frozenset(_contact(each, index) for index, each in enumerate(value))


def _contact(value: Any, index: int) -> tuple[str, str]:
    if not isinstance(value, dict) or value.keys() != {"email", "role"}:
        raise FieldRefused(f"[{index}] must be an object of email and role")
    if value["role"] not in Contact.Role.values:
        raise FieldRefused(f"[{index}].role must be one of {', '.join(Contact.Role.values)}")
    if not isinstance(value["email"], str) or _EMAIL.fullmatch(value["email"]) is None:
        raise FieldRefused(f"[{index}].email must be a plain e-mail address in ASCII")
    return value["role"], value["email"]


def _duration(value: Any) -> Any:
    if not isinstance(value, str):
        raise FieldRefused("must be an ISO 8601 duration such as P60D")
    try:
        return parse_duration(value)
    except ValueError:
        raise FieldRefused("must be an ISO 8601 duration in days or less, such as P60D") from None


def _or(empty: Any, reader: Reader) -> Callable[[Any], Any]:
    """null clears the field."""
    return lambda value: empty if value is None else reader(value)


_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "external_id": fields.account_id,
        "name": _or("", fields.text(200)),
        "kind": fields.one_of(*Account.Kind.values),
        "language": fields.matching(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", "a language tag such as en or zh-Hans"),
        "timezone": _timezone,
        "home_country": _or("", _home_country),
        "contacts": _contacts,
        "plan": _or("", fields.text(64)),
        "protected": fields.flag,
        "terms": _terms,
        "serves_third_parties": fields.flag,
    }
)
_TERMS: Mapping[str, Reader] = MappingProxyType({"min_notice": _or(None, _duration), "no_suspension": fields.flag})
