"""One run of the post: words for memos that wait for them, then messages to the mail server."""

from typing import Any

from enforcement.services import clock, memos
from notifications import delivery


def deliver(*, time_box: float | None = None) -> dict[str, Any]:
    """Render what waits and deliver what is due; answers with counts."""
    rendered = memos.render(now=clock.now(), time_box=time_box)
    delivered = delivery.deliver(clock=clock.now, time_box=time_box)
    return {"rendered": rendered.as_dict(), "delivered": delivered.as_dict()}
