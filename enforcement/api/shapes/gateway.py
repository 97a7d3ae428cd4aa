"""What a gateway is told, as OpenAPI shows it."""

from typing import Any

from rest_framework import serializers as s


class GatewayNotice(s.Serializer[Any]):
    case = s.CharField()
    due_at = s.DateTimeField()


class GatewayDecision(s.Serializer[Any]):
    allow = s.BooleanField()
    reason_code = s.CharField(allow_null=True, help_text="As in the refusal that the gateway sends.")
    scope = s.CharField(allow_null=True)
    since = s.DateTimeField(allow_null=True)
    case = s.CharField(allow_null=True)
    notice = GatewayNotice(allow_null=True)
    seq = s.IntegerField()
