"""The steps taken or held on a case."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import GreaterThanOrEqual

from enforcement.models.case import Case, choices
from enforcement.models.guards import APPLIED, BRAKE_HEEDED, DECIDED, ENOUGH_PEOPLE, NOTICE_OVER
from enforcement.models.policy import PolicyVersion
from enforcement.rules.transitions import NEEDS_NOTICE, State, Step
from guards import KEPT, UNCHANGED, ColumnsKept, closed_when

_NEED_NOTICE = sorted(step.value for step in NEEDS_NOTICE)
# What signing a held decision writes, and what settling it does.
_SIGNATURES = ("approved_by", "approved_as", "seconded_by", "seconded_as")
_SETTLED = (
    "status", "case_version", "settled_at", "agreed_because", "refused_because", "refused_by", "rests_on", "due_at",
    "notice",
)  # fmt: skip


def _different(one: str, other: str) -> Q:
    return Q((f"{one}__isnull", True)) | Q((f"{other}__isnull", True)) | ~Q((one, F(other)))


class PeopleAgreed(models.Func):
    """How many people put their name to a decision."""

    function = "num_nonnulls"
    output_field = models.IntegerField()

    def __init__(self) -> None:
        super().__init__(F("proposed_by"), F("approved_by"), F("seconded_by"))


class Decision(models.Model):
    """A step, taken or held: a row before it is an effect.

    The last columns are the proof that an account had its notice: what the step rests on, as it was at that moment.
    """

    class Status(models.TextChoices):
        HELD = "held"
        APPLIED = "applied"
        REFUSED = "refused"
        LAPSED = "lapsed", "lapsed: it no longer held when somebody came to it"

    class Basis(models.TextChoices):
        """Why an account may be restricted without a notice."""

        ORDER = "order", "order of a court or an authority"
        SANCTIONS = "sanctions", "sanctions law"
        SECURITY = "security", "security of the service"
        HARM = "harm", "imminent harm"

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
    # The role under which each of them signed, at that time: who loses it later had it then.
    proposed_as = models.CharField(max_length=8, blank=True, default="", db_default="")
    approved_as = models.CharField(max_length=8, blank=True, default="", db_default="")
    seconded_as = models.CharField(max_length=8, blank=True, default="", db_default="")
    override_of = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="overridden_by")
    refused_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True, help_text="When it was applied, refused or lapsed.")
    # The lawful path without notice: on what it rests, and when the account is told.
    basis = models.CharField(max_length=9, choices=Basis, blank=True, default="", db_default="")
    legal_basis = models.TextField(blank=True, default="", db_default="", help_text="The order, law or danger.")
    told_from = models.DateTimeField(null=True, blank=True, help_text="Not told before; empty: at effect.")
    gagged = models.BooleanField(default=False, db_default=False, help_text="Not told before the gag ends.")
    # What a restriction, suspension or block rests on: the memo that announced it, and the deadline that has passed.
    rests_on = models.ForeignKey("Memo", models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    due_at = models.DateTimeField(null=True, blank=True)
    notice = models.DurationField(null=True, blank=True)

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
                name="decision_worse_only_after_notice",
                condition=~Q(status="applied", step__in=_NEED_NOTICE)
                | Q(rests_on__isnull=False, notice__isnull=False, due_at__isnull=False, settled_at__gte=F("due_at")),
            ),
            models.CheckConstraint(
                name="decision_without_notice_has_a_basis",
                condition=~Q(step="restrict_now") & Q(basis="", legal_basis="", told_from__isnull=True, gagged=False)
                | Q(step="restrict_now", people__gte=2) & ~Q(basis="") & ~Q(legal_basis=""),
            ),
            models.CheckConstraint(
                name="decision_without_notice_signed_by_counsel",
                condition=~Q(status="applied", step="restrict_now")
                | Q(proposed_as="counsel")
                | Q(approved_as="counsel")
                | Q(seconded_as="counsel"),
            ),
            models.CheckConstraint(
                name="decision_refused_by_somebody_who_says_why",
                condition=Q(status="refused", refused_by__isnull=False) & ~Q(refused_because="")
                | ~Q(status="refused") & Q(refused_by__isnull=True, refused_because=""),
            ),
        ]
        indexes = [
            models.Index(fields=["case", "id"], name="decision_of_case"),  # readers: timeline, case sheet
            # Reader: the budget, which counts what the automation made worse within an hour and a day.
            models.Index(
                fields=["settled_at"],
                condition=Q(status="applied", people=0, step__in=_NEED_NOTICE),
                name="decision_counted_by_budget",
            ),
            # Reader: the list of decisions by status. Nearly all are applied, and the table is their list.
            models.Index(fields=["status", "id"], condition=~Q(status="applied"), name="decision_not_applied"),
        ]
        triggers = [
            *KEPT,
            DECIDED,
            *APPLIED,
            *NOTICE_OVER,
            *BRAKE_HEEDED,
            *ENOUGH_PEOPLE,
            closed_when("OLD.status <> 'held'", "a settled decision never changes"),
            ColumnsKept(once=_SIGNATURES, free=_SETTLED),
        ]

    def __str__(self) -> str:
        return f"{self.step} ({self.status}) on {self.case_id}"


class GagEnd(models.Model):
    """From here on an account may hear of what was done without notice; the statement goes out."""

    decision = models.OneToOneField(Decision, models.PROTECT, primary_key=True, related_name="gag_end")
    reason = models.TextField()
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    ended_as = models.CharField(max_length=8)
    ended_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(name="gag_ends_for_a_reason", condition=~Q(reason=""))]
        triggers = [*KEPT, UNCHANGED]

    def __str__(self) -> str:
        return f"end of the gag on decision {self.decision_id}"
