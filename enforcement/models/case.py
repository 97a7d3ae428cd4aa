"""A case: the unit of work on one account."""

from datetime import UTC, datetime

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from enforcement.models.account import Account
from enforcement.models.clock import Now
from enforcement.models.guards import LATER_ONLY, MOVED, OPENED, PROMISED
from enforcement.models.policy import PolicyVersion
from enforcement.rules.transitions import Ending, State, Step
from guards import KEPT, ColumnsKept


def choices(values: type[State] | type[Step] | type[Ending]) -> list[tuple[str, str]]:
    return [(each.value, each.value.replace("_", " ")) for each in values]


# `due_at`, with what has no deadline after all that has one: a value that an index and a cursor can hold.
DEADLINE = Coalesce("due_at", Value(datetime(9999, 12, 31, tzinfo=UTC)), output_field=models.DateTimeField())
# What moves with a case; its guards say how. All else stays as it was opened.
_MOVING = (
    "state", "outcome", "policy", "rule", "version", "closed_at", "narrowed_at", "accepted_at", "due_at", "notice",
    "remaining", "look_at", "attempts", "points",
)  # fmt: skip


class Case(models.Model):
    """The unit of work on one account. Only `services.cases.apply` writes its state."""

    # Public, in memos and refusals; random, so that nobody can walk through the cases of others.
    reference = models.CharField(max_length=12, unique=True)
    account = models.ForeignKey(Account, models.PROTECT, related_name="cases")
    state = models.CharField(max_length=10, choices=choices(State), default=State.OPEN.value)
    outcome = models.CharField(max_length=10, choices=choices(Ending), blank=True, default="")
    # The version that gives notice, steps and texts for the whole life of the case.
    policy = models.ForeignKey(PolicyVersion, models.PROTECT, related_name="cases")
    rule = models.CharField(max_length=64)
    version = models.PositiveIntegerField(default=0, help_text="One more with every decision applied.")
    opened_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True, blank=True)
    # When a mail server accepted the memo that announced the present state; null while nobody was told.
    accepted_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, help_text="The earliest moment of the next step.")
    # What that memo promised: the policy's time or the contract's, the longer. The deadline is never earlier.
    notice = models.DurationField(null=True, blank=True)
    # Since when a late answer of ours narrows what is refused to what a restricted account is refused.
    narrowed_at = models.DateTimeField(null=True, blank=True)
    # What was left of the notice when the first of the present stops began.
    remaining = models.DurationField(null=True, blank=True)
    # When the sweeper has something to do here: a reminder, the deadline, the end of a quiet period.
    look_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0, help_text="Failed looks in a row.")
    # The score's, copied at each assessment, so that the queue can be sorted by an index of its own.
    points = models.DecimalField(max_digits=14, decimal_places=2, default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account"], condition=~Q(state="closed"), name="case_one_open_per_account"),
            models.CheckConstraint(
                name="case_closed_with_time_and_outcome",
                condition=Q(state="closed", closed_at__isnull=False) & ~Q(outcome="")
                | ~Q(state="closed") & Q(closed_at__isnull=True, outcome=""),
            ),
            models.CheckConstraint(
                name="case_due_only_after_acceptance",
                condition=Q(due_at__isnull=True) | Q(accepted_at__isnull=False, due_at__gte=F("accepted_at")),
            ),
            models.CheckConstraint(
                name="case_due_only_while_something_follows",
                condition=Q(due_at__isnull=True) | Q(state__in=["warned", "restricted", "suspended"]),
            ),
            models.CheckConstraint(
                name="case_due_only_with_its_notice",
                condition=Q(due_at__isnull=True) | Q(due_at__gte=F("accepted_at") + F("notice")),
            ),
            models.CheckConstraint(
                name="case_narrowed_only_where_all_is_refused",
                condition=Q(narrowed_at__isnull=True) | Q(state__in=["suspended", "blocked"]),
            ),
        ]
        indexes = [
            # Reader: sweep.claim. Partial, so that a million closed cases cost it nothing.
            models.Index(fields=["look_at", "id"], condition=Q(look_at__isnull=False), name="case_to_look_at"),
            # Reader: the sweep, which lets clocks go on that nothing stops any more.
            models.Index(fields=["id"], condition=Q(remaining__isnull=False), name="case_frozen"),
            # Reader: the clock starter, which asks the outbox about cases that nobody accepted a memo of.
            models.Index(
                fields=["id"],
                condition=Q(accepted_at__isnull=True, state__in=["warned", "restricted", "suspended"]),
                name="case_awaiting_acceptance",
            ),
            models.Index(fields=["state", "due_at"], name="case_by_state"),  # readers: GET /cases, what is due today
            # Readers: the queue, a state at a time, so that its last page costs what the first does.
            models.Index("state", DEADLINE, "id", condition=~Q(state="closed"), name="case_by_deadline"),
            models.Index(fields=["state", "points", "id"], condition=~Q(state="closed"), name="case_by_points"),
            models.Index(fields=["closed_at", "id"], condition=Q(state="closed"), name="case_by_close"),
        ]
        triggers = [
            *KEPT,
            OPENED,
            MOVED,
            LATER_ONLY,
            PROMISED,
            ColumnsKept(free=_MOVING),
        ]

    def __str__(self) -> str:
        return self.reference
