"""PUT and POST /accounts from the registrar; GET for readers."""

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enforcement.api import examples
from enforcement.api.documented import ACCOUNT, CURSOR, documented
from enforcement.api.pagination import read_cursor, slice_of
from enforcement.api.parsers import body_of
from enforcement.api.problems import Problem, field_errors
from enforcement.api.questions import NOTHING, read_question
from enforcement.api.shapes.accounts import AccountChange, AccountReceipt, AccountStanding, TimelinePage
from enforcement.services import accounts, clock, queries
from enforcement.services.account_documents import AccountRefused, read_change, read_changes


class AccountView(APIView):
    scopes = {"GET": "accounts:read", "PUT": "accounts:write"}

    @documented(
        "read_account",
        "Standing, score and restrictions of an account",
        description="As it stands now: the score and the lines that it adds up from, the open case, what is restricted,"
        " and the step that was announced. An account that only evidence named is known as well.",
        parameters=[ACCOUNT],
        answer=AccountStanding,
        problems=[404],
        examples=examples.READ_ACCOUNT,
    )
    def get(self, request: Request, external_id: str) -> Response:
        read_question(request, NOTHING)
        found = queries.account(external_id)
        if found is None:
            raise Http404
        return Response(found)

    @documented(
        "put_account",
        "Tell what is known of an account",
        description="Makes the account if there is none. Only named fields change; contacts that are named replace the"
        " ones before, and null clears a field. The answer is the account as a reader sees it.",
        parameters=[ACCOUNT],
        request=AccountChange,
        answer=AccountStanding,
        examples=examples.PUT_ACCOUNT,
    )
    def put(self, request: Request, external_id: str) -> Response:
        read_question(request, NOTHING)
        try:
            change = read_change(body_of(request), external_id)
        except AccountRefused as refused:
            raise Problem(422, "The account was rejected.", refused.errors) from None
        accounts.upsert([change], now=clock.now())
        return Response(queries.account(external_id))


class AccountsView(APIView):
    scopes = {"POST": "accounts:write"}
    most = accounts.MAX_ACCOUNTS

    @documented(
        "post_accounts",
        "Tell what is known of up to 1,000 accounts",
        description="As PUT does for one, with `external_id` in each. `items` lists what was rejected, with the fields"
        " and the reasons; all others were taken.",
        request=AccountChange(many=True),
        answer=AccountReceipt,
        examples=examples.POST_ACCOUNTS,
    )
    def post(self, request: Request) -> Response:
        read_question(request, NOTHING)
        given = body_of(request)
        if not isinstance(given, list) or not given:
            raise Problem(422, "The body must be an array of 1 to 1,000 accounts.")
        if len(given) > accounts.MAX_ACCOUNTS:
            raise Problem(413, f"There are {len(given)} accounts in the body; send at most {accounts.MAX_ACCOUNTS}.")
        changes, refused = read_changes(given)
        accounts.upsert(changes, now=clock.now())
        rejected = [_rejection(index, given[index], each) for index, each in refused.items()]
        return Response({"accepted": len(changes), "rejected": len(rejected), "items": rejected})


def _rejection(index: int, document: Any, refused: AccountRefused) -> dict[str, Any]:
    named = document.get("external_id") if isinstance(document, dict) else None
    return {
        "index": index,
        "external_id": named[:128] if isinstance(named, str) else None,
        "status": "rejected",
        "errors": field_errors(refused.errors),
    }


class TimelineView(APIView):
    scopes = {"GET": "accounts:read"}

    @documented(
        "read_timeline",
        "Everything that happened to an account, oldest first",
        description="Its cases, memos, appeals and decisions, 100 a page. `next` is the address of the page that"
        " follows; null after the last.",
        parameters=[ACCOUNT, CURSOR],
        answer=TimelinePage,
        problems=[404],
        examples=examples.READ_TIMELINE,
    )
    def get(self, request: Request, external_id: str) -> Response:
        asked = read_question(request, {"cursor": read_cursor})
        events = queries.timeline(external_id)
        if events is None:
            raise Http404
        found, following = slice_of(request, events, asked.get("cursor", 0))
        return Response({"results": found, "next": following})
