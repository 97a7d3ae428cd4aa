"""A case, the decisions taken on it, and what stops its clock."""

from datetime import UTC, datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual

from enforcement.models.account import Account
from enforcement.models.clock import Now
from enforcement.models.policy import PolicyVersion
from enforcement.rules.transitions import Ending, State, Step


def choices(values: type[State] | type[Step] | type[Ending]) -> list[tuple[str, str]]:
    return [(each.value, each.value.replace("_", " ")) for each in values]


# `due_at`, with what has no deadline after all that has one: a value that an index and a cursor can hold.
DEADLINE = Coalesce("due_at", Value(datetime(9999, 12, 31, tzinfo=UTC)), output_field=models.DateTimeField())


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
        ]
        indexes = [
            # Reader: sweep.claim. Partial, so that a million closed cases cost it nothing.
            models.Index(fields=["look_at", "id"], condition=Q(look_at__isnull=False), name="case_to_look_at"),
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

    def __str__(self) -> str:
        return self.reference


def _different(one: str, other: str) -> Q:
    return Q((f"{one}__isnull", True)) | Q((f"{other}__isnull", True)) | ~Q((one, F(other)))


class PeopleAgreed(models.Func):
    """How many people put their name to a decision."""

    function = "num_nonnulls"
    output_field = models.IntegerField()

    def __init__(self) -> None:
        super().__init__(F("proposed_by"), F("approved_by"), F("seconded_by"))


class Decision(models.Model):
    """A step, taken or held: a row before it is an effect."""

    class Status(models.TextChoices):
        HELD = "held"
        APPLIED = "applied"
        REFUSED = "refused"
        LAPSED = "lapsed", "lapsed: it no longer held when somebody came to it"

    case = models.ForeignKey(Case, models.PROTECT, related_name="decisions")
    step = models.CharField(max_length=12, choices=choices(Step))
    status = models.CharField(max_length=7, choices=Status)
    from_state = models.CharField(max_length=10, choices=choices(State))
    case_version = models.PositiveIntegerField(null=True, blank=True, help_text="The version that applying it made.")
    rule = models.CharField(max_length=64, blank=True, default="")
    reason = models.TextField(help_text="A sentence that the account may read.")
    policy = models.ForeignKey(PolicyVersion, models.PROTECT, related_name="+")
    # The facts as they were: what the memo tells and what an appeal is about.
    facts = models.JSONField(default=dict)
    credentials = models.JSONField(default=list, blank=True, help_text="Restrict these keys only.")
    agreed_because = models.TextField(blank=True, default="", help_text="Why those who agreed did, a paragraph each.")
    refused_because = models.TextField(blank=True, default="", help_text="Why the person declined it.")
    people = models.PositiveSmallIntegerField(default=0, help_text="How many people had to agree.")
    # Null where the automation proposed it.
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    # The one more that a protected account asks for.
    seconded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    override_of = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="overridden_by")
    refused_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True, help_text="When it was applied, refused or lapsed.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case"], condition=Q(status="held"), name="decision_one_held_per_case"),
            models.UniqueConstraint(fields=["case", "case_version"], name="decision_one_per_case_version"),
            models.CheckConstraint(
                name="decision_never_the_same_person_twice",
                condition=Q(
                    _different("proposed_by", "approved_by"),
                    _different("proposed_by", "seconded_by"),
                    _different("approved_by", "seconded_by"),
                ),
            ),
            models.CheckConstraint(
                name="decision_applied_by_enough_people",
                condition=Q(~Q(status="applied"), GreaterThanOrEqual(PeopleAgreed(), F("people")), _connector=Q.OR),
            ),
            models.CheckConstraint(
                name="decision_applied_makes_a_version",
                condition=Q(status="applied", case_version__isnull=False)
                | ~Q(status="applied") & Q(case_version__isnull=True),
            ),
            models.CheckConstraint(
                name="decision_settled_unless_held",
                condition=Q(status="held", settled_at__isnull=True) | ~Q(status="held") & Q(settled_at__isnull=False),
            ),
            models.CheckConstraint(name="decision_has_a_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="decision_refused_by_somebody_who_says_why",
                condition=Q(status="refused", refused_by__isnull=False) & ~Q(refused_because="")
                | ~Q(status="refused") & Q(refused_by__isnull=True, refused_because=""),
            ),
        ]
        indexes = [
            models.Index(fields=["case", "id"], name="decision_of_case"),  # readers: timeline, case sheet
            # Reader: the list of decisions by status. Nearly all are applied, and the table is their list.
            models.Index(fields=["status", "id"], condition=~Q(status="applied"), name="decision_not_applied"),
        ]

    def __str__(self) -> str:
        return f"{self.step} ({self.status}) on {self.case_id}"


class Stop(models.Model):
    """Something that keeps the clock of a case from running. Overlapping stops are one."""

    class Kind(models.TextChoices):
        APPEAL = "appeal"
        HOLD = "hold"
        APPROVAL = "approval"
        UNREACHABLE = "unreachable"

    case = models.ForeignKey(Case, models.PROTECT, related_name="stops")
    kind = models.CharField(max_length=11, choices=Kind)
    reason = models.TextField(blank=True, default="")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "kind"], condition=Q(ended_at__isnull=True), name="stop_one_of_a_kind_at_a_time"
            ),
            models.CheckConstraint(
                name="stop_ends_after_it_starts",
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} since {self.started_at:%Y-%m-%d %H:%M}"
