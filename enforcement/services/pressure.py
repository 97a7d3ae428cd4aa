"""What pauses the automation: more appeals than reviewers can answer, or too many that were right."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count, Q

from enforcement.models import Appeal, Brake, BrakePull
from enforcement.services.roles import DECIDING

_LOOKED_AT = timedelta(days=30)
_FEW = 20  # decided appeals of which no rate is taken


@dataclass(frozen=True, slots=True)
class Pressure:
    """Why the automation should rest."""

    cause: BrakePull.Cause
    reason: str


def standing() -> Pressure | None:
    """What stands now, and has to be worked off before a release."""
    most = settings.MAX_OPEN_APPEALS_PER_REVIEWER
    open_ones, reviewers = Appeal.objects.filter(status=Appeal.Status.OPEN).count(), max(1, _reviewers())
    if open_ones <= most * reviewers:
        return None
    reason = f"{open_ones} appeals are open for {reviewers} reviewers: more than {most} each."
    return Pressure(BrakePull.Cause.APPEALS, reason)


def found(*, now: datetime) -> Pressure | None:
    """The same, and the rate of overturned decisions: of it only what was decided since two people last released."""
    return standing() or _overturned(now)


def _reviewers() -> int:
    staff = User.objects.filter(is_active=True, is_staff=True, groups__name__in=DECIDING)
    return staff.distinct().count()


def _overturned(now: datetime) -> Pressure | None:
    last = BrakePull.objects.filter(what=Brake.What.ENFORCEMENT, released_at__isnull=False).order_by("-released_at")
    released_at = last.values_list("released_at", flat=True).first()
    since = max(now - _LOOKED_AT, released_at or now - _LOOKED_AT)
    counts = Appeal.objects.filter(decided_at__gt=since).aggregate(
        decided=Count("pk"), overturned=Count("pk", filter=Q(status=Appeal.Status.OVERTURNED))
    )
    decided, overturned = counts["decided"], counts["overturned"]
    if decided < _FEW or overturned <= settings.MAX_OVERTURN_RATE * decided:
        return None
    reason = f"{overturned} of {decided} appeals were overturned: more than {settings.MAX_OVERTURN_RATE:.0%}."
    return Pressure(BrakePull.Cause.OVERTURNS, reason)
