"""GET /gateway/decision: may this request pass?"""

from collections.abc import Mapping
from types import MappingProxyType

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enforcement.api import shapes
from enforcement.api.questions import read_question
from enforcement.services import clock, fields, gateway
from enforcement.services.fields import Reader
from enforcement.services.gateway import Question

_PARAMETERS: Mapping[str, Reader] = MappingProxyType(
    {
        "account": fields.account_id,
        "credential": fields.text(128),
        "country": fields.country,
        "subdivision": fields.text(16),  # malformed counts as not given
        "ip": fields.address,
    }
)


class GatewayDecisionView(APIView):
    scopes = {"GET": "gateway:read"}

    @extend_schema(
        operation_id="gateway_decision",
        summary="May this request pass?",
        description="An account that we do not know is treated as nobody. Without `country`, `ip` is located.",
        parameters=[OpenApiParameter(name, str, required=name == "account") for name in _PARAMETERS],
        responses={200: shapes.GatewayDecisionShape, **shapes.problems(400)},
    )
    def get(self, request: Request) -> Response:
        asked = read_question(request, _PARAMETERS, required=("account",))
        ip = asked.pop("ip", "")
        return Response(gateway.decide(gateway.located(Question(**asked), ip), now=clock.now()))
