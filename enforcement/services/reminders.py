"""Reminders of a deadline that runs, counted back from it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from enforcement.models import Case, Memo
from enforcement.rules import deadlines
from enforcement.rules.decisions import rung_of
from enforcement.rules.transitions import State
from enforcement.services import acceptance
from enforcement.services.rows import insert_rows, update_rows


def remind(waiting: Sequence[Case], *, now: datetime) -> None:
    """Queue the reminders whose moment has come, and set when to look again (accounts locked, `policy` loaded)."""
    if not waiting:
        return
    announcing = {case: memo.decision_id for case, memo in acceptance.announcements([c.pk for c in waiting]).items()}
    sent = _sent(announcing.values())
    reminders = []
    for case in waiting:
        assert case.due_at is not None
        rung, decision = rung_of(State(case.state), case.policy.rules), announcing[case.pk]
        moments = rung.reminders if rung else ()
        before = deadlines.reminder_due(case.due_at, moments, sent[decision], now)
        if before is not None:
            reminders.append(_reminder(case, decision, before, now))
        case.look_at = deadlines.next_look(case.due_at, moments, now)
    insert_rows(Memo, reminders)
    update_rows(waiting, ["look_at"])


def _sent(decisions: Collection[int]) -> dict[int, list[timedelta]]:
    """By the decision that they remind of."""
    sent: dict[int, list[timedelta]] = defaultdict(list)
    memos = Memo.objects.filter(decision__among=decisions, before_due__isnull=False)
    for decision, before in memos.values_list("decision_id", "before_due"):
        if before is not None:
            sent[decision].append(before)
    return sent


def _reminder(case: Case, decision: int, before: timedelta, now: datetime) -> Memo:
    return Memo(
        case=case, decision_id=decision, kind=Memo.Kind.REMINDER, before_due=before, created_at=now, render_at=now
    )
