"""Evidence as OpenAPI shows it. Reading and checking is the services' work."""

from typing import Any

from rest_framework import serializers as s

from enforcement.api.shapes.bodies import Body
from enforcement.api.shapes.forms import ACCOUNT_ID, COUNTRY, LINE
from enforcement.api.shapes.problems import FieldError
from enforcement.rules.policy_parts import NETWORK_CLASSES
from enforcement.services.evidence_items import MAX_REQUESTS

CLASSES = [(each, each) for each in NETWORK_CLASSES]
OUTCOMES = [(each, each) for each in ("served", "refused")]
LINES = [(each, each) for each in ("duplicate", "conflict", "rejected", "unknown_territory")]


def _given(kind: type[s.Field[Any, Any, Any, Any]], **more: Any) -> Any:
    """A field that may be left out; null is as good."""
    return kind(required=False, allow_null=True, **more)


class EvidenceItem(Body):
    """What a detector saw. Unknown fields are refused; text is one line without control characters."""

    id = s.RegexField(r"^[\x20-\x7e]{1,128}$", help_text="The detector's own, unique for ever.")
    account = s.RegexField(ACCOUNT_ID)
    kind = s.RegexField(r"^[a-z][a-z0-9_]{0,39}$")
    observed_at = s.DateTimeField(help_text="With an offset, at most 5 minutes ahead; old is fine.")
    observed_until = _given(s.DateTimeField)
    country = _given(
        s.RegexField,
        regex=COUNTRY,
        help_text="ISO 3166-1 alpha-2; a code that nobody assigned is stored as unknown.",
    )
    subdivision = _given(s.CharField, help_text="ISO 3166-2; wins over the country. Malformed is as not given.")
    network_class = _given(s.ChoiceField, choices=CLASSES)
    outcome = _given(s.ChoiceField, choices=OUTCOMES)
    confidence = _given(s.FloatField, max_value=1, help_text="Above 0 to 1, at most 18 decimal places; default 1.")
    requests = _given(s.IntegerField, min_value=1, max_value=MAX_REQUESTS, help_text="Default 1.")
    credential = _given(s.RegexField, regex=LINE, max_length=128, help_text="The key's public hint.")
    ip = _given(s.IPAddressField, help_text="IPv4 or IPv6.")
    asn = _given(s.IntegerField, min_value=0, max_value=2**32 - 1)
    source = _given(s.RegexField, regex=LINE, max_length=128, help_text="Name and date of the data it rests on.")
    end_user = _given(s.RegexField, regex=LINE, max_length=128, help_text="A hash.")
    details = _given(s.DictField, help_text="At most 8 KiB.")


class ReceiptLine(s.Serializer[Any]):
    index = s.IntegerField(help_text="Of the item in the body, from 0.")
    id = s.CharField(allow_null=True)
    status = s.ChoiceField(LINES)
    errors = FieldError(many=True)  # type: ignore[assignment]


class Receipt(s.Serializer[Any]):
    """The first four add up to the items sent; `items` lists all that is not plainly accepted."""

    accepted = s.IntegerField()
    duplicates = s.IntegerField()
    conflicts = s.IntegerField()
    rejected = s.IntegerField()
    unknown_territory = s.IntegerField(help_text="A subset of accepted.")
    items = ReceiptLine(many=True)
