"""The baseline of the gateway's question: what one writes first, a DRF view, the ORM, a serializer.

It answers the same from the same tables; benchmarks/decision_baseline_settings.py puts it into the same web server.
"""

from hashlib import sha256
from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts_enforcement import health
from enforcement.models import Account, ApiKey, Case, PolicyVersion, Restriction
from enforcement.rules.territory import Answer


class QuestionSerializer(serializers.Serializer[Any]):
    account = serializers.RegexField(r"^[A-Za-z0-9._:@-]{1,128}$")
    credential = serializers.CharField(max_length=128, required=False, default="")
    country = serializers.RegexField(r"^([A-Z][A-Z0-9])?$", required=False, default="")
    subdivision = serializers.CharField(max_length=16, required=False, default="")


class NoticeSerializer(serializers.ModelSerializer[Case]):
    case = serializers.CharField(source="reference")

    class Meta:
        model = Case
        fields = ("case", "due_at")


class AnswerSerializer(serializers.Serializer[Any]):
    allow = serializers.BooleanField()
    reason_code = serializers.CharField(allow_null=True)
    scope = serializers.CharField(allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    case = serializers.CharField(allow_null=True)
    notice = NoticeSerializer(allow_null=True)
    seq = serializers.IntegerField()


class KeyAuthentication(TokenAuthentication):
    keyword = "Bearer"

    def authenticate_credentials(self, key: str) -> tuple[Any, None]:
        _, prefix, secret = key.split("_", 2)
        found = ApiKey.objects.select_related("client").filter(prefix=prefix, revoked_at=None).first()
        if found is None or bytes(found.digest) != sha256(secret.encode()).digest():
            raise AuthenticationFailed
        if found.expires_at is not None and found.expires_at <= timezone.now():
            raise AuthenticationFailed
        found.client.is_authenticated = True
        return found.client, None


class DecisionView(APIView):
    authentication_classes = (KeyAuthentication,)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        question = QuestionSerializer(data=request.query_params)
        question.is_valid(raise_exception=True)
        return Response(AnswerSerializer(_answer(**question.validated_data)).data)


def _answer(account: str, credential: str, country: str, subdivision: str) -> dict[str, Any]:
    policy = PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).first()
    outside = policy and policy.rules.territories.answer(country, subdivision) is Answer.UNSUPPORTED
    known = Account.objects.filter(external_id=account).first()
    case = Case.objects.filter(account=known).exclude(state="closed").first() if known else None
    refusing = None
    for each in Restriction.objects.filter(account=known, lifted_at=None).select_related("case") if known else ():
        if each.scope == "account" or (each.scope == "credential" and each.value == credential):
            refusing = each
        elif each.scope == "territory_traffic" and outside:
            refusing = refusing or each
    warned = case and case.state == "warned" and case.remaining is None and case.due_at
    return {
        "allow": refusing is None,
        "reason_code": refusing.reason_code if refusing else None,
        "scope": refusing.scope if refusing else None,
        "since": refusing.since if refusing else None,
        "case": refusing.case.reference if refusing else None,
        "notice": case if warned and case.due_at > timezone.now() else None,
        "seq": 0,
    }


urlpatterns = [path("api/v1/gateway/decision", DecisionView.as_view()), path("readyz", health.ready)]
