"""Delivering the outbox: claim, speak to the mail server outside any transaction, record under the lease.

A crash between the server's acceptance and our record sends a second copy with the same Message-ID; it never loses a
message, and never records an acceptance that did not happen.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now as RealNow

from notifications.models import Message
from notifications.relay import Relay, Reply

_BATCH = 50  # what one sender may hold under a lease
_LEASE = timedelta(seconds=30)  # renewed while the sender lives: a dead one's messages are free soon
_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=4)
GIVE_UP_AFTER = 20  # attempts: about two days of waiting
log = structlog.get_logger(__name__)

# Due by the clock that the caller gave; leased by the real one, which no test clock moves. Attempts are counted before
# the attempt, so that a message that kills its sender is still counted.
_CLAIM = """
WITH due AS (
    SELECT id FROM notifications_message
     WHERE state = 'queued' AND next_attempt_at <= %(now)s AND (lease_until IS NULL OR lease_until < clock_timestamp())
     ORDER BY next_attempt_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE notifications_message AS message
   SET lease_token = %(token)s, lease_until = clock_timestamp() + %(lease)s, attempts = attempts + 1
  FROM due WHERE message.id = due.id RETURNING message.id
"""


@dataclass(slots=True)
class Delivered:
    """What a run did; `fenced` were recorded by somebody else after our lease had run out."""

    accepted: int = 0
    deferred: int = 0
    failed: int = 0
    fenced: int = 0
    given_back: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def deliver(*, clock: Callable[[], datetime], time_box: float | None = None) -> Delivered:
    """Deliver until nothing is due, the relay is out of reach, or `time_box` seconds have passed."""
    done = Delivered()
    ends = None if time_box is None else time.monotonic() + time_box
    token = uuid.uuid4()
    with Relay(settings.EMAIL_URL) as relay, kept(token):
        while claimed := _claim(clock(), token):
            if not _deliver(claimed, relay, clock, done) or (ends is not None and time.monotonic() > ends):
                break
    return done


@contextmanager
def kept(token: uuid.UUID) -> Iterator[None]:
    """Renew our leases from a thread while we wait for a mail server, which may take its time over the final dot."""
    through = threading.Event()

    def renew() -> None:
        while not through.wait(_LEASE.total_seconds() / 3):
            try:
                Message.objects.filter(lease_token=token).update(lease_until=RealNow() + _LEASE)
            except DatabaseError:
                log.warning("lease.not_renewed", exc_info=True)
        connection.close()  # this thread's own

    renewing = threading.Thread(target=renew, daemon=True)
    renewing.start()
    try:
        yield
    finally:
        through.set()
        renewing.join()


def _claim(now: datetime, token: uuid.UUID) -> list[Message]:
    with transaction.atomic(), connection.cursor() as cursor:
        claim: dict[str, Any] = {"now": now, "limit": _BATCH, "token": token, "lease": _LEASE}
        cursor.execute(_CLAIM, claim)
        ids = [row[0] for row in cursor.fetchall()]
    return list(Message.objects.filter(pk__in=ids, lease_token=token).order_by("pk"))


def _deliver(claimed: list[Message], relay: Relay, clock: Callable[[], datetime], done: Delivered) -> bool:
    """False once the relay cannot be reached at all: the rest of the batch is given back untouched."""
    for index, message in enumerate(claimed):
        reply = _offer(relay, message)
        _record(message, reply, clock(), done)
        if reply.code is None and not relay.is_reachable():
            _give_back(claimed[index + 1 :], done)
            return False
    return True


def _offer(relay: Relay, message: Message) -> Reply:
    """A message that cannot even be composed must not keep the others waiting."""
    try:
        return relay.offer(message, settings.MEMO_FROM)
    except Exception as error:
        log.exception("message.poison", message=message.pk)
        return Reply(None, f"not sent: {type(error).__name__}")


def _record(message: Message, reply: Reply, at: datetime, done: Delivered) -> None:
    """Guarded by the lease: a sender that comes back after it ran out changes nothing."""
    fields: dict[str, Any]
    if reply.accepted:
        fields = {"state": Message.State.ACCEPTED, "accepted_at": at, "next_attempt_at": None}
    elif reply.final or message.attempts >= GIVE_UP_AFTER:
        fields = {"state": Message.State.FAILED, "next_attempt_at": None}
    else:
        fields = {"next_attempt_at": at + wait_after(message.attempts, message.pk)}
    words = f"{reply.code} {reply.text}" if reply.code else reply.text
    mine = Message.objects.filter(pk=message.pk, lease_token=message.lease_token, state=Message.State.QUEUED)
    if not mine.update(**fields, reply=words, lease_token=None, lease_until=None):
        done.fenced += 1
    elif reply.accepted:
        done.accepted += 1
    elif "state" in fields:
        done.failed += 1
    else:
        done.deferred += 1


def wait_after(attempts: int, message: int) -> timedelta:
    """Doubling from a minute to four hours; up to a quarter more, so that they do not all come back as one."""
    wait = min(_FIRST_WAIT * (1 << min(attempts - 1, 20)), _LONGEST_WAIT)
    spread = (message * 2654435761 % 1024) / 4096
    return wait + wait * spread


def _give_back(messages: list[Message], done: Delivered) -> None:
    for message in messages:
        mine = Message.objects.filter(pk=message.pk, lease_token=message.lease_token)
        done.given_back += mine.update(lease_token=None, lease_until=None, attempts=message.attempts - 1)
