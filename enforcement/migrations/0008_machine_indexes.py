"""Indexes of the machine, built beside the traffic, and the constraints that old rows keep too.

`decision_worse_only_after_notice` stays NOT VALID: what was decided before it existed carries no proof.
"""

from typing import ClassVar

from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies: ClassVar = [("enforcement", "0007_machine")]

    operations: ClassVar = [
        AddIndexConcurrently(
            model_name="appeal",
            index=models.Index(
                condition=models.Q(("escalated_at__isnull", True), ("status", "open")),
                fields=["decide_by", "id"],
                name="appeal_to_decide",
            ),
        ),
        AddIndexConcurrently(
            model_name="decision",
            index=models.Index(
                condition=models.Q(
                    ("people", 0), ("status", "applied"), ("step__in", ["block", "restrict", "suspend"])
                ),
                fields=["settled_at"],
                name="decision_counted_by_budget",
            ),
        ),
        AddIndexConcurrently(
            model_name="stop",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True), ("until__isnull", False)),
                fields=["until"],
                name="stop_with_an_end",
            ),
        ),
        AddIndexConcurrently(
            model_name="evidence",
            index=models.Index(
                condition=models.Q(("retraction__isnull", False)), fields=["retraction"], name="evidence_retracted"
            ),
        ),
        ValidateConstraint("case", "case_due_only_with_its_notice"),
        ValidateConstraint("case", "case_narrowed_only_where_all_is_refused"),
        ValidateConstraint("decision", "decision_without_notice_has_a_basis"),
        ValidateConstraint("decision", "decision_without_notice_signed_by_counsel"),
        ValidateConstraint("stop", "stop_shortened_by_two_people"),
    ]
