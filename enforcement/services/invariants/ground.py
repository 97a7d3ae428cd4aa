"""What was decided on evidence still has its ground, or has gone with it."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from django.db.models import Exists, F, OuterRef

from enforcement.models import Case, Decision, Evidence, Retraction
from enforcement.rules.transitions import NEEDS_NOTICE, State
from enforcement.services import hindsight
from enforcement.services.invariants.query import Invariant, Rows

_BATCH = 250


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


def _in_batches(cases: Iterator[Case]) -> Iterator[list[Case]]:
    while batch := list(islice(cases, _BATCH)):
        yield batch


def _unfounded(_: datetime, since: datetime, most: int) -> Rows:
    """Of the automation's own steps; what was withdrawn after one of them is for the next invariant to ask."""
    taken = Decision.objects.filter(
        case=OuterRef("pk"), status=Decision.Status.APPLIED, people=0, from_state=State.WARNED, step__in=NEEDS_NOTICE
    )
    withdrawn = Evidence.objects.filter(account=OuterRef("account"), retracted_at__gte=F("received_at"))
    standing = Case.objects.filter(Exists(taken.filter(settled_at__gte=since)), ~Exists(withdrawn))
    standing = standing.exclude(state=State.CLOSED).prefetch_related("policy").order_by("pk")
    rows: Rows = []
    for batch in _in_batches(standing.iterator(chunk_size=_BATCH)):
        rows += [{"case_id": case} for case in sorted(hindsight.unfounded(batch))]
        if len(rows) >= most:
            break
    return rows[:most]


_GROUND = "At its deadline a rule held, on traffic that went on after the memo and did not stop for a cure."

INVARIANTS = (
    Invariant("I5", _GROUND, _unfounded),
    Invariant("I6", "Nothing stands on evidence that was withdrawn.", _groundless),
)
