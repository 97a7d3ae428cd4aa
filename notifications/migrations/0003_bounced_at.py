"""A message may come back days after a server accepted it."""

from typing import ClassVar

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False

    dependencies: ClassVar = [("notifications", "0002_message_not_accepted")]

    operations: ClassVar = [
        migrations.AddField("message", "bounced_at", models.DateTimeField(blank=True, null=True)),
        AddConstraintNotValid(
            "message",
            models.CheckConstraint(
                name="message_bounced_only_after_acceptance",
                condition=Q(bounced_at__isnull=True) | Q(accepted_at__isnull=False),
            ),
        ),
        ValidateConstraint("message", "message_bounced_only_after_acceptance"),
    ]
