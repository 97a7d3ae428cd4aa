"""What was said to an account, word for word, and to whom."""

from django.db import models
from django.db.models import Q

from enforcement.models.account import Contact
from enforcement.models.case import Case
from enforcement.models.clock import Now
from enforcement.models.decision import Decision
from enforcement.models.guards import WORDS_KEPT
from guards import KEPT, UNCHANGED, ColumnsKept
from notifications.models import Message

# Empty until the memo is rendered, and written anew where nobody has it.
_WORDS = ("language", "subject", "text", "html", "rendered_at", "told_due_at")


class Memo(models.Model):
    """One memo of a case. Its words are rendered once, stored before any mail server is asked, and sent unchanged."""

    class Kind(models.TextChoices):
        WARNING = "warning"
        REMINDER = "reminder"
        RESTRICTION = "restriction"
        SUSPENSION = "suspension"
        BLOCK = "block"
        CURE = "cure"
        REINSTATEMENT = "reinstatement"

    case = models.ForeignKey(Case, models.PROTECT, related_name="memos")
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="memos")
    kind = models.CharField(max_length=13, choices=Kind)
    # Which reminder it is, counted back from the deadline; null for all others.
    before_due = models.DurationField(null=True, blank=True)
    created_at = models.DateTimeField()
    # When its words may be made: at once, or later where that failed or nobody could be written to.
    render_at = models.DateTimeField(db_default=Now())
    # All empty until the first claim renders it.
    language = models.CharField(max_length=35, blank=True, default="")
    subject = models.TextField(blank=True, default="")
    text = models.TextField(blank=True, default="")
    html = models.TextField(blank=True, default="")
    rendered_at = models.DateTimeField(null=True, blank=True)
    # The deadline that the words name; the clock never ends before it.
    told_due_at = models.DateTimeField(null=True, blank=True)
    # Set when the case moved on before anybody was written to.
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["decision", "kind", "before_due"], nulls_distinct=False, name="memo_once_per_decision"
            ),
            models.CheckConstraint(
                name="memo_rendered_whole",
                condition=Q(rendered_at__isnull=True, subject="", text="", html="")
                | Q(rendered_at__isnull=False) & ~Q(subject="") & ~Q(text="") & ~Q(html="") & ~Q(language=""),
            ),
        ]
        indexes = [
            # Reader: memos.render.
            models.Index(
                fields=["render_at", "id"],
                condition=Q(rendered_at__isnull=True, cancelled_at__isnull=True),
                name="memo_to_render",
            ),
            models.Index(fields=["case", "id"], name="memo_of_case"),  # readers: clock starter, case sheet
        ]
        triggers = [
            *KEPT,
            WORDS_KEPT,
            ColumnsKept(once=("cancelled_at",), free=("render_at", *_WORDS)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of case {self.case_id}"


class MemoCopy(models.Model):
    """The copy for one contact: one recipient, one message, one acceptance."""

    memo = models.ForeignKey(Memo, models.PROTECT, related_name="copies")
    role = models.CharField(max_length=8, choices=Contact.Role)
    message = models.OneToOneField(Message, models.PROTECT, related_name="+")

    class Meta:
        verbose_name_plural = "memo copies"
        triggers = [*KEPT, UNCHANGED]

    def __str__(self) -> str:
        return f"{self.role}'s copy of memo {self.memo_id}"
