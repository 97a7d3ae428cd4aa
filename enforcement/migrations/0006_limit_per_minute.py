"""A client may have a limit of its own. A nullable column: nothing is rewritten, and what runs goes on."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("enforcement", "0005_heartbeat")]

    operations: ClassVar = [
        migrations.AddField("client", "limit_per_minute", models.PositiveIntegerField(null=True)),
    ]
