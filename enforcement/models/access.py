"""Machines that call the API and the keys they hold; logins that belong to one human being."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q, functions

from guards import KEPT, UNCHANGED


class Client(models.Model):
    """A detector, gateway, reader or registrar. Evidence hangs on the client: rotating a key changes nothing."""

    class Kind(models.TextChoices):
        DETECTOR = "detector"
        GATEWAY = "gateway"
        READER = "reader"
        REGISTRAR = "registrar"

    name = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    limit_per_minute = models.PositiveIntegerField(null=True)  # calls, or items of evidence; null: as its kind
    created_at = models.DateTimeField(db_default=functions.Now())

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """One Bearer key, stored as a digest. Two live keys of one client are the overlap of a rotation.

    Expiry uses the real clock: a test clock must not lock anybody out.
    """

    client = models.ForeignKey(Client, models.PROTECT, related_name="keys")
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(db_default=functions.Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.client}"


class SecondLogin(models.Model):
    """Another login of a human being who has one already: what one of them signed, the other cannot countersign."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.PROTECT, primary_key=True, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="second_logins")

    class Meta:
        constraints = [models.CheckConstraint(name="second_login_of_another", condition=~Q(user=F("person")))]
        triggers = [*KEPT, UNCHANGED]

    def __str__(self) -> str:
        return f"{self.user_id} is {self.person_id}"
