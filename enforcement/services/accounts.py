"""Accounts as the registrar tells them: only named fields change."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction

from enforcement.models import Account, Contact
from enforcement.models.bulk import update_rows
from enforcement.rules.durations import parse_duration
from enforcement.rules.territory import COUNTRIES
from enforcement.services.evidence_items import FieldRefused
from enforcement.services.locks import lock_accounts

MAX_ACCOUNTS = 1000
MAX_CONTACTS = 50

_EXTERNAL_ID = re.compile(r"[A-Za-z0-9._:@-]{1,128}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
# Names reach subjects, pages and logs: nothing in them may start a line or turn the direction of the text.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_STUBS = """
INSERT INTO enforcement_account (external_id, name, kind, language, timezone, home_country, plan, protected,
                                 serves_third_parties, no_suspension, version)
SELECT unnest(%s::text[]), '', 'organisation', 'en', 'UTC', '', '', false, false, false, 0
    ON CONFLICT (external_id) DO NOTHING
"""
_MARK = """
INSERT INTO enforcement_assessmentmark AS mark (account_id, count, attempts, look_at)
SELECT unnest(%s::bigint[]), 1, 0, %s::timestamptz
    ON CONFLICT (account_id) DO UPDATE SET count = mark.count + 1, look_at = excluded.look_at
"""


_COLUMNS = (
    "name", "kind", "language", "timezone", "home_country", "plan", "protected", "serves_third_parties",
    "min_notice", "no_suspension", "version",
)  # fmt: skip


class AccountRefused(Exception):
    """All that is wrong with an account document: a mapping of field to reason."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(f"{name} {reason}" for name, reason in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Change:
    """A checked document: the columns that it names, and the contacts if it names any."""

    external_id: str
    columns: Mapping[str, Any]
    contacts: Sequence[tuple[str, str]] | None  # role and address; a list that is named replaces the old one


def read_change(document: object, external_id: str | None = None) -> Change:
    """Check a document; raises AccountRefused with every field that is wrong."""
    if not isinstance(document, dict):
        raise AccountRefused({"": "must be an object"})
    errors: dict[str, str] = {}
    found: dict[str, Any] = {}
    for name, value in document.items():
        reader = _READERS.get(name)
        if reader is None:
            errors[str(name)] = "is not a field of an account"
            continue
        try:
            found |= reader(value)
        except FieldRefused as refused:
            errors[name] = str(refused)
    named = found.pop("external_id", external_id)
    if named is None and "external_id" not in errors:
        errors["external_id"] = "is required"
    if external_id is not None and named != external_id:
        errors["external_id"] = "differs from the one in the address"
    if errors:
        raise AccountRefused(errors)
    return Change(str(named), {k: v for k, v in found.items() if k != "contacts"}, found.get("contacts"))


@transaction.atomic
def upsert(changes: Sequence[Change], *, now: datetime) -> None:
    """Carry out changes of different accounts; each account is looked at again, since it may be reachable now."""
    latest = {change.external_id: change for change in changes}
    with connection.cursor() as cursor:
        cursor.execute(_STUBS, [sorted(latest)])
    ids = dict(Account.objects.filter(external_id__in=latest).values_list("external_id", "pk"))
    locked = lock_accounts(ids.values(), wait=True)
    accounts = {account.external_id: account for account in Account.objects.filter(pk__in=locked)}
    for external_id, change in latest.items():
        account = accounts[external_id]
        for column, value in change.columns.items():
            setattr(account, column, value)
        account.version += 1
    update_rows(list(accounts.values()), _COLUMNS)
    _replace_contacts({accounts[name].pk: change.contacts for name, change in latest.items()})
    with connection.cursor() as cursor:
        cursor.execute(_MARK, [sorted(locked), now])


