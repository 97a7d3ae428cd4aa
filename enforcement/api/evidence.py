"""POST /evidence: one item, an array, or NDJSON; 202 after commit, with an answer for every item."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enforcement.api import examples
from enforcement.api.authentication import caller_of
from enforcement.api.documented import documented
from enforcement.api.limits import charge
from enforcement.api.parsers import NDJSONParser, StrictJSONParser, body_of
from enforcement.api.problems import Problem, field_errors
from enforcement.api.questions import NOTHING, read_question
from enforcement.api.shapes.evidence import EvidenceItem, Receipt
from enforcement.services import clock, intake
from enforcement.services.intake import Answer


class EvidenceView(APIView):
    parser_classes = [StrictJSONParser, NDJSONParser]
    scopes = {"POST": "evidence:write"}
    most = intake.MAX_ITEMS
    throttle_classes = []  # it costs as many as its items, which are known when the body is read

    @documented(
        "send_evidence",
        "Send what a detector saw",
        description="1 to 1,000 items, as an array or as NDJSON. Every item is answered exactly once; one that is wrong"
        " harms no other, and sending twice changes nothing. One object alone is taken too: if it is wrong, it is"
        " answered 409 or 422.",
        request={
            "application/json": EvidenceItem(many=True),
            "application/x-ndjson": EvidenceItem,
        },
        answer=Receipt,
        status=202,
        problems=[409],
        examples=examples.SEND_EVIDENCE,
    )
    def post(self, request: Request) -> Response:
        cost = 1  # of what cannot be read, too
        try:
            read_question(request, NOTHING)
            given = body_of(request)
            items = _items(given)
            cost = len(items)
        finally:
            charge(request, cost)
        receipt = intake.record(caller_of(request).client, items, now=clock.now())
        if not isinstance(given, list):
            _refuse_single(receipt.answers[0])
        return Response(_document(receipt), status=202)


def _items(given: Any) -> list[Any]:
    items = given if isinstance(given, list) else [given]
    if not items:
        raise Problem(422, "There is no item in the body; send 1 to 1,000.")
    if len(items) > intake.MAX_ITEMS:
        raise Problem(413, f"There are {len(items)} items in the body; send at most {intake.MAX_ITEMS}.")
    return items


def _refuse_single(answer: Answer) -> None:
    if answer.status == "rejected":
        raise Problem(422, "The item was rejected.", answer.errors)
    if answer.status == "conflict":
        raise Problem(409, f"The id {answer.id} was used for another body before; nothing was changed.")


def _document(receipt: intake.Receipt) -> dict[str, Any]:
    return {
        "accepted": receipt.count("accepted"),
        "duplicates": receipt.count("duplicate"),
        "conflicts": receipt.count("conflict"),
        "rejected": receipt.count("rejected"),
        "unknown_territory": sum(each.unknown_territory for each in receipt.answers),
        "items": [_line(each) for each in receipt.answers if each.status != "accepted" or each.unknown_territory],
    }


def _line(answer: Answer) -> dict[str, Any]:
    return {
        "index": answer.index,
        "id": answer.id,
        "status": "unknown_territory" if answer.unknown_territory else answer.status,
        "errors": field_errors(answer.errors),
    }
