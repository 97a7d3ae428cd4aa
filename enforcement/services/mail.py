"""One run of the post: words for memos that wait for them, then messages to the mail server."""

from typing import Any

from enforcement.models import Case, Stop
from enforcement.services import clock, memos, stops
from notifications import delivery


def deliver(*, time_box: float | None = None) -> dict[str, Any]:
    """Render what waits, hold cases that nobody can be written to, and deliver; answers with counts."""
    rendered = memos.render(now=clock.now(), time_box=time_box)
    delivered = delivery.deliver(clock=clock.now, time_box=time_box)
    return {"rendered": rendered.as_dict(), "delivered": delivered.as_dict()}
