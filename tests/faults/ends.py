"""What is compared at the end: what was decided, told and restricted, without the moments of it."""

from typing import Any

from enforcement.models import Account, Case, Decision, Memo, Restriction, Stop
from notifications.models import Message


def of_all() -> dict[str, Any]:
    return {account.external_id: _of(account) for account in Account.objects.order_by("pk")}


def _of(account: Account) -> dict[str, Any]:
    mine = {"case__account": account}
    cases = Case.objects.filter(account=account).order_by("pk")
    decisions = Decision.objects.filter(**mine).order_by("pk")
    restrictions = Restriction.objects.filter(**mine).order_by("pk")
    return {
        "version": account.version,
        "cases": [
            [each.state, each.outcome, each.version, each.narrowed_at is not None, each.due_at is not None]
            for each in cases
        ],
        "decisions": [[each.step, each.status, each.case_version, each.people] for each in decisions],
        "restrictions": [[each.scope, each.lifted_at is not None] for each in restrictions],
        "stops": [[each.kind, each.ended_at is not None] for each in Stop.objects.filter(**mine).order_by("pk")],
        "memos": [
            [each.kind, each.rendered_at is not None, each.cancelled_at is not None, _copies(each)]
            for each in Memo.objects.filter(**mine).order_by("pk")
        ],
    }


def _copies(memo: Memo) -> list[list[Any]]:
    copies = memo.copies.select_related("message").order_by("pk")
    return [[each.role, each.message.state, each.message.bounced_at is not None] for each in copies]


def messages() -> dict[str, Any]:
    """By Message-ID: state and attempts."""
    return {each.message_id: [each.state, each.attempts] for each in Message.objects.all()}
