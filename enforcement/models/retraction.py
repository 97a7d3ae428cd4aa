"""Evidence that its detector took back."""

from django.db import models
from django.db.models import Q

from enforcement.models.access import Client
from guards import KEPT, UNCHANGED


class Retraction(models.Model):
    """One withdrawal of a set of evidence, with its reason. What was withdrawn stays visible as such."""

    detector = models.ForeignKey(Client, models.PROTECT, related_name="retractions")
    reason = models.TextField()
    retracted_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(name="retraction_has_a_reason", condition=~Q(reason=""))]
        triggers = [*KEPT, UNCHANGED]

    def __str__(self) -> str:
        return f"retraction by {self.detector_id} at {self.retracted_at:%Y-%m-%d %H:%M}"
