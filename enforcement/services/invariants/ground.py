"""What was decided on evidence still has its ground, or has gone with it."""

from datetime import datetime

from enforcement.models import Case, Retraction
from enforcement.rules.transitions import State
from enforcement.services import hindsight
from enforcement.services.invariants.query import Invariant, Rows


def _groundless(_: datetime, since: datetime, most: int) -> Rows:
    """Asked of the rules, which no statement knows."""
    rows: Rows = []
    for retraction in Retraction.objects.filter(retracted_at__gte=since).order_by("pk").iterator():
        touched = Case.objects.filter(account__in=retraction.evidence.values("account"))
        standing = touched.exclude(state__in=(State.OPEN, State.CLOSED)).prefetch_related("policy")
        fallen = hindsight.groundless(list(standing), retraction)
        rows += [{"case_id": case, "retraction_id": retraction.pk} for case in sorted(fallen)]
        if len(rows) >= most:
            break
    return rows[:most]


INVARIANTS = (Invariant("I6", "Nothing stands on evidence that was withdrawn.", _groundless),)
