"""The points of a case beside its state, and figures that are counted ahead of the pages that show them."""

from typing import ClassVar

from django.db import migrations, models

# Cases that are open now would otherwise stand at nought until their next assessment.
_CARRY_POINTS = """
UPDATE enforcement_case AS row SET points = score.points FROM enforcement_score AS score
 WHERE score.account_id = row.account_id AND row.state <> 'closed' AND row.points <> score.points
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("enforcement", "0002_rows")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Figure",
            fields=[
                (
                    "name",
                    models.CharField(
                        choices=[("cases", "Cases"), ("territories", "Territories"), ("points", "Points")],
                        max_length=11,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("content", models.JSONField()),
                ("as_of", models.DateTimeField()),
            ],
        ),
        # A default in the database: the release before this one goes on opening cases during the deploy.
        migrations.AddField(
            model_name="case",
            name="points",
            field=models.DecimalField(db_default=0, decimal_places=2, default=0, max_digits=14),
        ),
        migrations.RunSQL(_CARRY_POINTS, migrations.RunSQL.noop),
    ]
