"""The shapes of requests and answers as OpenAPI shows them. Reading and checking is the services' work."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers as s

from enforcement.models import Account, Contact
from enforcement.rules.policy_parts import NETWORK_CLASSES
from enforcement.rules.transitions import Scope, State
from enforcement.services.evidence_items import MAX_REQUESTS


class FieldErrorShape(s.Serializer[Any]):
    field = s.CharField()
    reason = s.CharField()


class ProblemShape(s.Serializer[Any]):
    """RFC 9457."""

    type = s.CharField()
    title = s.CharField()
    status = s.IntegerField()
    detail = s.CharField()
    errors = FieldErrorShape(many=True, required=False)  # type: ignore[assignment]


def problems(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    """Problem answers; those of every call (401, 403, 503) come along."""
    return {
        (status, "application/problem+json"): OpenApiResponse(ProblemShape)
        for status in sorted({*statuses, 401, 403, 503})
    }


def _given(kind: type[s.Field[Any, Any, Any, Any]], **more: Any) -> Any:
    """A field that may be left out; null is as good."""
    return kind(required=False, allow_null=True, **more)


class EvidenceItemShape(s.Serializer[Any]):
    """What a detector saw. Unknown fields are refused."""

    id = s.RegexField(r"^[\x20-\x7e]{1,128}$", help_text="The detector's own, unique for ever.")
    account = s.RegexField(r"^[A-Za-z0-9._:@-]{1,128}$")
    kind = s.RegexField(r"^[a-z][a-z0-9_]{0,39}$")
    observed_at = s.DateTimeField(help_text="With an offset, at most 5 minutes ahead; old is fine.")
    observed_until = _given(s.DateTimeField)
    country = _given(s.CharField, help_text="ISO 3166-1 alpha-2; a code that nobody assigned is stored as unknown.")
    subdivision = _given(s.CharField, help_text="ISO 3166-2; wins over the country.")
    network_class = _given(s.ChoiceField, choices=NETWORK_CLASSES)
    outcome = _given(s.ChoiceField, choices=["served", "refused"])
    confidence = _given(s.FloatField, max_value=1, help_text="Above 0 to 1, at most 18 decimal places; default 1.")
    requests = _given(s.IntegerField, min_value=1, max_value=MAX_REQUESTS, help_text="Default 1.")
    credential = _given(s.CharField, max_length=128, help_text="The key's public hint.")
    ip = _given(s.IPAddressField)
    asn = _given(s.IntegerField, min_value=0, max_value=2**32 - 1)
    source = _given(s.CharField, max_length=128, help_text="Name and date of the data it rests on.")
    end_user = _given(s.CharField, max_length=128, help_text="A hash.")
    details = _given(s.DictField, help_text="At most 8 KiB.")


class ReceiptLineShape(s.Serializer[Any]):
    index = s.IntegerField()
    id = s.CharField(allow_null=True)
    status = s.ChoiceField(["duplicate", "conflict", "rejected", "unknown_territory"])
    errors = FieldErrorShape(many=True)  # type: ignore[assignment]


class ReceiptShape(s.Serializer[Any]):
    """The first four add up to the items sent; `items` lists all that is not plainly accepted."""

    accepted = s.IntegerField()
    duplicates = s.IntegerField()
    conflicts = s.IntegerField()
    rejected = s.IntegerField()
    unknown_territory = s.IntegerField(help_text="A subset of accepted.")
    items = ReceiptLineShape(many=True)


class ContactShape(s.Serializer[Any]):
    email = s.EmailField()
    role = s.ChoiceField(Contact.Role.choices)


class TermsShape(s.Serializer[Any]):
    min_notice = s.CharField(required=False, allow_null=True, help_text="ISO 8601, such as P60D.")
    no_suspension = s.BooleanField(required=False)


class AccountChangeShape(s.Serializer[Any]):
    """Only named fields change; contacts that are named replace the old ones."""

    external_id = s.CharField(required=False, max_length=128)
    name = s.CharField(required=False, allow_blank=True, max_length=200)
    kind = s.ChoiceField(Account.Kind.choices, required=False)
    language = s.CharField(required=False, max_length=35)
    timezone = s.CharField(required=False)
    home_country = s.CharField(required=False, allow_null=True, allow_blank=True, max_length=2)
    contacts = ContactShape(many=True, required=False)
    plan = s.CharField(required=False, allow_blank=True, max_length=64)
    protected = s.BooleanField(required=False)
    terms = TermsShape(required=False)
    serves_third_parties = s.BooleanField(required=False)


class AccountAnswerShape(s.Serializer[Any]):
    index = s.IntegerField()
    external_id = s.CharField(allow_null=True)
    status = s.ChoiceField(["accepted", "rejected"])
    errors = FieldErrorShape(many=True)  # type: ignore[assignment]


class AccountReceiptShape(s.Serializer[Any]):
    accepted = s.IntegerField()
    rejected = s.IntegerField()
    items = AccountAnswerShape(many=True)


class ScoreShape(s.Serializer[Any]):
    points = s.FloatField()
    lines = s.ListField(child=s.CharField())


class RestrictionShape(s.Serializer[Any]):
    id = s.IntegerField()
    scope = s.ChoiceField([each.value for each in Scope])
    value = s.CharField(allow_null=True)
    reason_code = s.CharField()
    since = s.DateTimeField()


class AccountNoticeShape(s.Serializer[Any]):
    """The step that is announced."""

    case = s.CharField()
    step = s.ChoiceField(["restrict_territory", "suspend", "block"])
    due_at = s.DateTimeField(allow_null=True, help_text="null until a mail server took the memo.")
    stopped = s.BooleanField()


class AccountShape(s.Serializer[Any]):
    external_id = s.CharField()
    standing = s.ChoiceField(["clear", "warned", "restricted", "suspended", "blocked"])
    score = ScoreShape()
    case = s.CharField(allow_null=True)
    restrictions = RestrictionShape(many=True)
    exemptions = s.ListField(child=s.DictField())
    notice = AccountNoticeShape(allow_null=True)


class EventShape(s.Serializer[Any]):
    at = s.DateTimeField()
    what = s.CharField()
    case = s.CharField()
    reason = s.CharField()


class TimelineShape(s.Serializer[Any]):
    results = EventShape(many=True)
    next = s.URLField(allow_null=True)


class PolicyRefShape(s.Serializer[Any]):
    version = s.IntegerField()
    name = s.CharField()


class CaseSummaryShape(s.Serializer[Any]):
    case = s.CharField()
    account = s.CharField()
    state = s.ChoiceField([each.value for each in State])
    outcome = s.CharField(allow_null=True)
    rule = s.CharField()
    policy = PolicyRefShape()
    opened_at = s.DateTimeField()
    accepted_at = s.DateTimeField(allow_null=True)
    due_at = s.DateTimeField(allow_null=True)
    closed_at = s.DateTimeField(allow_null=True)


class CasePageShape(s.Serializer[Any]):
    results = CaseSummaryShape(many=True)
    next = s.URLField(allow_null=True)


class CaseShape(CaseSummaryShape):
    decisions = s.ListField(child=s.DictField())
    memos = s.ListField(child=s.DictField())
    appeals = s.ListField(child=s.DictField())
    statement_of_reasons = s.DictField(allow_null=True)


class GatewayNoticeShape(s.Serializer[Any]):
    case = s.CharField()
    due_at = s.DateTimeField()


class GatewayDecisionShape(s.Serializer[Any]):
    allow = s.BooleanField()
    reason_code = s.CharField(allow_null=True)
    scope = s.CharField(allow_null=True)
    since = s.DateTimeField(allow_null=True)
    case = s.CharField(allow_null=True)
    notice = GatewayNoticeShape(allow_null=True)
    seq = s.IntegerField()
