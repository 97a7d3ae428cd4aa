"""The brake: two switches, the record of who pulled and released them, and the budget of the automation."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from enforcement.models.guards import BRAKE_RELEASED, signed_by_different_people
from guards import KEPT, ColumnsKept, closed_when


class Brake(models.Model):
    """A switch. Deciders share an advisory lock on it (`services.switches`), so that nobody pulls it between their look
    and their commit.
    """

    class What(models.TextChoices):
        ENFORCEMENT = "enforcement"
        MAIL = "mail"

    what = models.CharField(max_length=11, choices=What, primary_key=True)
    pulled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers = [*KEPT, BRAKE_RELEASED]

    def __str__(self) -> str:
        return f"{self.what}: {'pulled' if self.pulled_at else 'released'}"


class BrakePull(models.Model):
    """One pull and, once two people agreed, its release."""

    class Cause(models.TextChoices):
        MANUAL = "manual"
        BUDGET = "budget", "the budget of an hour or a day is spent"
        INVARIANT = "invariant", "an invariant does not hold"
        CLOCK = "clock", "the real clock jumped"
        APPEALS = "appeals", "more open appeals than reviewers can answer"
        OVERTURNS = "overturns", "too many decisions are overturned"

    what = models.CharField(max_length=11, choices=Brake.What)
    cause = models.CharField(max_length=9, choices=Cause)
    reason = models.TextField()
    pulled_at = models.DateTimeField()
    pulled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    released_at = models.DateTimeField(null=True, blank=True)
    release_proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    release_approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    release_because = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["what"], condition=Q(released_at__isnull=True), name="brake_pulled_once"),
            models.CheckConstraint(
                name="brake_released_by_two_people",
                condition=Q(released_at__isnull=True, release_approved_by__isnull=True)
                | Q(
                    released_at__gte=F("pulled_at"),
                    release_proposed_by__isnull=False,
                    release_approved_by__isnull=False,
                )
                & ~Q(release_proposed_by=F("release_approved_by"))
                & ~Q(release_because=""),
            ),
            models.CheckConstraint(name="brake_pulled_for_a_reason", condition=~Q(reason="")),
        ]
        triggers = [
            *KEPT,
            *signed_by_different_people("release_proposed_by_id", "release_approved_by_id"),
            closed_when("OLD.released_at IS NOT NULL", "a pull that was released never changes"),
            ColumnsKept(free=("released_at", "release_proposed_by", "release_approved_by", "release_because")),
        ]

    def __str__(self) -> str:
        return f"{self.what} pulled at {self.pulled_at:%Y-%m-%d %H:%M}: {self.reason}"


class Budget(models.Model):
    """One row. Raising `steps` takes its lock until commit: the queue in which deciders reserve automatic steps."""

    steps = models.PositiveBigIntegerField(default=0, help_text="Automatic steps that were ever reserved and kept.")

    class Meta:
        constraints = [models.CheckConstraint(name="budget_is_one_row", condition=Q(pk=1))]

    def __str__(self) -> str:
        return f"{self.steps} steps"
