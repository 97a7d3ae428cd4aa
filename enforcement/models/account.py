"""The customer who holds keys, and whom we can write to."""

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Collate, Concat, Upper
from django.db.models.lookups import GreaterThanOrEqual, LessThan

from enforcement.models.clock import Now

# Names as staff search them: without case, in an order that finds how a name begins.
NAME = Collate(Upper("name"), "C")
_AFTER_ALL = Value("\U0010ffff")


def name_begins(term: str) -> Q:
    """Accounts whose name begins so: a range of the index, which an ILIKE is not."""
    first = Upper(Value(term))
    return Q(GreaterThanOrEqual(NAME, first)) & Q(LessThan(NAME, Concat(first, _AFTER_ALL)))


def id_begins(term: str) -> Q:
    """Accounts whose id begins so."""
    return Q(external_id__gte=term, external_id__lt=f"{term}{_AFTER_ALL.value}")


class Account(models.Model):
    """An account as the registrar told it, or a stub that the first evidence made.

    Deciders lock the row `FOR NO KEY UPDATE` in id order; a plain `FOR UPDATE` would block evidence inserts through
    their foreign key.
    """

    class Kind(models.TextChoices):
        ORGANISATION = "organisation"
        PERSON = "person"

    # The C collation sorts bytewise, as the backtest's rows are.
    external_id = models.CharField(max_length=128, unique=True, db_collation="C")
    name = models.CharField(max_length=200, blank=True, default="")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.ORGANISATION)
    language = models.CharField(max_length=35, default="en")
    timezone = models.CharField(max_length=64, default="UTC")
    home_country = models.CharField(max_length=2, blank=True, default="")
    plan = models.CharField(max_length=64, blank=True, default="")
    protected = models.BooleanField(default=False)
    serves_third_parties = models.BooleanField(default=False)
    min_notice = models.DurationField(
        null=True, blank=True, help_text="Notice that the account's own contract promises."
    )
    no_suspension = models.BooleanField(default=False, help_text="The contract excludes automatic suspension.")
    # Raised under the account's lock at every change that others may hear of, so that an older message never wins.
    version = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(NAME, "id", name="account_by_name")]  # reader: the search of the console

    def __str__(self) -> str:
        return self.name or self.external_id


class Contact(models.Model):
    """An address of the account, with the role that decides what it is sent."""

    class Role(models.TextChoices):
        OWNER = "owner"
        LEGAL = "legal"
        SECURITY = "security"
        BILLING = "billing"

    account = models.ForeignKey(Account, models.CASCADE, related_name="contacts")
    role = models.CharField(max_length=8, choices=Role)
    email = models.EmailField(max_length=254)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "role", "email"], name="contact_once_per_role"),
        ]

    def __str__(self) -> str:
        return f"{self.email} ({self.role})"
