"""What a gateway enforces."""

from django.db import models
from django.db.models import Q

from enforcement.models.account import Account
from enforcement.models.case import Case
from enforcement.models.decision import Decision
from enforcement.models.guards import LIFTED, RESTRICTED
from enforcement.rules.transitions import Scope
from guards import KEPT, ColumnsKept


class Restriction(models.Model):
    """A refusal with a scope. Lifted, never deleted."""

    class Reason(models.TextChoices):
        TERRITORY = "unsupported_country_region_territory"
        CREDENTIAL = "credential_restricted"
        SUSPENDED = "account_suspended"
        BLOCKED = "account_blocked"

    account = models.ForeignKey(Account, models.PROTECT, related_name="restrictions")
    case = models.ForeignKey(Case, models.PROTECT, related_name="restrictions")
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="restrictions")
    scope = models.CharField(max_length=17, choices=[(each.value, each.value) for each in Scope])
    value = models.CharField(max_length=128, blank=True, default="", help_text="The key's hint, for scope credential.")
    reason_code = models.CharField(max_length=40, choices=Reason)
    since = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(Decision, models.PROTECT, null=True, blank=True, related_name="lifted")

    class Meta:
        constraints = [
            # Also the index of the gateway's question.
            models.UniqueConstraint(
                fields=["account", "scope", "value"],
                condition=Q(lifted_at__isnull=True),
                name="restriction_once_per_scope",
            ),
            models.CheckConstraint(
                name="restriction_lifted_by_a_decision",
                condition=Q(lifted_at__isnull=True, lifted_by__isnull=True)
                | Q(lifted_at__isnull=False, lifted_by__isnull=False),
            ),
            models.CheckConstraint(
                name="restriction_names_a_credential",
                condition=Q(scope="credential") & ~Q(value="") | ~Q(scope="credential") & Q(value=""),
            ),
        ]
        # Reader: what is in force, in the console.
        indexes = [models.Index(fields=["id"], condition=Q(lifted_at__isnull=True), name="restriction_in_force")]
        triggers = [*KEPT, RESTRICTED, LIFTED, ColumnsKept(once=("lifted_at", "lifted_by"))]

    def __str__(self) -> str:
        return f"{self.scope} of {self.account_id}"
