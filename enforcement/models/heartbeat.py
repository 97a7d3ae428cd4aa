"""When each process was last heard of: rows, since nobody may ask the processes themselves."""

from django.db import models


class Heartbeat(models.Model):
    """By the real clock, which no test clock moves. Only `services.heartbeats` writes it."""

    class Name(models.TextChoices):
        BEAT = "beat"
        REDIS = "redis"  # as beat sees it: the web process asks no broker
        DECIDE = "decide"  # the workers of a queue
        MAIL = "mail"

    name = models.CharField(max_length=6, choices=Name, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"
