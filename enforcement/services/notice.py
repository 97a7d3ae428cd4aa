"""Starting clocks: the notice runs from the moment when a mail server accepted the memo that announced the state."""

from datetime import datetime

from django.db.models import Q

from enforcement.models import Case, Stop
from enforcement.rules import deadlines
from enforcement.rules.decisions import rung_of
from enforcement.rules.transitions import State, Step
from enforcement.services import acceptance, stops
from enforcement.services.acceptance import Announcement
from enforcement.services.batches import BACKOFF, Done, Work, work_off
from enforcement.services.locks import claim_accounts
from enforcement.services.rows import update_rows
from faultpoints import faultpoint

AWAITING = (State.WARNED, State.RESTRICTED, State.SUSPENDED)

# Cases that nobody accepted a memo of, or whose memo came back, and whose memo has been answered by a mail server in
# one way or the other. Pulled from the outbox, which knows no case.
_DUE = """
SELECT held.account_id
  FROM enforcement_case AS held
  JOIN LATERAL (SELECT id FROM enforcement_memo WHERE case_id = held.id AND before_due IS NULL
                 ORDER BY id DESC LIMIT 1) AS memo ON TRUE
 WHERE {awaiting}
   AND NOT EXISTS (SELECT FROM enforcement_stop AS stop
                    WHERE stop.case_id = held.id AND stop.kind = 'unreachable' AND stop.ended_at IS NULL)
   AND (held.look_at IS NULL OR held.look_at <= %(now)s)
   AND EXISTS (SELECT FROM enforcement_memocopy AS copy JOIN notifications_message AS message
                   ON message.id = copy.message_id
                WHERE copy.memo_id = memo.id AND message.bounced_at IS NULL
                  AND message.state IN ({answered}))
"""
_NEVER_HEARD = "held.accepted_at IS NULL AND held.state IN ('warned', 'restricted', 'suspended')"
_BOUNCED = """
held.id IN (SELECT case_id FROM enforcement_stop WHERE kind = 'bounce' AND ended_at IS NULL)
"""
_ANY_DUE = " UNION ALL ".join(
    (
        _DUE.format(awaiting=_NEVER_HEARD, answered="'accepted', 'failed'"),
        _DUE.format(awaiting=_BOUNCED, answered="'accepted'"),
    )
)


def start_clocks(*, now: datetime, time_box: float | None = None) -> Done:
    """Start the clock of every case whose memo was accepted; hold those whose memo nobody can take."""
    work = Work(
        name="notice",
        claim=lambda limit: claim_accounts(_ANY_DUE, now, limit),
        decide=lambda accounts: _start(accounts, now),
        step_aside=lambda account: _wait(_awaiting([account]), now + BACKOFF),
    )
    return work_off(work, time_box=time_box)


def _awaiting(account_ids: list[int]) -> list[Case]:
    never_heard = Q(accepted_at=None, state__in=AWAITING)
    bounced = Q(stops__kind=Stop.Kind.BOUNCE, stops__ended_at=None)
    waiting = Case.objects.filter(never_heard | bounced, account__in=account_ids)
    return list(waiting.select_related("account", "policy").distinct())


def _wait(cases: list[Case], until: datetime) -> None:
    for case in cases:
        case.look_at = until
    update_rows(cases, ["look_at"])


def _start(account_ids: list[int], now: datetime) -> None:
    cases = _awaiting(account_ids)
    announced = acceptance.announcements([case.pk for case in cases])
    receptions = acceptance.receptions([memo.pk for memo in announced.values()])
    started: list[Case] = []
    waiting: list[Case] = []
    unreachable: list[Case] = []
    for case in cases:
        memo = announced[case.pk]
        reception = receptions[memo.pk]
        if reception.accepted_at is not None:
            _run(case, memo, reception.accepted_at, now)
            started.append(case)
        elif reception.unreachable and case.accepted_at is None:
            unreachable.append(case)
        else:  # a copy that counts more is still on its way
            waiting.append(case)
    _write(started, now)
    _wait(waiting, now + BACKOFF)
    faultpoint("notice.started")
    stops.stop(unreachable, Stop.Kind.UNREACHABLE, "No contact of the account could be written to.", now=now)


def _write(started: list[Case], now: datetime) -> None:
    """What came back has been taken now; what else stops a clock keeps all of its notice."""
    Stop.objects.filter(case__among=started, kind=Stop.Kind.BOUNCE, ended_at=None).update(ended_at=now)
    stopped = stops.stopped_cases(started)
    for case in started:
        if case.pk in stopped and case.accepted_at is not None:
            stops.freeze(case, now=case.accepted_at)
    update_rows(started, ["accepted_at", "notice", *stops.CLOCK_FIELDS])


def _run(case: Case, memo: Announcement, accepted_at: datetime, now: datetime) -> None:
    """The deadline follows from the acceptance, not from the moment at which we heard of it.

    Where the memo had come back, the clock stood meanwhile: what was left, or the policy's minimum, is left still. The
    date that was told with it may have reached somebody: the new one is never before it.
    """
    rung = rung_of(State(case.state), case.policy.rules) if memo.step != Step.RESTRICT_NOW else None
    left, case.accepted_at, case.remaining = case.remaining, accepted_at, None
    if rung is None:
        case.look_at = None
        return
    promised = case.account.min_notice if case.state == State.WARNED else None
    case.notice = max(rung.lasts, promised or rung.lasts, case.notice or rung.lasts)
    due_at = deadlines.due_at(accepted_at, case.notice, told=memo.told_due_at)
    if left is not None:
        due_at = max(due_at, deadlines.resumed(accepted_at, left, case.policy.rules.appeals.minimum_remaining))
    minimum = case.policy.rules.appeals.minimum_remaining
    due_at = deadlines.after_stops(due_at, accepted_at, stops.ended_since(case, accepted_at), minimum)
    case.due_at = max(due_at, case.due_at or due_at)
    case.look_at = deadlines.next_look(case.due_at, rung.reminders, now)
