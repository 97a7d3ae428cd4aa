"""GET /cases for readers."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enforcement.api import examples
from enforcement.api.documented import CURSOR, address, documented
from enforcement.api.pagination import page, read_cursor
from enforcement.api.questions import NOTHING, read_question
from enforcement.api.shapes.cases import CasePage, WholeCase
from enforcement.api.shapes.forms import ACCOUNT_ID
from enforcement.rules.transitions import State
from enforcement.services import fields, queries
from enforcement.services.fields import Reader

_FILTERS: Mapping[str, Reader] = MappingProxyType(
    {
        "state": fields.one_of(*State),
        "account": fields.account_id,
        "due_before": fields.moment,
        "cursor": read_cursor,
    }
)


class CasesView(APIView):
    scopes = {"GET": "cases:read"}

    @documented(
        "list_cases",
        "Cases, newest first",
        description="100 a page; a case has to fit all filters that are given. `next` is the address of the page that"
        " follows, filters included; null after the last.",
        parameters=[
            OpenApiParameter(
                "state", str, enum=[each.value for each in State], description="Cases in this state only."
            ),
            OpenApiParameter("account", str, pattern=ACCOUNT_ID, description="Cases of this account only."),
            OpenApiParameter("due_before", datetime, description="Whose next step may come before this moment."),
            CURSOR,
        ],
        answer=CasePage,
        examples=examples.LIST_CASES,
    )
    def get(self, request: Request) -> Response:
        asked = read_question(request, _FILTERS)
        after = asked.pop("cursor", None)
        found, following = page(request, queries.cases(**asked), after)
        return Response({"results": [queries.summary(case) for case in found], "next": following})


class CaseView(APIView):
    scopes = {"GET": "cases:read"}

    @documented(
        "read_case",
        "A case with its decisions, memos, appeals and statement of reasons",
        description="The statement of reasons is that of the newest decision in force; null where there is none yet.",
        parameters=[address("reference", "^[ -~]{1,64}$", "As memos and refusals name it.", "AE-7K3M-9QXD")],
        answer=WholeCase,
        problems=[404],
        examples=examples.READ_CASE,
    )
    def get(self, request: Request, reference: str) -> Response:
        read_question(request, NOTHING)
        found = queries.case(reference)
        if found is None:
            raise Http404
        return Response(found)
