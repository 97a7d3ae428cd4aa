"""Why those who agreed to a held decision did."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("enforcement", "0002_rows")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="decision",
            name="agreed_because",
            field=models.TextField(blank=True, default="", help_text="Why those who agreed did, a paragraph each."),
        ),
    ]
