"""What of an account the rules have to know before the automation acts on it."""

from enforcement.models import Account
from enforcement.rules.decisions import Manners


def manners_of(account: Account) -> Manners:
    return Manners(
        is_person=account.kind == Account.Kind.PERSON,
        protected=account.protected,
        no_suspension=account.no_suspension,
    )
