"""Beat's scheduler: a tick is not worth ringing twice, so none is queued behind others that nobody has answered."""

from typing import Any

from celery.beat import PersistentScheduler, ScheduleEntry

from accounts_enforcement.task_log import note_alive

MOST_WAITING = 10


class BoundedScheduler(PersistentScheduler):
    """Without it a day without a worker leaves a quarter of a million expired ticks for the next one to throw away.

    It leaves signs of life: its own, and that of Redis, which the web process cannot ask.
    """

    def tick(self, *args: Any, **more: Any) -> float:
        seconds: float = super().tick(*args, **more)
        note_alive(["beat"])
        return seconds

    def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **more: Any) -> Any:
        waiting = self._waiting(entry.options["queue"])
        note_alive(["redis"])
        if waiting >= MOST_WAITING:
            return None
        return super().apply_async(entry, producer=producer, advance=advance, **more)

    def _waiting(self, queue: str) -> int:
        return int(self.connection.default_channel.client.llen(queue))
