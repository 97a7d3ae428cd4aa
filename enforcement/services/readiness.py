"""Is the work done in time: ages of due work and of signs of life beside what is thought late."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from enforcement.models import Brake
from enforcement.services import backlog, heartbeats

Ages = Mapping[str, timedelta | None]


@dataclass(frozen=True, slots=True)
class Readiness:
    """`oldest_due` has None where nothing is due, `heartbeats` where nothing was ever heard."""

    oldest_due: Ages
    heartbeats: Ages
    late: list[str]  # names of both that are above their limit, or were never heard of
    pulled: Mapping[str, bool]  # by switch of the brake


def look(*, now: datetime, limits: Mapping[str, timedelta]) -> Readiness:
    """`limits`: by kind of work, and one called "heartbeat". Three statements, each a lookup in an index or two."""
    due, heard = backlog.oldest_due(now=now), heartbeats.ages()
    late = [work for work, age in due.items() if age is not None and age > limits[work]]
    late += [name for name, age in heard.items() if age is None or age > limits["heartbeat"]]
    pulled = {what: since is not None for what, since in Brake.objects.values_list("what", "pulled_at")}
    return Readiness(due, heard, late, pulled)
