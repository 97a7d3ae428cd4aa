"""The first appeal of a decision stops the clock, and no other: the service asks under a lock, the table refuses too.

Built beside the running service, as an index; an interrupted build leaves an invalid one, which the next run replaces.
"""

from typing import ClassVar

from django.db import migrations, models

_NAME = "appeal_one_suspensive_per_decision"
_BUILD = (
    f"DROP INDEX CONCURRENTLY IF EXISTS {_NAME}",
    f"CREATE UNIQUE INDEX CONCURRENTLY {_NAME} ON enforcement_appeal (decision_id) WHERE suspensive",
)


class Migration(migrations.Migration):
    atomic = False

    dependencies: ClassVar = [("enforcement", "0011_guards")]

    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(statement, migrations.RunSQL.noop) for statement in _BUILD],
            state_operations=[
                migrations.AddConstraint(
                    "appeal",
                    models.UniqueConstraint(fields=["decision"], condition=models.Q(suspensive=True), name=_NAME),
                ),
            ],
        ),
    ]
