"""Machines that call the API, and the keys they hold."""

from django.db import models
from django.db.models import functions


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
