"""What of an account the rules have to know before the automation acts on it."""

from collections.abc import Iterable

from enforcement.models import Account
from enforcement.rules.decisions import Manners
from enforcement.services import history


def manners_of(account: Account, overturned: frozenset[str] = frozenset()) -> Manners:
    """For a step by hand; `overturned` matters to the automation alone."""
    return Manners(
        is_person=account.kind == Account.Kind.PERSON,
        protected=account.protected,
        no_suspension=account.no_suspension,
        overturned=overturned,
    )


def manners_by_account(accounts: Iterable[Account]) -> dict[int, Manners]:
    """By id, with the rules that appeals were won against: for what the automation proposes."""
    by_id = {account.pk: account for account in accounts}
    overturned = history.overturned_rules(by_id)
    return {pk: manners_of(account, overturned.get(pk, frozenset())) for pk, account in by_id.items()}
