"""Starting clocks: the notice runs from the moment when a mail server accepted the memo that announced the state."""

from datetime import datetime

from enforcement.models import Case, Memo, Stop
from enforcement.rules import deadlines
from enforcement.rules.decisions import rung_of
from enforcement.rules.transitions import State
from enforcement.services import acceptance, stops
from enforcement.services.batches import BACKOFF, Done, Work, work_off
from enforcement.services.locks import claim_accounts
from enforcement.services.rows import update_rows

AWAITING = (State.WARNED, State.RESTRICTED, State.SUSPENDED)

# Cases that nobody accepted a memo of, whose memo has been answered by a mail server in one way or the other. Pulled
# from the outbox, which knows no case.
_DUE = """
SELECT held.account_id
  FROM enforcement_case AS held
  JOIN LATERAL (SELECT id FROM enforcement_memo WHERE case_id = held.id AND before_due IS NULL
                 ORDER BY id DESC LIMIT 1) AS memo ON TRUE
 WHERE held.accepted_at IS NULL AND held.state IN ('warned', 'restricted', 'suspended')
   AND NOT EXISTS (SELECT FROM enforcement_stop AS stop
                    WHERE stop.case_id = held.id AND stop.kind = 'unreachable' AND stop.ended_at IS NULL)
   AND (held.look_at IS NULL OR held.look_at <= %s)
   AND EXISTS (SELECT FROM enforcement_memocopy AS copy JOIN notifications_message AS message
                   ON message.id = copy.message_id
                WHERE copy.memo_id = memo.id AND message.state IN ('accepted', 'failed'))
 ORDER BY held.id
"""


def start_clocks(*, now: datetime, time_box: float | None = None) -> Done:
    """Start the clock of every case whose memo was accepted; hold those whose memo nobody can take."""
    work = Work(
        name="notice",
        claim=lambda limit: claim_accounts(_DUE, [now], limit),
        decide=lambda accounts: _start(accounts, now),
        step_aside=lambda account: _wait(_awaiting([account]), now + BACKOFF),
    )
    return work_off(work, time_box=time_box)


def _awaiting(account_ids: list[int]) -> list[Case]:
    waiting = Case.objects.filter(account__in=account_ids, accepted_at=None, state__in=AWAITING)
    return list(waiting.select_related("account", "policy"))


def _wait(cases: list[Case], until: datetime) -> None:
    for case in cases:
        case.look_at = until
    update_rows(cases, ["look_at"])


def _start(account_ids: list[int], now: datetime) -> None:
    cases = _awaiting(account_ids)
    announced = _announcements(cases)
    receptions = acceptance.receptions([memo.pk for memo in announced.values()])
    stopped = stops.stopped_cases(cases)
    started, waiting, unreachable = [], [], []
    for case in cases:
        memo = announced[case.pk]
        reception = receptions[memo.pk]
        if reception.accepted_at is not None:
            _run(case, memo, reception.accepted_at, now)
            if case.pk in stopped:
                stops.freeze(case, now=reception.accepted_at)
            started.append(case)
        elif reception.unreachable:
            unreachable.append(case)
        else:
            waiting.append(case)
    update_rows(started, ["accepted_at", *stops.CLOCK_FIELDS])
    _wait(waiting, now + BACKOFF)
    stops.stop(unreachable, Stop.Kind.UNREACHABLE, "No contact of the account could be written to.", now=now)


def _announcements(cases: list[Case]) -> dict[int, Memo]:
    """The memo that announced each case's present state: the newest that is not a reminder."""
    memos = Memo.objects.filter(case__in=cases, before_due=None).order_by("case", "-pk").distinct("case")
    return {memo.case_id: memo for memo in memos}


def _run(case: Case, memo: Memo, accepted_at: datetime, now: datetime) -> None:
    """The deadline follows from the acceptance, not from the moment at which we heard of it."""
    case.accepted_at = accepted_at
    rung = rung_of(State(case.state), case.policy.rules)
    if rung is None:
        case.look_at = None
        return
    promised = case.account.min_notice if case.state == State.WARNED else None
    case.due_at = deadlines.due_at(accepted_at, rung.lasts, told=memo.told_due_at, min_notice=promised)
    case.look_at = deadlines.next_look(case.due_at, rung.reminders, now)
