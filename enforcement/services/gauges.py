"""Figures of the present moment for whoever watches: a few lookups in indexes, however much is stored."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import connection, transaction

from enforcement import metrics
from enforcement.metrics import Reading
from enforcement.models import Brake, PolicyVersion
from enforcement.services import backlog, budget, clock, heartbeats, keys, waiting

Values = Mapping[str, float]  # by label; a single value stands under ""

# Watching must not add to a database's trouble.
_BE_BRIEF = "SET LOCAL statement_timeout = '2s'"


def read() -> dict[Reading, Values]:
    """All that is read at a scrape, in one short transaction; raises what the database raises."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_BE_BRIEF)
        one = {metrics.ACTIVE_POLICY: {"": _active_policy()}, metrics.DATABASE_UP: {"": 1}}
        now = clock.now()
        return {**_work(now), **_people(), **_access(), **_automation(now), **one}


def _work(now: datetime) -> dict[Reading, Values]:
    here = time.time()
    heard = {name: age for name, age in heartbeats.ages().items() if age is not None}
    return {
        metrics.CLOCK_OFFSET: {"": now.timestamp() - here},
        metrics.DUE_WORK_AGE: {work: _seconds(age) for work, age in backlog.oldest_due(now=now).items()},
        metrics.DUE_WORK: backlog.sizes(now=now),
        metrics.OLDEST_MESSAGE_AGE: {"": _seconds(backlog.oldest_message(now=now))},
        metrics.HEARTBEAT_AGE: {name: _seconds(age) for name, age in heard.items()},
    }


def _people() -> dict[Reading, Values]:
    found = waiting.waiting()
    counts = {"held": found.held, "appeals": found.appeals, "reviews": found.reviews}
    return {metrics.WAITING_FOR_PEOPLE: {**counts, "unreachable": found.unreachable}}


def _automation(now: datetime) -> dict[Reading, Values]:
    done = budget.spent(now=now)
    pulled = {what: float(since is not None) for what, since in Brake.objects.values_list("what", "pulled_at")}
    return {metrics.BRAKE_PULLED: pulled, metrics.AUTOMATIC_STEPS: {"hour": done.hour, "day": done.day}}


def _access() -> dict[Reading, Values]:
    return {metrics.KEY_EXPIRY: {kind: left.total_seconds() for kind, left in keys.running_out().items()}}


def _active_policy() -> int:
    active = PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).values_list("pk", flat=True)
    return active.first() or 0


def _seconds(age: timedelta | None) -> float:
    return age.total_seconds() if age is not None else 0.0
