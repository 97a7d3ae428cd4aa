"""What detectors saw: the rows themselves, their day tallies, and who is to be assessed because of them."""

from django.db import models
from django.db.models import Q

from enforcement.models.access import Client
from enforcement.models.account import Account
from enforcement.models.clock import Now
from guards import KEPT, ColumnsKept


class SightingFields(models.Model):
    """What a sighting is about; a day tally is keyed by all of it."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_index=False)
    detector = models.ForeignKey(Client, models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=40)
    network_class = models.CharField(max_length=12, blank=True, default="")
    # As received: "" when absent, and a well-formed code that nobody assigned stays what it was.
    country = models.CharField(max_length=2, blank=True, default="")
    subdivision = models.CharField(max_length=16, blank=True, default="")
    credential = models.CharField(max_length=128, blank=True, default="")
    source = models.CharField(max_length=128, blank=True, default="")
    refused = models.BooleanField(default=False)

    class Meta:
        abstract = True


class Evidence(SightingFields):
    """One stored fact from a detector. Append-only; its id is the detector's own, for ever."""

    external_id = models.CharField(max_length=128, db_collation="C")
    observed_at = models.DateTimeField()
    observed_until = models.DateTimeField(null=True, blank=True)
    requests = models.PositiveBigIntegerField(default=1)
    # Eighteen places hold every number that a detector writes with a double; more are refused, none is rounded.
    confidence = models.DecimalField(max_digits=19, decimal_places=18, default=1)
    ip = models.GenericIPAddressField(null=True, blank=True)
    asn = models.PositiveBigIntegerField(null=True, blank=True)
    end_user = models.CharField(max_length=128, blank=True, default="")
    details = models.JSONField(null=True, blank=True)
    # SHA-256 of the item after parsing and defaults: the same id with another body is a conflict.
    body_digest = models.BinaryField(max_length=32)
    received_at = models.DateTimeField(db_default=Now())
    # Withdrawn by its detector: it counts nowhere any more, and its id stays taken.
    retracted_at = models.DateTimeField(null=True, blank=True)
    retraction = models.ForeignKey(
        "Retraction", models.PROTECT, null=True, blank=True, related_name="evidence", db_index=False
    )

    class Meta:
        verbose_name_plural = "evidence"
        constraints = [
            models.UniqueConstraint(fields=["detector", "external_id"], name="evidence_once_per_detector"),
            models.CheckConstraint(condition=Q(confidence__gt=0, confidence__lte=1), name="evidence_confidence_in_0_1"),
            models.CheckConstraint(
                condition=Q(observed_until__isnull=True) | Q(observed_until__gte=models.F("observed_at")),
                name="evidence_until_not_before",
            ),
        ]
        indexes = [
            # Readers: the rows of one day when a boundary falls inside it, the case sheet, the memo's samples.
            models.Index(fields=["account", "observed_at"], name="evidence_of_account"),
            # Reader: what a retraction withdrew. Partial, so that nothing is paid for all that stands.
            models.Index(fields=["retraction"], condition=Q(retraction__isnull=False), name="evidence_retracted"),
        ]
        triggers = [*KEPT, ColumnsKept(once=("retracted_at", "retraction"))]

    def __str__(self) -> str:
        return f"{self.kind} {self.subdivision or self.country or '?'} {self.observed_at:%Y-%m-%d %H:%M}"


class DayTally(SightingFields):
    """The sum of an account's evidence of one UTC day and one key: derived, rebuildable, what all scoring reads."""

    day = models.DateField()
    items = models.PositiveBigIntegerField()
    requests = models.PositiveBigIntegerField()
    # Sums of exact decimals: floats would make a score depend on the order of arrival.
    weighted_items = models.DecimalField(max_digits=48, decimal_places=18)
    weighted_requests = models.DecimalField(max_digits=48, decimal_places=18)
    confidence = models.DecimalField(max_digits=19, decimal_places=18, help_text="The highest.")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "day tallies"
        constraints = [
            # Also the index that scoring reads an account's window by.
            models.UniqueConstraint(
                fields=[
                    "account", "day", "detector", "kind", "network_class", "country",
                    "subdivision", "credential", "source", "refused",
                ],
                name="tally_key",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.day} {self.kind} {self.subdivision or self.country or '?'}: {self.requests}"


class AssessmentMark(models.Model):
    """An account whose score is to be looked at again.

    A table of its own, since a column on the account would be hot; `count` rises with every mark, and the assessment
    deletes the row only if it is unchanged, so that a mark that arrives meanwhile is not lost.
    """

    account = models.OneToOneField(Account, models.CASCADE, primary_key=True, related_name="+")
    count = models.PositiveBigIntegerField(default=1)
    attempts = models.PositiveIntegerField(default=0)
    # Pushed into the future when an account could not be assessed, so that it steps aside.
    look_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["look_at", "account"], name="mark_to_assess")]  # reader: assessment.claim

    def __str__(self) -> str:
        return f"mark of account {self.account_id}"


class Score(models.Model):
    """What the active policy said of an account when it was last assessed."""

    account = models.OneToOneField(Account, models.CASCADE, primary_key=True, related_name="score")
    policy = models.ForeignKey("enforcement.PolicyVersion", models.PROTECT, related_name="+")
    points = models.DecimalField(max_digits=14, decimal_places=2)
    outcome = models.CharField(max_length=6, blank=True, default="")
    rule = models.CharField(max_length=64, blank=True, default="")
    facts = models.JSONField(default=dict)
    assessed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.points} points of account {self.account_id}"
