"""Each task under its id: logged as it ends, counted, and taken as a sign of life of its queue."""

import time
from collections.abc import Sequence
from typing import Any

import structlog
from celery import Task
from celery.signals import task_failure, task_postrun, task_prerun
from django.db import Error, close_old_connections

from enforcement import metrics
from enforcement.services import heartbeats

_SLOW = 1.0  # seconds after which a task is worth a line though it did nothing
_EVERY = 5.0  # seconds between two signs of life
_began: dict[str, float] = {}
_noted: dict[str, float] = {}
log = structlog.get_logger(__name__)


@task_prerun.connect
def begin(task_id: str, task: Task, **_: Any) -> None:
    structlog.contextvars.bind_contextvars(task=_short(task), task_id=task_id)
    _began[task_id] = time.perf_counter()


@task_failure.connect
def fail(exception: BaseException, **_: Any) -> None:
    log.error("task.failed", exc_info=exception)


@task_postrun.connect
def end(task_id: str, task: Task, retval: Any, state: str, **_: Any) -> None:
    seconds = time.perf_counter() - _began.pop(task_id, time.perf_counter())
    metrics.TASKS.labels(_short(task), "succeeded" if state == "SUCCESS" else "failed").inc()
    metrics.TASK_DURATION.labels(_short(task)).observe(seconds)
    did = retval if state == "SUCCESS" else None
    say = log.info if _is_worth_a_line(did) or seconds > _SLOW else log.debug
    say("task", duration=round(seconds, 4), did=did)
    note_alive([task.request.delivery_info["routing_key"]])
    structlog.contextvars.unbind_contextvars("task", "task_id")


def _is_worth_a_line(did: object) -> bool:
    """Three tasks a second find nothing to do."""
    return any(map(_is_worth_a_line, did.values())) if isinstance(did, dict) else bool(did)


def note_alive(names: Sequence[str]) -> None:
    """Leave a sign of life, now and then. Who cannot works on: it is the database that is away."""
    now = time.monotonic()
    due = [name for name in names if now - _noted.get(name, -_EVERY) >= _EVERY]
    if not due:
        return
    _noted.update(dict.fromkeys(due, now))
    try:
        heartbeats.note(due)
    except Error:
        log.warning("heartbeat.not_noted", exc_info=True)
        close_old_connections()  # beat has no requests and no tasks after which Django would drop a broken one


def _short(task: Task) -> str:
    return str(task.name).rpartition(".")[2]
