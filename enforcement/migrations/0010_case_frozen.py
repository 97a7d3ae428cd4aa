"""What the sweep finds stopped clocks by."""

from typing import ClassVar

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False

    dependencies: ClassVar = [("enforcement", "0009_gag_end")]

    operations: ClassVar = [
        AddIndexConcurrently(
            "case", models.Index(fields=["id"], condition=Q(remaining__isnull=False), name="case_frozen")
        ),
    ]
