"""What keeps the clock of a case from running, and what moves its deadline."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from enforcement.models.case import Case
from enforcement.models.guards import LATER_END, signed_by_different_people
from guards import KEPT, UNCHANGED, ColumnsKept, closed_when

# The end of a stop, and what was said of it.
_END = ("ended_at", "until", "end_proposed_by", "end_approved_by", "end_because")


class Stop(models.Model):
    """Something that keeps the clock of a case from running. Overlapping stops are one."""

    class Kind(models.TextChoices):
        APPEAL = "appeal"
        HOLD = "hold"
        APPROVAL = "approval"
        UNREACHABLE = "unreachable"
        EXEMPTION = "exemption"
        BRAKE = "brake"
        BOUNCE = "bounce"

    case = models.ForeignKey(Case, models.PROTECT, related_name="stops")
    kind = models.CharField(max_length=11, choices=Kind)
    reason = models.TextField(blank=True, default="")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True, help_text="When it ends by itself, if it does.")
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    # To shorten a stop brings the next step nearer, so that takes two people.
    end_proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    end_approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    end_because = models.TextField(blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "kind"], condition=Q(ended_at__isnull=True), name="stop_one_of_a_kind_at_a_time"
            ),
            models.CheckConstraint(
                name="stop_ends_after_it_starts",
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
            ),
            models.CheckConstraint(
                name="stop_shortened_by_two_people",
                condition=Q(end_approved_by__isnull=True)
                | Q(end_proposed_by__isnull=False) & ~Q(end_proposed_by=F("end_approved_by")) & ~Q(end_because=""),
            ),
        ]
        indexes = [
            # Reader: the sweep, which ends what has an end.
            models.Index(
                fields=["until"], condition=Q(ended_at__isnull=True, until__isnull=False), name="stop_with_an_end"
            ),
        ]
        triggers = [
            *KEPT,
            LATER_END,
            *signed_by_different_people("end_proposed_by_id", "end_approved_by_id"),
            closed_when("OLD.ended_at IS NOT NULL", "a stop that ended never changes"),
            ColumnsKept(free=_END),
        ]

    def __str__(self) -> str:
        return f"{self.kind} since {self.started_at:%Y-%m-%d %H:%M}"


class Extension(models.Model):
    """A deadline that a person moved, always to a later moment."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="extensions")
    case_version = models.PositiveIntegerField()
    old_due_at = models.DateTimeField()
    due_at = models.DateTimeField()
    reason = models.TextField()
    extended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    extended_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="extension_is_later", condition=Q(due_at__gt=F("old_due_at"))),
            models.CheckConstraint(name="extension_has_a_reason", condition=~Q(reason="")),
        ]
        triggers = [*KEPT, UNCHANGED]

    def __str__(self) -> str:
        return f"case {self.case_id} extended to {self.due_at:%Y-%m-%d %H:%M}"
