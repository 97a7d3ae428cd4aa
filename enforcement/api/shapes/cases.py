"""Cases as OpenAPI shows them."""

from typing import Any

from rest_framework import serializers as s

from enforcement.api.shapes.accounts import SCOPES
from enforcement.models import Appeal, Decision, Memo
from enforcement.rules.transitions import State, Step

STATES = [(each.value, each.name) for each in State]
STEPS = [(each.value, each.name) for each in Step]


class PolicyReference(s.Serializer[Any]):
    version = s.IntegerField()
    name = s.CharField()


class CaseSummary(s.Serializer[Any]):
    case = s.CharField(help_text="The reference that memos and refusals name.")
    account = s.CharField()
    state = s.ChoiceField(STATES)
    outcome = s.CharField(allow_null=True, help_text="How it ended; null while it is open.")
    rule = s.CharField(help_text="Of the policy, that asked for the case.")
    policy = PolicyReference()
    opened_at = s.DateTimeField()
    accepted_at = s.DateTimeField(allow_null=True, help_text="When a mail server took the memo of the present state.")
    due_at = s.DateTimeField(allow_null=True, help_text="The earliest moment of the next step.")
    narrowed_at = s.DateTimeField(
        allow_null=True, help_text="Since when an appeal is overdue, and no more is refused than by a restriction."
    )
    closed_at = s.DateTimeField(allow_null=True)


class CasePage(s.Serializer[Any]):
    results = CaseSummary(many=True)
    next = s.URLField(allow_null=True)


class CaseDecision(s.Serializer[Any]):
    id = s.IntegerField()
    step = s.ChoiceField(STEPS)
    status = s.ChoiceField(Decision.Status.choices)
    rule = s.CharField(allow_blank=True)
    reason = s.CharField()
    automated = s.BooleanField(help_text="Nobody proposed it, and nobody approved it.")
    people = s.IntegerField(help_text="How many had to agree.")
    decided_at = s.DateTimeField()
    settled_at = s.DateTimeField(allow_null=True)
    override_of = s.IntegerField(allow_null=True, help_text="The decision that this one undoes.")


class CaseMemo(s.Serializer[Any]):
    kind = s.ChoiceField(Memo.Kind.choices)
    language = s.CharField(allow_null=True)
    subject = s.CharField(allow_null=True)
    rendered_at = s.DateTimeField(allow_null=True)
    told_due_at = s.DateTimeField(allow_null=True, help_text="The deadline that it names.")
    accepted_at = s.DateTimeField(allow_null=True, help_text="When a mail server took it.")
    unreachable = s.BooleanField(help_text="Every server refused it for good, or sent it back later.")
    cancelled_at = s.DateTimeField(allow_null=True)


class CaseAppeal(s.Serializer[Any]):
    id = s.IntegerField()
    decision = s.IntegerField()
    status = s.ChoiceField(Appeal.Status.choices)
    suspensive = s.BooleanField(help_text="It stopped the clock.")
    filed_at = s.DateTimeField()
    decide_by = s.DateTimeField(allow_null=True, help_text="Until when somebody has to decide it.")
    escalated_at = s.DateTimeField(allow_null=True, help_text="When it was found to be overdue.")
    decided_at = s.DateTimeField(allow_null=True)
    reason = s.CharField(allow_null=True)


class StatedRestriction(s.Serializer[Any]):
    scope = s.ChoiceField(SCOPES)
    value = s.CharField(allow_null=True)


class StatedGround(s.Serializer[Any]):
    policy = s.CharField()
    version = s.IntegerField()
    reference_url = s.CharField(allow_null=True)
    rule = s.CharField(allow_blank=True)
    basis = s.ChoiceField(
        Decision.Basis.values, allow_null=True, help_text="Why nobody was warned before; null where the notice had run."
    )
    legal_basis = s.CharField(allow_null=True, help_text="The order, the law or the danger, as the account reads it.")


class StatedRedress(s.Serializer[Any]):
    kind = s.ChoiceField(["appeal"])
    until = s.DateTimeField(allow_null=True)
    how = s.CharField()


class StatementOfReasons(s.Serializer[Any]):
    """The newest decision in force: what, why, on which facts, by whom, and how to contest it."""

    decision = s.IntegerField()
    step = s.ChoiceField(STEPS)
    decided_at = s.DateTimeField()
    restrictions = StatedRestriction(many=True)
    ground = StatedGround()
    facts = s.DictField()
    reason = s.CharField()
    automated_decision = s.BooleanField()
    redress = StatedRedress()


class WholeCase(CaseSummary):
    decisions = CaseDecision(many=True)
    memos = CaseMemo(many=True)
    appeals = CaseAppeal(many=True)
    statement_of_reasons = StatementOfReasons(allow_null=True)
