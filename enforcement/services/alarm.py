"""Pulling the brake by itself when something does not hold that must."""

from datetime import datetime, timedelta

import structlog

from enforcement import metrics
from enforcement.models import Brake, BrakePull
from enforcement.services import brake, invariants

_LOOKED_AT = timedelta(hours=1)  # each minute; what is older was looked at before
log = structlog.get_logger(__name__)


def sound(*, now: datetime) -> list[str]:
    """Ask the invariants of what was written lately; what is broken is counted, logged, and pulls the brake."""
    violations = invariants.check(now=now, since=now - _LOOKED_AT)
    for each in violations:
        metrics.INVARIANT_VIOLATIONS.labels(each.invariant.name).inc()
        log.error("invariant.broken", invariant=each.invariant.name, rows=len(each.rows), late=each.invariant.is_late)
    harmful = [each for each in violations if not each.invariant.is_late]
    if harmful:
        reason = " ".join(f"{each.invariant.name}: {each.invariant.sentence}" for each in harmful)
        brake.pull(Brake.What.ENFORCEMENT, BrakePull.Cause.INVARIANT, reason, now=now)
    return [each.invariant.name for each in violations]
