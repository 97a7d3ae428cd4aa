"""The outbox: messages that somebody decided to send, and how far each of them got."""

from django.db import models
from django.db.models import Q

from guards import KEPT, ColumnsKept


class Message(models.Model):
    """One message to one recipient. Its words never change, and all attempts carry the same Message-ID."""

    class State(models.TextChoices):
        QUEUED = "queued"  # also between attempts: `next_attempt_at` says when
        ACCEPTED = "accepted"
        FAILED = "failed"  # refused for good
        CANCELLED = "cancelled"  # taken back before a server accepted it

    recipient = models.EmailField(max_length=254)
    message_id = models.CharField(max_length=255, unique=True)
    subject = models.TextField()
    text = models.TextField()
    html = models.TextField()
    language = models.CharField(max_length=35)
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    created_at = models.DateTimeField()
    # Null while nothing is to be done about it.
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    # A lease says who may speak to the mail server; the token fences a sender that comes back after it ran out.
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    # Days later it may still come back: nobody has read it then.
    bounced_at = models.DateTimeField(null=True, blank=True)
    reply = models.TextField(blank=True, default="", help_text="The last words of the mail server.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="message_accepted_with_time",
                condition=Q(state="accepted", accepted_at__isnull=False)
                | ~Q(state="accepted") & Q(accepted_at__isnull=True),
            ),
            models.CheckConstraint(
                name="message_bounced_only_after_acceptance",
                condition=Q(bounced_at__isnull=True) | Q(accepted_at__isnull=False),
            ),
            models.CheckConstraint(
                name="message_queued_has_a_next_attempt",
                condition=Q(state="queued", next_attempt_at__isnull=False)
                | ~Q(state="queued") & Q(next_attempt_at__isnull=True),
            ),
        ]
        indexes = [
            # Reader: delivery.claim.
            models.Index(fields=["next_attempt_at", "id"], condition=Q(state="queued"), name="message_to_attempt"),
            # Reader: the list of messages by state. Nearly all are accepted, and the table is their list.
            models.Index(fields=["state", "id"], condition=~Q(state="accepted"), name="message_not_accepted"),
        ]
        # What was sent, to whom and when a server took it is proof: notices are counted from it.
        triggers = [
            *KEPT,
            ColumnsKept(
                once=("accepted_at", "bounced_at"),
                free=("state", "next_attempt_at", "attempts", "lease_token", "lease_until", "reply"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} ({self.state})"
