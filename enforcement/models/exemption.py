"""What is not enforced for an account, for a time."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from enforcement.models.account import Account
from enforcement.models.guards import signed_by_different_people
from guards import KEPT, ColumnsKept, closed_when


class Exemption(models.Model):
    """In force from `starts_at` until `ended_at`, or else `ends_at`; the end belongs to neither."""

    class Scope(models.TextChoices):
        ACCOUNT = "account"
        TERRITORY = "territory"
        CREDENTIAL = "credential"

    account = models.ForeignKey(Account, models.PROTECT, related_name="exemptions")
    scope = models.CharField(max_length=10, choices=Scope)
    value = models.CharField(max_length=128, blank=True, default="", help_text="A territory, or the hint of a key.")
    reason = models.TextField()
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    approved_as = models.CharField(max_length=8)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Set where it ended early.")
    # To shorten it brings the next step nearer, so that takes two people.
    end_proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    end_approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    end_because = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(name="exemption_ends_after_it_starts", condition=Q(ends_at__gt=F("starts_at"))),
            models.CheckConstraint(name="exemption_has_a_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="exemption_names_what_it_is_for",
                condition=Q(scope="account", value="") | ~Q(scope="account") & ~Q(value=""),
            ),
            models.CheckConstraint(
                name="exemption_shortened_by_two_people",
                condition=Q(ended_at__isnull=True, end_approved_by__isnull=True)
                | Q(
                    ended_at__gte=F("starts_at"),
                    ended_at__lte=F("ends_at"),
                    end_proposed_by__isnull=False,
                    end_approved_by__isnull=False,
                )
                & ~Q(end_proposed_by=F("end_approved_by"))
                & ~Q(end_because=""),
            ),
        ]
        # Readers: assessment, the sweep and the gateway, which ask what an account is exempt from now.
        indexes = [
            models.Index(fields=["account", "ends_at"], condition=Q(ended_at__isnull=True), name="exemption_in_force")
        ]
        triggers = [
            *KEPT,
            *signed_by_different_people("end_proposed_by_id", "end_approved_by_id"),
            closed_when("OLD.ended_at IS NOT NULL", "an exemption that ended never changes"),
            ColumnsKept(free=("ended_at", "end_proposed_by", "end_approved_by", "end_because")),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.value} of account {self.account_id} until {self.ends_at:%Y-%m-%d}"
