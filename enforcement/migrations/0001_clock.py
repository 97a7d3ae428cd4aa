"""The clock comes first: column defaults, and later triggers, call it."""

from typing import ClassVar

from django.db import migrations, models

_CLOCK = """
CREATE FUNCTION enforcement_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT clock_timestamp()
         + coalesce((SELECT "offset" FROM enforcement_clockmove ORDER BY id DESC LIMIT 1), interval '0')
$$;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar = []

    operations: ClassVar = [
        migrations.CreateModel(
            name="ClockMove",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("offset", models.DurationField()),
                ("moved_at", models.DateTimeField(db_default=models.functions.Now())),
            ],
            options={
                "verbose_name": "movement of the test clock",
                "verbose_name_plural": "movements of the test clock",
            },
        ),
        migrations.RunSQL(_CLOCK, "DROP FUNCTION enforcement_now()"),
    ]
