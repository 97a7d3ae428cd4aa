"""The notice rule: nothing gets worse before a memo of this very state was accepted and its time has run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from enforcement.models import Case, Stop
from enforcement.services import acceptance, stops
from enforcement.services.acceptance import Reception


class NoticeNotOver(Exception):
    """A step that makes things worse before the notice has run, or while something stops the clock."""

    def __init__(self, case: Case, why: str) -> None:
        super().__init__(f"Case {case.reference} cannot be taken further: {why}.")


@dataclass(frozen=True, slots=True)
class Proof:
    """What a step rests on, as it was found under the lock: kept with the decision."""

    memo_id: int
    due_at: datetime
    notice: timedelta


def prove(cases: Sequence[Case], *, now: datetime) -> dict[int, Proof]:
    """A proof for each case (accounts locked), by its id; raises NoticeNotOver for the first that has none.

    The rule holds for the automation and for people alike. It asks the outbox again: a memo may have come back since
    the clock was started.
    """
    if not cases:
        return {}
    announced = acceptance.announcements([case.pk for case in cases])
    receptions = acceptance.receptions([memo.pk for memo in announced.values()])
    stopped = stops.stopped_cases(cases, besides=Stop.Kind.APPROVAL)
    proofs = {}
    for case in cases:
        memo = announced.get(case.pk)
        reception = receptions[memo.pk] if memo else Reception()
        if memo is None or case.due_at is None or case.notice is None or reception.accepted_at is None:
            raise NoticeNotOver(case, "no mail server has accepted the memo that announces the step")
        if case.pk in stopped:
            raise NoticeNotOver(case, "its clock is stopped")
        due_at = max(case.due_at, reception.accepted_at + case.notice)
        if due_at > now:
            raise NoticeNotOver(case, f"its notice runs until {due_at:%Y-%m-%d %H:%M} UTC")
        proofs[case.pk] = Proof(memo.pk, case.due_at, case.notice)
    return proofs
