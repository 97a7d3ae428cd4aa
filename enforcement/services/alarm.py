"""Pulling the brake by itself when something does not hold that must."""

from datetime import datetime

import structlog

from enforcement import metrics
from enforcement.models import Brake, BrakePull
from enforcement.services import brake, invariants

log = structlog.get_logger(__name__)


def sound(*, now: datetime) -> list[str]:
    """Ask the invariants of what was written lately; what is broken is counted, logged, and pulls the brake."""
    violations = invariants.check(now=now, since=now - invariants.LATELY)
    for each in violations:
        metrics.INVARIANT_VIOLATIONS.labels(each.invariant.name).inc()
        log.error("invariant.broken", invariant=each.invariant.name, rows=len(each.rows), late=each.invariant.is_late)
    harmful = [each for each in violations if not each.invariant.is_late]
    if harmful:
        brake.pull(Brake.What.ENFORCEMENT, BrakePull.Cause.INVARIANT, invariants.named(harmful), now=now)
    return [each.invariant.name for each in violations]
