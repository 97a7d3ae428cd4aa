"""What the list of messages is read by when it is narrowed to those that were not accepted."""

from typing import ClassVar

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False

    dependencies: ClassVar = [("notifications", "0001_initial")]

    operations: ClassVar = [
        AddIndexConcurrently(
            "message",
            models.Index(fields=["state", "id"], condition=~Q(state="accepted"), name="message_not_accepted"),
        ),
    ]
