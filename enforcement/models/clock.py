"""One clock for services, column defaults and invariants: the database's, moved only in test-clock mode."""

from django.db import models
from django.db.models import functions

from guards import KEPT, UNCHANGED


class Now(models.Func):
    """`enforcement_now()`: the database's wall clock plus the newest test-clock offset (created in 0001_initial)."""

    function = "enforcement_now"
    arity = 0
    output_field = models.DateTimeField()


class ClockMove(models.Model):
    """A movement of the test clock; the newest row's offset is in force, the older ones are the record."""

    offset = models.DurationField()
    # The real clock on purpose: a record of when somebody moved the other one.
    moved_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        verbose_name = "movement of the test clock"
        verbose_name_plural = "movements of the test clock"
        triggers = [*KEPT, UNCHANGED]

    def __str__(self) -> str:
        return f"{self.offset} since {self.moved_at:%Y-%m-%d %H:%M:%S}"


class ClockReading(models.Model):
    """The database's real clock beside the uptime of the machine that read it, newest by machine and boot.

    The two run alike; where they part by minutes somebody has set the clock, and deadlines would come early.
    """

    boot_id = models.UUIDField(primary_key=True)
    uptime = models.DurationField()
    read_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.read_at:%Y-%m-%d %H:%M:%S} after {self.uptime}"
