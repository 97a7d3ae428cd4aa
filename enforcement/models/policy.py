"""Versions of the rules. A version never changes; what changes is which one is active."""

from functools import lru_cache

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from enforcement.models.clock import Now
from enforcement.models.guards import signed_by_different_people
from enforcement.rules.policy import Policy, parse_policy
from guards import KEPT, ColumnsKept


class PolicyVersion(models.Model):
    """A policy document as it was handed in, word for word."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        ACTIVE = "active"
        RETIRED = "retired"

    name = models.CharField(max_length=128)
    document = models.TextField()
    digest = models.BinaryField(max_length=32, unique=True)
    # Copied out of the document, so that the database can hold a step against the notice that was due.
    notice = models.DurationField(null=True)
    restriction_after = models.DurationField(null=True, blank=True)
    suspension_after = models.DurationField(null=True, blank=True)
    status = models.CharField(max_length=7, choices=Status, default=Status.DRAFT)
    created_at = models.DateTimeField(db_default=Now())
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    activated_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["status"], condition=Q(status="active"), name="policy_one_active"),
            models.CheckConstraint(
                name="policy_activated_by_two_people",
                condition=Q(status="draft")
                | Q(proposed_by__isnull=False, approved_by__isnull=False, activated_at__isnull=False)
                & ~Q(proposed_by=F("approved_by")),
            ),
            models.CheckConstraint(
                name="policy_retired_at_when_retired", condition=Q(status="retired") ^ Q(retired_at__isnull=True)
            ),
        ]
        triggers = [
            *KEPT,
            *signed_by_different_people("proposed_by_id", "approved_by_id"),
            ColumnsKept(
                once=("notice", "restriction_after", "suspension_after"),
                free=("status", "proposed_by", "approved_by", "activated_at", "retired_at"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (version {self.pk})"

    @property
    def rules(self) -> Policy:
        """The parsed document. Versions are immutable, so a parsed one may be kept."""
        return _parsed(self.document)


@lru_cache(maxsize=64)
def _parsed(document: str) -> Policy:
    return parse_policy(document)
