"""Memos: words are rendered once, under the account's lock, and handed to the outbox, one message a contact."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q
from django.db.models.functions import Lower

from enforcement.models import Appeal, Contact, Memo, MemoCopy, Stop
from enforcement.rules import deadlines
from enforcement.rules.decisions import rung_of
from enforcement.rules.transitions import State, Step
from enforcement.services import memo_words, stops
from enforcement.services.acceptance import PRECEDENCE
from enforcement.services.batches import BACKOFF, Done, Work, work_off
from enforcement.services.locks import claim_accounts
from enforcement.services.rows import insert_rows, update_rows
from faultpoints import faultpoint
from notifications import outbox
from notifications.models import Message
from notifications.outbox import Draft

# Billing is written to only where there is nobody else.
_WRITTEN_TO = (Contact.Role.OWNER, Contact.Role.LEGAL, Contact.Role.SECURITY)
_LATER = timedelta(hours=1)  # until we look again whether a memo can be sent that now cannot
_WORDS = ("language", "subject", "text", "html", "rendered_at", "told_due_at")

# Announcements that nobody has, since every copy was refused or came back, of accounts with a contact not tried yet.
_UNTRIED = """
SELECT memo.id, held.account_id
  FROM (SELECT DISTINCT case_id FROM enforcement_stop
         WHERE kind IN ('unreachable', 'bounce') AND ended_at IS NULL) AS stopped
  JOIN enforcement_case AS held ON held.id = stopped.case_id AND held.state <> 'closed'
  JOIN LATERAL (SELECT id, rendered_at FROM enforcement_memo WHERE case_id = held.id AND before_due IS NULL
                 ORDER BY id DESC LIMIT 1) AS memo ON memo.rendered_at IS NOT NULL
  LEFT JOIN LATERAL (SELECT array_agg(lower(message.recipient)) AS tried,
                            bool_and(message.state = 'failed' OR message.bounced_at IS NOT NULL) AS refused
                       FROM enforcement_memocopy AS copy JOIN notifications_message AS message
                         ON message.id = copy.message_id WHERE copy.memo_id = memo.id) AS sent ON TRUE
 WHERE sent.refused
   AND EXISTS (SELECT FROM enforcement_contact AS contact
                WHERE contact.account_id = held.account_id AND lower(contact.email) <> ALL (sent.tried)
                  AND (contact.role <> 'billing' OR NOT EXISTS (
                      SELECT FROM enforcement_contact AS other
                       WHERE other.account_id = held.account_id AND other.role <> 'billing')))
"""
_DUE = f"""
SELECT due.account_id FROM (
    SELECT memo.id, waiting.account_id
      FROM enforcement_memo AS memo JOIN enforcement_case AS waiting ON waiting.id = memo.case_id
     WHERE memo.rendered_at IS NULL AND memo.cancelled_at IS NULL AND memo.render_at <= %(now)s
     UNION ALL {_UNTRIED}
) AS due ORDER BY due.id
"""
_ANEW = f"""
UPDATE enforcement_memo SET rendered_at = NULL, told_due_at = NULL, language = '', subject = '', text = '', html = '',
       render_at = %s
 WHERE id IN (SELECT id FROM ({_UNTRIED}) AS untried WHERE account_id = ANY(%s))
"""


def render(*, now: datetime, time_box: float | None = None) -> Done:
    """Render every memo that waits for its words and queue its messages."""
    work = Work(
        name="render",
        claim=lambda limit: claim_accounts(_DUE, now, limit),
        decide=lambda accounts: _render(accounts, now),
        step_aside=lambda account: _postpone([memo.pk for memo in _waiting([account], now)], now + BACKOFF),
    )
    return work_off(work, time_box=time_box)


def _waiting(account_ids: Sequence[int], now: datetime) -> list[Memo]:
    """Looked at again under the lock: a memo that was cancelled meanwhile is not sent.

    One that nobody has is written anew, with a date of its own; the messages keep the words that they carried.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ANEW, [now, list(account_ids)])
    memos = Memo.objects.filter(case__account__in=account_ids, rendered_at=None, cancelled_at=None, render_at__lte=now)
    return list(memos.select_related("case__account", "case__policy", "decision").order_by("pk"))


def _timely(memos: Sequence[Memo], now: datetime) -> list[Memo]:
    """All but the reminders whose date would not be true.

    A reminder waits while something stops the clock; it is dropped once its deadline has come, or a later one is out.
    """
    reminders = [memo for memo in memos if memo.kind == Memo.Kind.REMINDER]
    last = {memo.case_id: memo for memo in reminders}.values()
    stopped = stops.stopped_cases([memo.case for memo in last])
    waiting = {memo.pk for memo in last if memo.case_id in stopped}
    timely = {memo.pk for memo in last if memo.pk not in waiting and memo.case.due_at and memo.case.due_at > now}
    _postpone(waiting, now + _LATER)
    late = {memo.pk for memo in reminders} - waiting - timely
    Memo.objects.filter(pk__in=late).update(cancelled_at=now)
    return [memo for memo in memos if memo.pk not in waiting | late]


def _postpone(memo_ids: Collection[int], until: datetime) -> None:
    Memo.objects.filter(pk__in=memo_ids).update(render_at=until)


@dataclass(frozen=True, slots=True)
class _Copy:
    memo: Memo
    role: str
    draft: Draft


