"""Memos that come back, days after a mail server took them: who was to have the notice does not have it."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.contrib.auth.models import User
from django.db import OperationalError

from enforcement.models import Case, MemoCopy, Stop
from enforcement.rules import deadlines
from enforcement.rules.decisions import rung_of
from enforcement.rules.transitions import State
from enforcement.services import acceptance, clock, stops
from enforcement.services.locks import lock_accounts
from enforcement.services.roles import check_may_decide
from enforcement.services.rows import update_rows
from enforcement.services.transactions import atomic_and_again
from faultpoints import faultpoint, port
from notifications import bounces


@port("bounce.commit", OperationalError)
@atomic_and_again
def record(*, message_ids: Collection[int], words: str = "", by: User | None = None, now: datetime) -> list[int]:
    """Record that messages came back; answers with those that were not known as such before.

    Where nobody has the present memo of a case any more, its clock stops until somebody does, and the notice runs anew
    then. Where another contact has it, the notice is counted from that one's acceptance. Nothing comes earlier, and
    nothing is lifted. `words` are those of the mail that says so; `by` is the person who read it, if one did.

    Raises NotAllowed.
    """
    if by is not None:
        check_may_decide(by)
    accounts = MemoCopy.objects.filter(message__in=message_ids).values_list("memo__case__account", flat=True)
    lock_accounts(accounts, wait=True)
    now = clock.after_waiting(now)
    faultpoint("bounce.received")
    back = bounces.record(message_ids, words=words, now=now)
    _look_again(_roles(back), by, now)
    return back


def _roles(message_ids: Collection[int]) -> dict[int, list[str]]:
    """By memo: whose copies came back."""
    roles: dict[int, list[str]] = {}
    for copy in MemoCopy.objects.filter(message__in=message_ids).order_by("pk"):
        roles.setdefault(copy.memo_id, []).append(copy.role)
    return roles


def _look_again(roles: Mapping[int, list[str]], by: User | None, now: datetime) -> None:
    """At the cases whose present state these memos announced; what announced an earlier one is only shown."""
    standing = Case.objects.filter(memos__in=roles).exclude(state=State.CLOSED).distinct()
    cases = {case.pk: case for case in standing.prefetch_related("policy")}
    announced = {case: memo.pk for case, memo in acceptance.announcements(cases).items() if memo.pk in roles}
    receptions = acceptance.receptions(announced.values())
    lost, moved = [], []
    for case, memo in announced.items():
        reception = receptions[memo]
        if reception.unreachable or (reception.accepted_at is None and cases[case].accepted_at is not None):
            lost.append(_stop(cases[case], roles[memo], by, now))
        elif reception.accepted_at is not None and cases[case].accepted_at is not None:
            _count_from(cases[case], reception.accepted_at, now)
            moved.append(cases[case])
    update_rows(moved, ("accepted_at", *stops.CLOCK_FIELDS))
    stops.place(lost, now=now)


def _stop(case: Case, roles: list[str], by: User | None, now: datetime) -> Stop:
    reason = f"The memo came back from {', '.join(sorted(set(roles)))}, and nobody else has it."
    return Stop(case=case, kind=Stop.Kind.BOUNCE, reason=reason, started_by=by, started_at=now)


def _count_from(case: Case, accepted_at: datetime, now: datetime) -> None:
    """The notice runs from the acceptance of a copy that stands, and what was told of it stays true."""
    assert case.accepted_at is not None
    case.accepted_at = max(case.accepted_at, accepted_at)
    if case.due_at is None or case.notice is None:
        return
    before, case.due_at = case.due_at, max(case.due_at, accepted_at + case.notice)
    if case.remaining is not None:
        case.remaining += case.due_at - before
    else:
        rung = rung_of(State(case.state), case.policy.rules)
        case.look_at = deadlines.next_look(case.due_at, rung.reminders if rung else (), now)
