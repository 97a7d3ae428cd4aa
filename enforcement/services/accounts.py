"""Accounts as the registrar tells them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connection

from enforcement.models import Account, Contact
from enforcement.services.account_documents import Change
from enforcement.services.locks import lock_accounts
from enforcement.services.rows import update_rows
from enforcement.services.transactions import atomic_and_again

MAX_ACCOUNTS = 1000

_COLUMNS = (
    "name", "kind", "language", "timezone", "home_country", "plan", "protected", "serves_third_parties",
    "min_notice", "no_suspension", "version",
)  # fmt: skip
# Before the locks and in one order, as intake makes its stubs: who finds one half made waits for it here.
_STUBS = """
INSERT INTO enforcement_account (external_id, name, kind, language, timezone, home_country, plan, protected,
                                 serves_third_parties, no_suspension, version, created_at)
SELECT unnest(%s::text[]), '', 'organisation', 'en', 'UTC', '', '', false, false, false, 0, %s::timestamptz
    ON CONFLICT (external_id) DO NOTHING
"""
_MARK = """
INSERT INTO enforcement_assessmentmark AS mark (account_id, count, attempts, look_at)
SELECT unnest(%s::bigint[]), 1, 0, %s::timestamptz
    ON CONFLICT (account_id) DO UPDATE SET count = mark.count + 1, look_at = excluded.look_at
"""


@atomic_and_again
def upsert(changes: Sequence[Change], *, now: datetime) -> None:
    """Carry out changes of different accounts. One that really changed is looked at again: it may be reachable now."""
    by_name = {change.external_id: change for change in changes}
    with connection.cursor() as cursor:
        cursor.execute(_STUBS, [sorted(by_name), now])
    ids = Account.objects.filter(external_id__in=by_name).values_list("pk", flat=True)
    accounts = list(Account.objects.filter(pk__in=lock_accounts(ids, wait=True)).order_by("pk"))
    touched = _replace_contacts({each.pk: by_name[each.external_id].contacts for each in accounts})
    changed = [each for each in accounts if _set(each, by_name[each.external_id].columns) or each.pk in touched]
    for account in changed:
        account.version += 1
    update_rows(changed, _COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(_MARK, [[account.pk for account in changed], now])


def _set(account: Account, columns: Mapping[str, object]) -> bool:
    """Whether anything is different afterwards."""
    different = {name: value for name, value in columns.items() if getattr(account, name) != value}
    for name, value in different.items():
        setattr(account, name, value)
    return bool(different)


def _replace_contacts(wanted: Mapping[int, frozenset[tuple[str, str]] | None]) -> set[int]:
    """Make the lists that are named the accounts' only contacts; answers with the accounts that had others."""
    named = {account: contacts for account, contacts in wanted.items() if contacts is not None}
    there = {(each.account_id, each.role, each.email): each.pk for each in Contact.objects.filter(account__in=named)}
    asked = {(account, role, email) for account, contacts in named.items() for role, email in contacts}
    gone, new = there.keys() - asked, sorted(asked - there.keys())
    Contact.objects.filter(pk__in=[there[each] for each in gone]).delete()
    Contact.objects.bulk_create(Contact(account_id=account, role=role, email=email) for account, role, email in new)
    return {account for account, *_ in [*gone, *new]}
