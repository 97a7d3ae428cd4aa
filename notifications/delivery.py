"""Delivering the outbox: claim, speak to the mail server outside any transaction, record under the lease.

A crash between the server's acceptance and our record sends a second copy with the same Message-ID; it never loses a
message, and never records an acceptance that did not happen.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import structlog
from django.conf import settings
from django.db import Error, OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now as RealNow

from faultpoints import faultpoint, port
from notifications.email import compose
from notifications.models import Message
from notifications.relay import Relay, RelayAway, Reply

_BATCH = 50  # what one sender may set aside for itself
_LEASE = timedelta(seconds=30)  # of the batch; renewed for the message that we speak about
_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=4)
GIVE_UP_AFTER = 20  # attempts: about two days of waiting
log = structlog.get_logger(__name__)

Outcome = Literal["accepted", "deferred", "failed"]
Tell = Callable[[Mapping[int, Outcome]], None]

# Due by the clock that the caller gave; leased by the real one, which no test clock moves.
_CLAIM = """
WITH due AS (
    SELECT id FROM notifications_message
     WHERE state = 'queued' AND next_attempt_at <= %(now)s AND (lease_until IS NULL OR lease_until < clock_timestamp())
     ORDER BY next_attempt_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE notifications_message AS message SET lease_token = %(token)s, lease_until = clock_timestamp() + %(lease)s
  FROM due WHERE message.id = due.id RETURNING message.id
"""


@dataclass(slots=True)
class Delivered:
    """What a run did, in messages."""

    accepted: int = 0
    deferred: int = 0
    failed: int = 0
    fenced: int = 0  # recorded by somebody else: our lease had run out while we spoke
    given_back: int = 0  # claimed, and not begun

    def count(self, became: Outcome) -> None:
        setattr(self, became, getattr(self, became) + 1)

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


@dataclass(slots=True)
class _Run:
    relay: Relay
    clock: Callable[[], datetime]
    ends: float | None  # on the monotonic clock
    tell: Tell
    may_send: Callable[[], bool]
    became: dict[int, Outcome] = field(default_factory=dict)  # of the batch in hand, by message
    done: Delivered = field(default_factory=Delivered)
    token: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def is_over(self) -> bool:
        return (self.ends is not None and time.monotonic() > self.ends) or not self.may_send()


def deliver(
    *,
    clock: Callable[[], datetime],
    time_box: float | None = None,
    tell: Tell = lambda became: None,
    may_send: Callable[[], bool] = lambda: True,
) -> Delivered:
    """Deliver until nothing is due, the relay is out of reach, or `time_box` seconds have passed.

    After each batch `tell` gets what became of its messages, by id; before each message `may_send` is asked.
    """
    ends = None if time_box is None else time.monotonic() + time_box
    with Relay(settings.EMAIL_URL) as relay:
        run = _Run(relay, clock, ends, tell, may_send)
        more = True
        while more:
            more = _one_batch(run)
            tell(run.became)
            run.became.clear()
    return run.done


def _one_batch(run: _Run) -> bool:
    """False when there is nothing more to do, or no way to do it."""
    now = run.clock()
    claimed = _claim(now, run.token)
    for index, message in enumerate(claimed):
        if run.is_over or not _attempt(run, message, now):
            _give_back(claimed[index:], run)
            return False
    return bool(claimed)


def _claim(now: datetime, token: uuid.UUID) -> list[Message]:
    with port("memo.claim.commit", OperationalError), transaction.atomic(), connection.cursor() as cursor:
        claim: dict[str, Any] = {"now": now, "limit": _BATCH, "token": token, "lease": _LEASE}
        cursor.execute(_CLAIM, claim)
        ids = [row[0] for row in cursor.fetchall()]
    faultpoint("memo.claimed")
    return list(Message.objects.filter(pk__in=ids, lease_token=token).order_by("next_attempt_at", "pk"))


def _attempt(run: _Run, message: Message, now: datetime) -> bool:
    """One message, from the first word to the record. False if the relay cannot be had."""
    if not _begin(message, now):
        return True  # taken back meanwhile, or somebody else's after our lease had run out
    try:
        with kept(message):
            reply = _offer(run.relay, message)
    except RelayAway as away:
        _record(message, Reply(None, str(away)), run)
        return False
    _record(message, reply, run)
    return True


def _begin(message: Message, now: datetime) -> bool:
    """Count the attempt before it is made. A message that kills its sender is counted, and stands behind the others."""
    mine = Message.objects.filter(pk=message.pk, lease_token=message.lease_token, lease_until__gt=RealNow())
    message.attempts += 1
    return bool(
        mine.filter(state=Message.State.QUEUED).update(
            attempts=F("attempts") + 1, next_attempt_at=now, lease_until=RealNow() + _LEASE
        )
    )


@contextmanager
def kept(message: Message) -> Iterator[None]:
    """Renew our lease from a thread while we wait for a mail server, which may take its time over the final dot."""
    through = threading.Event()
    mine = Message.objects.filter(pk=message.pk, lease_token=message.lease_token)

    def renew() -> None:
        while not through.wait(_LEASE.total_seconds() / 3):
            try:
                mine.update(lease_until=RealNow() + _LEASE)
            except Error:
                log.warning("lease.not_renewed", message=message.pk, exc_info=True)
            connection.close()  # this thread's own; a fresh one outlives a restart of the database

    renewing = threading.Thread(target=renew, daemon=True)
    renewing.start()
    try:
        yield
    finally:
        through.set()
        renewing.join()


def _offer(relay: Relay, message: Message) -> Reply:
    if message.attempts > GIVE_UP_AFTER:
        return Reply(None, "given up: no attempt came to its end")
    try:
        content = compose(message, settings.MEMO_FROM)
    except Exception as error:  # whatever a message does to us, the others go on
        log.exception("message.poison", message=message.pk)
        return Reply(None, f"not sent: {type(error).__name__}")
    return relay.offer(content, settings.MEMO_FROM, message.recipient)


@port("memo.record.commit", OperationalError)
def _record(message: Message, reply: Reply, run: _Run) -> None:
    """Guarded by the lease: a sender that comes back after it ran out changes nothing."""
    outcome = _outcome(message, reply, run.clock())
    heard = {"reply": str(reply), "lease_token": None, "lease_until": None}
    mine = Message.objects.filter(pk=message.pk, lease_token=message.lease_token)
    # One that was taken back while it was on the wire stays so, unless the server took it all the same.
    taken_back = {**outcome, **heard} if reply.accepted else heard
    if not (
        mine.filter(state=Message.State.QUEUED).update(**outcome, **heard)
        or mine.filter(state=Message.State.CANCELLED).update(**taken_back)
    ):
        run.done.fenced += 1
        return
    run.became[message.pk] = became = _name(reply, outcome)
    run.done.count(became)
    faultpoint("memo.recorded")


def _name(reply: Reply, outcome: Mapping[str, Any]) -> Outcome:
    if reply.accepted:
        return "accepted"
    return "failed" if "state" in outcome else "deferred"


def _outcome(message: Message, reply: Reply, at: datetime) -> dict[str, Any]:
    if reply.accepted:
        return {"state": Message.State.ACCEPTED, "accepted_at": at, "next_attempt_at": None}
    if reply.final or message.attempts >= GIVE_UP_AFTER:
        return {"state": Message.State.FAILED, "next_attempt_at": None}
    return {"next_attempt_at": at + wait_after(message.attempts, message.pk)}


def wait_after(attempts: int, message: int) -> timedelta:
    """Doubling from a minute to four hours; up to a quarter more, so that they do not all come back as one."""
    wait = min(_FIRST_WAIT * (1 << min(attempts - 1, 20)), _LONGEST_WAIT)
    spread = (message * 2654435761 % 1024) / 4096
    return wait + wait * spread


def _give_back(messages: Sequence[Message], run: _Run) -> None:
    """One by one: a statement over many rows could meet one that takes back, each waiting for the other."""
    for message in messages:
        mine = Message.objects.filter(pk=message.pk, lease_token=run.token)
        run.done.given_back += mine.update(lease_token=None, lease_until=None)
