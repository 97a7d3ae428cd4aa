"""Asking the outbox whether a memo was accepted: the clock starts with the contact whose word counts most."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

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


class Announcement(NamedTuple):
    """The memo that announced the present state of a case, without its words."""

    pk: int
    decision_id: int
    step: str
    told_due_at: datetime | None


def announcements(case_ids: Collection[int]) -> dict[int, Announcement]:
    """By case: of its memos the newest that is not a reminder."""
    memos = Memo.objects.filter(case__among=case_ids, before_due=None).order_by("case", "-pk").distinct("case")
    found = memos.values_list("case_id", "pk", "decision_id", "decision__step", "told_due_at")
    return {case: Announcement(memo, decision, step, told) for case, memo, decision, step, told in found}


class _Copy(NamedTuple):
    """What became of the copy for one contact."""

    state: str
    accepted_at: datetime | None
    bounced_at: datetime | None


def receptions(memo_ids: Collection[int]) -> dict[int, Reception]:
    """One for each memo, in one query."""
    copies: dict[int, dict[str, list[_Copy]]] = {memo: defaultdict(list) for memo in memo_ids}
    found = MemoCopy.objects.filter(memo__among=memo_ids)
    became = "message__state", "message__accepted_at", "message__bounced_at"
    for memo, role, state, accepted_at, bounced_at in found.values_list("memo_id", "role", *became):
        copies[memo][role].append(_Copy(state, accepted_at, bounced_at))
    return {memo: _reception(by_role) for memo, by_role in copies.items()}


def _reception(by_role: dict[str, list[_Copy]]) -> Reception:
    copies = [copy for of_role in by_role.values() for copy in of_role]
    return replace(
        _precedence(by_role),
        first_taken_at=min((each.accepted_at for each in copies if each.accepted_at), default=None),
        bounced_at=max((each.bounced_at for each in copies if each.bounced_at), default=None),
    )


def _precedence(by_role: dict[str, list[_Copy]]) -> Reception:
    if not by_role:
        return Reception()
    for role in PRECEDENCE:
        copies = by_role.get(role, ())
        accepted = [copy.accepted_at for copy in copies if copy.accepted_at is not None and copy.bounced_at is None]
        if accepted:
            return Reception(accepted_at=min(accepted))
        if any(copy.state == Message.State.QUEUED for copy in copies):
            return Reception()
    return Reception(unreachable=True)
