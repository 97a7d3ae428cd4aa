"""The whole machine: brake, exemptions, extensions, retractions, and the proof of notice beside each decision.

Safe while the release before it runs: new columns are null or have a default in the database, and constraints judge
only rows that are written from now on.
"""

from typing import ClassVar

import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

from enforcement.rules.policy import parse_policy

_PERSON = """
CREATE FUNCTION enforcement_person(login bigint) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce((SELECT person_id FROM enforcement_secondlogin WHERE user_id = login), login)
$$;
"""
# Clocks that run were started with the notice of their state; the deadlines themselves stay as they were told.
_NOTICE = """
UPDATE enforcement_case AS running
   SET notice = least(running.due_at - running.accepted_at, CASE running.state
                        WHEN 'warned' THEN greatest(policy.notice, account.min_notice)
                        WHEN 'restricted' THEN policy.restriction_after ELSE policy.suspension_after END)
  FROM enforcement_policyversion AS policy, enforcement_account AS account
 WHERE policy.id = running.policy_id AND account.id = running.account_id AND running.due_at IS NOT NULL
"""
_DECIDE_BY = """
UPDATE enforcement_appeal SET decide_by = filed_at + interval '14 days' WHERE status = 'open' AND decide_by IS NULL
"""


def _copy_durations(apps, schema_editor) -> None:  # type: ignore[no-untyped-def]
    for version in apps.get_model("enforcement", "PolicyVersion").objects.filter(notice=None):
        ladder = parse_policy(version.document).ladder
        version.notice = ladder.warn.notice
        version.restriction_after = ladder.restriction and ladder.restriction.after
        version.suspension_after = ladder.suspension and ladder.suspension.after
        version.save()


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("enforcement", "0006_limit_per_minute"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Brake",
            fields=[
                (
                    "what",
                    models.CharField(
                        choices=[("enforcement", "Enforcement"), ("mail", "Mail")],
                        max_length=11,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("pulled_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="BrakePull",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("what", models.CharField(choices=[("enforcement", "Enforcement"), ("mail", "Mail")], max_length=11)),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("manual", "Manual"),
                            ("budget", "the budget of an hour or a day is spent"),
                            ("invariant", "an invariant does not hold"),
                            ("clock", "the real clock jumped"),
                            ("appeals", "more open appeals than reviewers can answer"),
                            ("overturns", "too many decisions are overturned"),
                        ],
                        max_length=9,
                    ),
                ),
                ("reason", models.TextField()),
                ("pulled_at", models.DateTimeField()),
                ("released_at", models.DateTimeField(blank=True, null=True)),
                ("release_because", models.TextField(blank=True, default="")),
            ],
        ),
        migrations.CreateModel(
            name="Budget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "steps",
                    models.PositiveBigIntegerField(
                        default=0, help_text="Automatic steps that were ever reserved and kept."
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ClockReading",
            fields=[
                ("boot_id", models.UUIDField(primary_key=True, serialize=False)),
                ("uptime", models.DurationField()),
                ("read_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Exemption",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "scope",
                    models.CharField(
                        choices=[("account", "Account"), ("territory", "Territory"), ("credential", "Credential")],
                        max_length=10,
                    ),
                ),
                (
                    "value",
                    models.CharField(
                        blank=True, default="", help_text="A territory, or the hint of a key.", max_length=128
                    ),
                ),
                ("reason", models.TextField()),
                ("approved_as", models.CharField(max_length=8)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, help_text="Set where it ended early.", null=True)),
                ("end_because", models.TextField(blank=True, default="")),
            ],
        ),
        migrations.CreateModel(
            name="Extension",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("case_version", models.PositiveIntegerField()),
                ("old_due_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("reason", models.TextField()),
                ("extended_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Retraction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.TextField()),
                ("retracted_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="SecondLogin",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="appeal",
            name="decide_by",
            field=models.DateTimeField(
                blank=True, help_text="Later than this, what was decided is narrowed.", null=True
            ),
        ),
        migrations.AddField(
            model_name="appeal",
            name="escalated_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="case",
            name="narrowed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="case",
            name="notice",
            field=models.DurationField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="decision",
            name="approved_as",
            field=models.CharField(blank=True, db_default="", default="", max_length=8),
        ),
        migrations.AddField(
            model_name="decision",
            name="basis",
            field=models.CharField(
                blank=True,
                choices=[
                    ("order", "order of a court or an authority"),
                    ("sanctions", "sanctions law"),
                    ("security", "security of the service"),
                    ("harm", "imminent harm"),
                ],
                db_default="",
                default="",
                max_length=9,
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="decision",
            name="gagged",
            field=models.BooleanField(db_default=False, default=False, help_text="Not told before the gag ends."),
        ),
        migrations.AddField(
            model_name="decision",
            name="legal_basis",
            field=models.TextField(blank=True, db_default="", default="", help_text="The order, law or danger."),
        ),
        migrations.AddField(
            model_name="decision",
            name="notice",
            field=models.DurationField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="decision",
            name="proposed_as",
            field=models.CharField(blank=True, db_default="", default="", max_length=8),
        ),
        migrations.AddField(
            model_name="decision",
            name="rests_on",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="enforcement.memo",
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="seconded_as",
            field=models.CharField(blank=True, db_default="", default="", max_length=8),
        ),
        migrations.AddField(
            model_name="decision",
            name="told_from",
            field=models.DateTimeField(blank=True, help_text="Not told before; empty: at effect.", null=True),
        ),
        migrations.AddField(
            model_name="evidence",
            name="retracted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="policyversion",
            name="notice",
            field=models.DurationField(null=True),
        ),
        migrations.AddField(
            model_name="policyversion",
            name="restriction_after",
            field=models.DurationField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="policyversion",
            name="suspension_after",
            field=models.DurationField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="stop",
            name="end_approved_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="stop",
            name="end_because",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="stop",
            name="end_proposed_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="stop",
            name="started_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="stop",
            name="until",
            field=models.DateTimeField(blank=True, help_text="When it ends by itself, if it does.", null=True),
        ),
        migrations.AlterField(
            model_name="decision",
            name="step",
            field=models.CharField(
                choices=[
                    ("warn", "warn"),
                    ("restrict", "restrict"),
                    ("suspend", "suspend"),
                    ("block", "block"),
                    ("restrict_now", "restrict now"),
                    ("dismiss", "dismiss"),
                    ("cure", "cure"),
                    ("reinstate", "reinstate"),
                    ("withdraw", "withdraw"),
                    ("free", "free"),
                    ("narrow", "narrow"),
                    ("widen", "widen"),
                ],
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="stop",
            name="kind",
            field=models.CharField(
                choices=[
                    ("appeal", "Appeal"),
                    ("hold", "Hold"),
                    ("approval", "Approval"),
                    ("unreachable", "Unreachable"),
                    ("exemption", "Exemption"),
                    ("brake", "Brake"),
                    ("bounce", "Bounce"),
                ],
                max_length=11,
            ),
        ),
        AddConstraintNotValid(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("due_at__isnull", True),
                    (
                        "due_at__gte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("accepted_at"), "+", models.F("notice")
                        ),
                    ),
                    _connector="OR",
                ),
                name="case_due_only_with_its_notice",
            ),
        ),
        AddConstraintNotValid(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("narrowed_at__isnull", True), ("state__in", ["suspended", "blocked"]), _connector="OR"
                ),
                name="case_narrowed_only_where_all_is_refused",
            ),
        ),
        AddConstraintNotValid(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "applied"), ("step__in", ["block", "restrict", "suspend"]), _negated=True),
                    models.Q(
                        ("due_at__isnull", False),
                        ("notice__isnull", False),
                        ("rests_on__isnull", False),
                        ("settled_at__gte", models.F("due_at")),
                    ),
                    _connector="OR",
                ),
                name="decision_worse_only_after_notice",
            ),
        ),
        AddConstraintNotValid(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        models.Q(("step", "restrict_now"), _negated=True),
                        ("basis", ""),
                        ("gagged", False),
                        ("legal_basis", ""),
                        ("told_from__isnull", True),
                    ),
                    models.Q(
                        ("people__gte", 2),
                        ("step", "restrict_now"),
                        models.Q(("basis", ""), _negated=True),
                        models.Q(("legal_basis", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="decision_without_notice_has_a_basis",
            ),
        ),
        AddConstraintNotValid(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "applied"), ("step", "restrict_now"), _negated=True),
                    ("proposed_as", "counsel"),
                    ("approved_as", "counsel"),
                    ("seconded_as", "counsel"),
                    _connector="OR",
                ),
                name="decision_without_notice_signed_by_counsel",
            ),
        ),
        AddConstraintNotValid(
            model_name="stop",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("end_approved_by__isnull", True),
                    models.Q(
                        ("end_proposed_by__isnull", False),
                        models.Q(("end_proposed_by", models.F("end_approved_by")), _negated=True),
                        models.Q(("end_because", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="stop_shortened_by_two_people",
            ),
        ),
        migrations.AddField(
            model_name="brakepull",
            name="pulled_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="brakepull",
            name="release_approved_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="brakepull",
            name="release_proposed_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(condition=models.Q(("pk", 1)), name="budget_is_one_row"),
        ),
        migrations.AddField(
            model_name="exemption",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="exemptions", to="enforcement.account"
            ),
        ),
        migrations.AddField(
            model_name="exemption",
            name="approved_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="exemption",
            name="end_approved_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="exemption",
            name="end_proposed_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="extension",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="extensions", to="enforcement.case"
            ),
        ),
        migrations.AddField(
            model_name="extension",
            name="extended_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="retraction",
            name="detector",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="retractions", to="enforcement.client"
            ),
        ),
        migrations.AddField(
            model_name="evidence",
            name="retraction",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="evidence",
                to="enforcement.retraction",
            ),
        ),
        migrations.AddField(
            model_name="secondlogin",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="second_logins", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="brakepull",
            constraint=models.UniqueConstraint(
                condition=models.Q(("released_at__isnull", True)), fields=("what",), name="brake_pulled_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="brakepull",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("release_approved_by__isnull", True), ("released_at__isnull", True)),
                    models.Q(
                        ("release_approved_by__isnull", False),
                        ("release_proposed_by__isnull", False),
                        ("released_at__gte", models.F("pulled_at")),
                        models.Q(("release_proposed_by", models.F("release_approved_by")), _negated=True),
                        models.Q(("release_because", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="brake_released_by_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="brakepull",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="brake_pulled_for_a_reason"
            ),
        ),
        migrations.AddIndex(
            model_name="exemption",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)), fields=["account", "ends_at"], name="exemption_in_force"
            ),
        ),
        migrations.AddConstraint(
            model_name="exemption",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))), name="exemption_ends_after_it_starts"
            ),
        ),
        migrations.AddConstraint(
            model_name="exemption",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="exemption_has_a_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="exemption",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("scope", "account"), ("value", "")),
                    models.Q(models.Q(("scope", "account"), _negated=True), models.Q(("value", ""), _negated=True)),
                    _connector="OR",
                ),
                name="exemption_names_what_it_is_for",
            ),
        ),
        migrations.AddConstraint(
            model_name="exemption",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("end_approved_by__isnull", True), ("ended_at__isnull", True)),
                    models.Q(
                        ("end_approved_by__isnull", False),
                        ("end_proposed_by__isnull", False),
                        ("ended_at__gte", models.F("starts_at")),
                        ("ended_at__lte", models.F("ends_at")),
                        models.Q(("end_proposed_by", models.F("end_approved_by")), _negated=True),
                        models.Q(("end_because", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="exemption_shortened_by_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="extension",
            constraint=models.CheckConstraint(
                condition=models.Q(("due_at__gt", models.F("old_due_at"))), name="extension_is_later"
            ),
        ),
        migrations.AddConstraint(
            model_name="extension",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="extension_has_a_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="retraction",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="retraction_has_a_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="secondlogin",
            constraint=models.CheckConstraint(
                condition=models.Q(("user", models.F("person")), _negated=True), name="second_login_of_another"
            ),
        ),
        migrations.RunSQL(_PERSON, "DROP FUNCTION enforcement_person(bigint)"),
        migrations.RunPython(_copy_durations, migrations.RunPython.noop),
        migrations.RunSQL(_NOTICE, migrations.RunSQL.noop),
        migrations.RunSQL(_DECIDE_BY, migrations.RunSQL.noop),
    ]
