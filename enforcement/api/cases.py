"""GET /cases for readers."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enforcement.api import shapes
from enforcement.api.pagination import page
from enforcement.api.problems import Problem
from enforcement.models import Case
from enforcement.rules.transitions import State
from enforcement.services import queries

_FILTERS = ("state", "account", "due_before", "cursor")


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
        found, following = page(request, _filtered(request).select_related("account", "policy"))
        return Response({"results": [queries.summary(case) for case in found], "next": following})  # type: ignore[arg-type]


def _filtered(request: Request) -> QuerySet[Case]:
    asked = request.query_params
    unknown = {name: "is not a filter of cases" for name in asked if name not in _FILTERS}
    if unknown:
        raise Problem(400, "The question cannot be answered.", unknown)
    cases: QuerySet[Case, Any] = Case.objects.all()
    if "state" in asked:
        if asked["state"] not in list(State):
            raise Problem(400, "The question cannot be answered.", {"state": f"must be one of {', '.join(State)}"})
        cases = cases.filter(state=asked["state"])
    if "account" in asked:
        cases = cases.filter(account__external_id=asked["account"].replace("\0", ""))
    if "due_before" in asked:
        cases = cases.filter(due_at__lt=_moment(asked["due_before"]))
    return cases


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        moment.utctimetuple()  # overflows at the ends of the calendar
    except (ValueError, OverflowError):
        reason = "must be an RFC 3339 time with an offset"
        raise Problem(400, "The question cannot be answered.", {"due_before": reason}) from None
    return moment


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
