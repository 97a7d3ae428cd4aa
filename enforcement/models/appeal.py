"""The account's answer to a decision."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from enforcement.models.case import Case
from enforcement.models.decision import Decision
from enforcement.models.guards import DECIDED_BY_ANOTHER
from guards import KEPT, ColumnsKept, closed_when


class Appeal(models.Model):
    """Contests one decision. The first per decision stops the clock until somebody else has decided it."""

    class Status(models.TextChoices):
        OPEN = "open"
        UPHELD = "upheld", "upheld: the decision stands"
        OVERTURNED = "overturned"

    case = models.ForeignKey(Case, models.PROTECT, related_name="appeals")
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="appeals")
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    statement = models.TextField()
    suspensive = models.BooleanField()
    filed_at = models.DateTimeField()
    decide_by = models.DateTimeField(null=True, blank=True, help_text="Later than this, what was decided is narrowed.")
    escalated_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.TextField(blank=True, default="", help_text="What the account is told.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["decision"], condition=Q(status="open"), name="appeal_one_open_per_decision"
            ),
            models.UniqueConstraint(
                fields=["decision"], condition=Q(suspensive=True), name="appeal_one_suspensive_per_decision"
            ),
            models.CheckConstraint(
                name="appeal_decided_with_person_and_reason",
                condition=Q(status="open", decided_at__isnull=True, decided_by__isnull=True)
                | ~Q(status="open") & Q(decided_at__isnull=False, decided_by__isnull=False) & ~Q(reason=""),
            ),
        ]
        # Reader: what waits for an answer, in the console.
        indexes = [
            models.Index(fields=["id"], condition=Q(status="open"), name="appeal_open"),
            # Reader: the sweep, which escalates what nobody has decided in time.
            models.Index(
                fields=["decide_by", "id"],
                condition=Q(status="open", escalated_at__isnull=True),
                name="appeal_to_decide",
            ),
        ]
        triggers = [
            *KEPT,
            DECIDED_BY_ANOTHER,
            closed_when("OLD.status <> 'open'", "a decided appeal never changes"),
            ColumnsKept(once=("decide_by", "escalated_at"), free=("status", "decided_at", "decided_by", "reason")),
        ]

    def __str__(self) -> str:
        return f"appeal of decision {self.decision_id} ({self.status})"
