"""GET /gateway/decision: may this request pass?"""

from collections.abc import Mapping
from types import MappingProxyType

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enforcement.api import examples
from enforcement.api.documented import documented, line
from enforcement.api.questions import read_question
from enforcement.api.shapes.forms import ACCOUNT_ID, COUNTRY
from enforcement.api.shapes.gateway import GatewayDecision
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

    @documented(
        "gateway_decision",
        "May this request pass?",
        description="An account that we do not know is treated as nobody. Without `country` and `subdivision`, `ip` is"
        " located. While a warning runs, `notice` names the case and its deadline.",
        parameters=[
            OpenApiParameter("account", str, required=True, pattern=ACCOUNT_ID, description="Who calls."),
            line("credential", 128, "The key's public hint."),
            OpenApiParameter(
                "country", str, pattern=COUNTRY, description="ISO 3166-1 alpha-2, as the gateway located the caller."
            ),
            line("subdivision", 16, "ISO 3166-2; wins over the country. Malformed is as not given."),
            OpenApiParameter("ip", str, description="IPv4 or IPv6."),
        ],
        answer=GatewayDecision,
        examples=examples.GATEWAY_DECISION,
    )
    def get(self, request: Request) -> Response:
        asked = read_question(request, _PARAMETERS, required=("account",))
        ip = asked.pop("ip", "")
        return Response(gateway.decide(gateway.located(Question(**asked), ip), now=clock.now()))
