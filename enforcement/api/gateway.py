"""GET /gateway/decision: may this request pass?"""

import ipaddress

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enforcement.api import shapes
from enforcement.api.problems import Problem
from enforcement.rules.territory import is_well_formed_country
from enforcement.services import clock, gateway
from enforcement.services.gateway import Question

_PARAMETERS = ("account", "credential", "country", "subdivision", "ip")


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
        return Response(gateway.decide(_question(request), now=clock.now()))


def _question(request: Request) -> Question:
    asked = {name: request.query_params.get(name, "") for name in _PARAMETERS}
    errors = {name: "is not a parameter of this call" for name in request.query_params if name not in _PARAMETERS}
    errors |= {name: "has a NUL character" for name, value in asked.items() if "\0" in value}
    if not asked["account"]:
        errors["account"] = "is required"
    if not is_well_formed_country(asked["country"]):
        errors["country"] = "must be two characters of the form [A-Z][A-Z0-9], such as DE"
    ip = asked.pop("ip")
    if ip and not _is_address(ip):
        errors["ip"] = "must be an IPv4 or IPv6 address"
    if errors:
        raise Problem(400, "The question cannot be answered.", errors)
    return gateway.located(Question(**asked), ip)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text