def _replace_contacts(contacts: Mapping[int, Sequence[tuple[str, str]] | None]) -> None:
    named = {account: wanted for account, wanted in contacts.items() if wanted is not None}
    Contact.objects.filter(account__in=named).delete()
    Contact.objects.bulk_create(
        Contact(account_id=account, role=role, email=email)
        for account, wanted in named.items()
        for role, email in dict.fromkeys(wanted)
    )


# -- fields ------------------------------------------------------------------------------------------------------


def _text(column: str, longest: int) -> Callable[[Any], dict[str, Any]]:
    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, str) or len(value) > longest:
            raise FieldRefused(f"must be a string of at most {longest} characters")
        if _UNPRINTABLE.search(value):
            raise FieldRefused("has control or direction-changing characters")
        return {column: value}

    return read


def _flag(column: str) -> Callable[[Any], dict[str, Any]]:
    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, bool):
            raise FieldRefused("must be true or false")
        return {column: value}

    return read


def _external_id(value: Any) -> dict[str, Any]:
    if not isinstance(value, str) or _EXTERNAL_ID.fullmatch(value) is None:
        raise FieldRefused("must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ -")
    return {"external_id": value}


def _kind(value: Any) -> dict[str, Any]:
    if value not in list(Account.Kind):
        raise FieldRefused(f"must be one of {', '.join(Account.Kind)}")
    return {"kind": value}


def _language(value: Any) -> dict[str, Any]:
    if not isinstance(value, str) or _LANGUAGE.fullmatch(value) is None:
        raise FieldRefused("must be a language tag such as en or zh-Hans")
    return {"language": value}


def _timezone(value: Any) -> dict[str, Any]:
    try:
        ZoneInfo(value)
    except (TypeError, ValueError, OSError, KeyError):
        raise FieldRefused("must be an IANA time zone such as Europe/Berlin") from None
    return {"timezone": value}


def _home_country(value: Any) -> dict[str, Any]:
    if value in ("", None):
        return {"home_country": ""}
    if not isinstance(value, str) or value not in COUNTRIES:
        raise FieldRefused("must be an assigned ISO 3166-1 alpha-2 code")
    return {"home_country": value}


def _terms(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() - {"min_notice", "no_suspension"}:
        raise FieldRefused("must be an object of min_notice and no_suspension")
    found: dict[str, Any] = {}
    if "min_notice" in value:
        found["min_notice"] = _duration(value["min_notice"])
    if "no_suspension" in value:
        found |= _flag("no_suspension")(value["no_suspension"])
    return found


def _duration(value: Any) -> timedelta | None:
    if value is None:
        return None
    try:
        return parse_duration(value)
    except (ValueError, TypeError):
        raise FieldRefused("has a min_notice that is no ISO 8601 duration such as P60D") from None


def _contacts(value: Any) -> dict[str, Any]:
    if not isinstance(value, list) or len(value) > MAX_CONTACTS:
        raise FieldRefused(f"must be an array of at most {MAX_CONTACTS} contacts")
    return {"contacts": [_contact(each, index) for index, each in enumerate(value)]}


def _contact(value: Any, index: int) -> tuple[str, str]:
    if not isinstance(value, dict) or value.keys() != {"email", "role"}:
        raise FieldRefused(f"[{index}] must be an object of email and role")
    if value["role"] not in list(Contact.Role):
        raise FieldRefused(f"[{index}].role must be one of {', '.join(Contact.Role)}")
    email = value["email"]
    try:
        if not isinstance(email, str) or len(email) > 254 or not email.isascii():
            raise ValidationError("no address")
        validate_email(email)
    except ValidationError:
        raise FieldRefused(f"[{index}].email must be an e-mail address in ASCII") from None
    return value["role"], email


_READERS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "external_id": _external_id,
    "name": _text("name", 200),
    "kind": _kind,
    "language": _language,
    "timezone": _timezone,
    "home_country": _home_country,
    "contacts": _contacts,
    "plan": _text("plan", 64),
    "protected": _flag("protected"),
    "terms": _terms,
    "serves_third_parties": _flag("serves_third_parties"),
}
