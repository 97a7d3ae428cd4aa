"""GET /cases for readers."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enforcement.api import shapes
from enforcement.api.pagination import page
from enforcement.api.questions import read_question
from enforcement.rules.transitions import State
from enforcement.services import fields, queries
from enforcement.services.fields import Reader

_FILTERS: Mapping[str, Reader] = MappingProxyType(
    {
        "state": fields.one_of(*State),
        "account": fields.account_id,
        "due_before": fields.moment,
        "cursor": fields.text(18),
    }
)


class CasesView(APIView):
    scopes = {"GET": "cases:read"}

    @extend_schema(
        operation_id="list_cases",
        summary="Cases, newest first",
        parameters=[
            OpenApiParameter("state", str, enum=[each.value for each in State]),
            OpenApiParameter("account", str),
            OpenApiParameter("due_before", datetime),
            OpenApiParameter("cursor", str, description="As `next` has it."),
        ],
        responses={200: shapes.CasePageShape, **shapes.problems(400)},
    )
    def get(self, request: Request) -> Response:
        asked = read_question(request, _FILTERS)
        asked.pop("cursor", None)
        found, following = page(request, queries.cases(**asked))
        return Response({"results": [queries.summary(case) for case in found], "next": following})


class CaseView(APIView):
    scopes = {"GET": "cases:read"}

    @extend_schema(
        operation_id="read_case",
        summary="A case with its decisions, memos, appeals and statement of reasons",
        responses={200: shapes.CaseShape, **shapes.problems(404)},
    )
    def get(self, request: Request, reference: str) -> Response:
        found = queries.case(reference)
        if found is None:
            raise Http404
        return Response(found)