def _render(account_ids: Sequence[int], now: datetime) -> None:
    waiting = _timely(_waiting(account_ids, now), now)
    recipients = _recipients(account_ids)
    silent = [memo for memo in waiting if memo.case.account_id not in recipients]
    _hold(silent, now)
    spoken = [memo for memo in waiting if memo.case.account_id in recipients]
    stops.resume([memo.case for memo in spoken], [Stop.Kind.UNREACHABLE], now=now)
    appealed = _appealed(spoken)
    for memo in spoken:
        _word(memo, memo.decision_id in appealed, now)
    update_rows(spoken, _WORDS)
    tried = _tried(spoken)
    copies = [
        _Copy(memo, role, Draft(email, memo.subject, memo.text, memo.html, memo.language))
        for memo in spoken
        for mailbox, (email, role) in recipients[memo.case.account_id].items()
        if (memo.pk, mailbox) not in tried
    ]
    messages = outbox.enqueue([copy.draft for copy in copies], now=now)
    sent = [
        MemoCopy(memo=copy.memo, role=copy.role, message=message)
        for copy, message in zip(copies, messages, strict=True)
    ]
    insert_rows(MemoCopy, sent)
    faultpoint("memo.rendered")


def _recipients(account_ids: Sequence[int]) -> dict[int, dict[str, tuple[str, str]]]:
    """By account and mailbox: address and role. A mailbox stands once, however it is written, as what counts most.

    The database says which letters are one, here and for `_UNTRIED`: Python has other rules for some.
    """
    found: dict[int, dict[str, tuple[str, str]]] = {}
    contacts = Contact.objects.filter(account__in=account_ids).order_by("pk")
    rows = contacts.values_list("account_id", "role", "email", Lower("email"))
    for account, role, email, mailbox in sorted(rows, key=lambda row: PRECEDENCE.index(row[1])):
        known = found.setdefault(account, {})
        if role in _WRITTEN_TO or not any(each in _WRITTEN_TO for _, each in known.values()):
            known.setdefault(mailbox, (email, role))
    return found


def _tried(memos: Sequence[Memo]) -> set[tuple[int, str]]:
    """Memo and mailbox: where a memo was refused or came back, it would be again, and would seem accepted meanwhile."""
    copies = MemoCopy.objects.filter(memo__in=[memo.pk for memo in memos])
    return set(copies.values_list("memo_id", Lower("message__recipient")))


def _hold(memos: Sequence[Memo], now: datetime) -> None:
    """Nobody to write to: the case waits for a person, and the memo for a contact."""
    by_case = {memo.case_id: memo.case for memo in memos if memo.case.state != State.CLOSED}
    stops.stop(list(by_case.values()), Stop.Kind.UNREACHABLE, "The account has no contact.", now=now)
    _postpone([memo.pk for memo in memos], now + _LATER)


def _appealed(memos: Sequence[Memo]) -> set[int]:
    """Decisions whose one appeal that stops the clock was filed already."""
    filed = Appeal.objects.filter(decision__in=[memo.decision_id for memo in memos], suspensive=True)
    return set(filed.values_list("decision_id", flat=True))


def _word(memo: Memo, appealed: bool, now: datetime) -> None:
    """Give the memo its words and the deadline that they name."""
    due_at = _told(memo, now)
    for name, words in memo_words.render(memo, due_at=due_at, appealed=appealed, now=now).items():
        setattr(memo, name, words)
    memo.rendered_at, memo.told_due_at = now, due_at


def _told(memo: Memo, now: datetime) -> datetime | None:
    """A reminder repeats the deadline that runs; a memo that starts one tells it from now, rounded up."""
    if memo.kind == Memo.Kind.REMINDER:
        return memo.case.due_at
    rung = rung_of(State(memo.case.state), memo.case.policy.rules)
    if rung is None or memo.decision.step == Step.RESTRICT_NOW:  # nothing follows a step without notice by itself
        return None
    promised = memo.case.account.min_notice if memo.case.state == State.WARNED else None
    return deadlines.told_deadline(now, max(rung.lasts, promised or timedelta(0)))


def withheld(case_ids: Collection[int], *, now: datetime) -> set[int]:
    """The cases whose account must not hear yet of what was done without notice: a gag, or a date still to come."""
    untold = Q(decision__gagged=True, decision__gag_end__isnull=True) | Q(decision__told_from__gt=now)
    waiting = Memo.objects.filter(untold, case__among=case_ids, rendered_at=None, cancelled_at=None)
    return set(waiting.values_list("case_id", flat=True))


def cancel(case_ids: Collection[int], *, now: datetime) -> None:
    """The case moves on: take back what is still on its way."""
    Memo.objects.filter(case__among=case_ids, rendered_at=None, cancelled_at=None).update(cancelled_at=now)
    waiting = MemoCopy.objects.filter(memo__case__among=case_ids, message__state=Message.State.QUEUED)
    if unsent := list(waiting.values_list("message_id", flat=True)):
        outbox.cancel(unsent)


def heard_of(case_ids: Collection[int]) -> set[int]:
    """The cases of which somebody has a memo; an attempt without an answer may have been an acceptance unheard."""
    accepted, failed = Q(message__state=Message.State.ACCEPTED), Q(message__state=Message.State.FAILED)
    heard = accepted | Q(message__attempts__gt=0) & ~failed
    copies = MemoCopy.objects.filter(heard, memo__case__among=case_ids)
    return set(copies.values_list("memo__case", flat=True))
