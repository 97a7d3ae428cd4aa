"""Putting messages into the outbox, and taking back what nobody was asked to carry yet."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings

from notifications.models import Message


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to one recipient, word for word."""

    recipient: str
    subject: str
    text: str
    html: str
    language: str


def enqueue(drafts: Sequence[Draft], *, now: datetime) -> list[Message]:
    """Queue drafts, in their order; all attempts to deliver one will carry the Message-ID that it gets here."""
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    return Message.objects.bulk_create(
        Message(
            recipient=draft.recipient,
            message_id=f"<{uuid.uuid4().hex}@{host}>",
            subject=draft.subject,
            text=draft.text,
            html=draft.html,
            language=draft.language,
            created_at=now,
            next_attempt_at=now,
        )
        for draft in drafts
    )


def cancel(message_ids: Collection[int]) -> None:
    """Take back messages that no mail server has accepted.

    One that is on the wire at this moment is not offered again; if the server takes it, its record will say so.
    """
    Message.objects.filter(pk__in=message_ids, state=Message.State.QUEUED).update(
        state=Message.State.CANCELLED, next_attempt_at=None
    )
