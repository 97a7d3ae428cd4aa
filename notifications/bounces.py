"""Mail that came back: a server took it, and says later that nobody will read it."""

from collections.abc import Collection
from datetime import datetime

from notifications.models import Message


def record(message_ids: Collection[int], *, words: str, now: datetime) -> list[int]:
    """Mark these messages as returned, and answer with those that were not known as such before.

    `words` are the returning server's. One that came back before we had written down its acceptance was accepted, since
    nothing else comes back: it has failed for good, and is not offered again. What was never offered stays as it is.
    """
    known = Message.objects.filter(pk__in=message_ids).order_by("pk").select_for_update(no_key=True)
    back = [message for message in known if _may_come_back(message)]
    for message in back:
        message.reply = "\n".join(filter(None, (message.reply, words)))
        message.lease_token = message.lease_until = None
        if message.state == Message.State.ACCEPTED:
            message.bounced_at = now
        else:
            message.state, message.next_attempt_at = Message.State.FAILED, None
    Message.objects.bulk_update(back, ["state", "bounced_at", "next_attempt_at", "lease_token", "lease_until", "reply"])
    return [message.pk for message in back]


def _may_come_back(message: Message) -> bool:
    if message.state == Message.State.QUEUED:
        return message.attempts > 0
    return message.state == Message.State.ACCEPTED and message.bounced_at is None
