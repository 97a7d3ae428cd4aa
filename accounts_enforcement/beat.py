"""Beat's scheduler: a tick is not worth ringing twice, so none is queued behind others that nobody has answered."""

from typing import Any

from celery.beat import PersistentScheduler, ScheduleEntry

MOST_WAITING = 10


class BoundedScheduler(PersistentScheduler):
    """Without it a day without a worker leaves a quarter of a million expired ticks for the next one to throw away."""

    def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **more: Any) -> Any:
        if self._waiting(entry.options["queue"]) >= MOST_WAITING:
            return None
        return super().apply_async(entry, producer=producer, advance=advance, **more)

    def _waiting(self, queue: str) -> int:
        return int(self.connection.default_channel.client.llen(queue))
