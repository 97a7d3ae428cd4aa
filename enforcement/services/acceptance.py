"""Asking the outbox whether a memo was accepted: the clock starts with the contact whose word counts most."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from enforcement.models import Contact, Memo, MemoCopy
from notifications.models import Message

# The first of these that has a copy which a server accepted, or may still accept, decides.
PRECEDENCE = (Contact.Role.OWNER, Contact.Role.LEGAL, Contact.Role.SECURITY, Contact.Role.BILLING)


@dataclass(frozen=True, slots=True)
class Reception:
    """How a memo was received: accepted at a moment, refused by everybody, or (neither) still on its way.

    A copy that came back is a refused one, however long ago its acceptance was.
    """

    accepted_at: datetime | None = None
    unreachable: bool = False
    first_taken_at: datetime | None = None  # any copy, also of those that came back
    bounced_at: datetime | None = None  # the copy that came back last


def announcements(case_ids: Collection[int]) -> dict[int, Memo]:
    """By case: the memo that announced its present state, the newest that is not a reminder."""
    memos = Memo.objects.filter(case__among=case_ids, before_due=None).select_related("decision")
    memos = memos.order_by("case", "-pk").distinct("case")
    return {memo.case_id: memo for memo in memos}


def receptions(memo_ids: Collection[int]) -> dict[int, Reception]:
    """One for each memo, in one query."""
    copies: dict[int, dict[str, list[Message]]] = {memo: defaultdict(list) for memo in memo_ids}
    for copy in MemoCopy.objects.filter(memo__in=memo_ids).select_related("message"):
        copies[copy.memo_id][copy.role].append(copy.message)
    return {memo: _reception(by_role) for memo, by_role in copies.items()}


def _reception(by_role: dict[str, list[Message]]) -> Reception:
    copies = [message for messages in by_role.values() for message in messages]
    return replace(
        _precedence(by_role),
        first_taken_at=min((each.accepted_at for each in copies if each.accepted_at), default=None),
        bounced_at=max((each.bounced_at for each in copies if each.bounced_at), default=None),
    )


def _precedence(by_role: dict[str, list[Message]]) -> Reception:
    if not by_role:
        return Reception()
    for role in PRECEDENCE:
        standing = [message for message in by_role[role] if message.bounced_at is None]
        accepted = [message.accepted_at for message in standing if message.accepted_at is not None]
        if accepted:
            return Reception(accepted_at=min(accepted))
        if any(message.state == Message.State.QUEUED for message in by_role[role]):
            return Reception()
    return Reception(unreachable=True)
