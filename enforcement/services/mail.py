"""One run of the post: words for memos that wait for them, then messages to the mail server."""

from collections.abc import Mapping
from typing import Any

from enforcement import metrics
from enforcement.models import Brake, MemoCopy
from enforcement.services import clock, memos, switches
from notifications import delivery


def deliver(*, time_box: float | None = None) -> dict[str, Any]:
    """Render what waits and deliver what is due; answers with counts. Nothing while the brake of mail is pulled."""
    if not _may_send():
        return {}
    rendered = memos.render(now=clock.now(), time_box=time_box)
    delivered = delivery.deliver(clock=clock.now, time_box=time_box, tell=_count, may_send=_may_send)
    return {"rendered": rendered.as_dict(), "delivered": delivered.as_dict()}


def _may_send() -> bool:
    return switches.pulled_at(Brake.What.MAIL) is None


def _count(became: Mapping[int, delivery.Outcome]) -> None:
    copies = MemoCopy.objects.filter(message__in=became).values_list("message_id", "memo__kind")
    for message, kind in copies if became else ():
        metrics.MEMOS.labels(kind, became[message]).inc()
