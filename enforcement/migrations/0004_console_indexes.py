"""What the console's lists are read by. Built beside the traffic: none of them locks a table."""

from datetime import UTC, datetime
from typing import ClassVar

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Collate, Upper

_DEADLINE = Coalesce("due_at", Value(datetime(9999, 12, 31, tzinfo=UTC)), output_field=models.DateTimeField())
_INDEXES = (
    ("account", models.Index(Collate(Upper("name"), "C"), F("id"), name="account_by_name")),
    ("appeal", models.Index(fields=["id"], condition=Q(status="open"), name="appeal_open")),
    ("case", models.Index(F("state"), _DEADLINE, F("id"), condition=~Q(state="closed"), name="case_by_deadline")),
    ("case", models.Index(fields=["state", "points", "id"], condition=~Q(state="closed"), name="case_by_points")),
    ("case", models.Index(fields=["closed_at", "id"], condition=Q(state="closed"), name="case_by_close")),
    ("decision", models.Index(fields=["status", "id"], condition=~Q(status="applied"), name="decision_not_applied")),
    ("restriction", models.Index(fields=["id"], condition=Q(lifted_at__isnull=True), name="restriction_in_force")),
)


class Migration(migrations.Migration):
    atomic = False

    dependencies: ClassVar = [("enforcement", "0003_points_and_figures")]

    operations: ClassVar = [AddIndexConcurrently(model, index) for model, index in _INDEXES]
