"""Every error is an RFC 9457 problem document that names the field and the reason."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from psycopg_pool import PoolTimeout
from rest_framework import exceptions
from rest_framework.response import Response

RETRY_AFTER = 5
MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger(__name__)


class Problem(exceptions.APIException):
    """An error with a sentence, and the fields that are wrong."""

    def __init__(self, status: int, detail: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status_code, self.sentence, self.errors = status, detail, errors or {}


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler; None lets what is unexpected surface as a 500 with a log line."""
    match error:
        case OperationalError() | InterfaceError() | PoolTimeout():
            log.warning("database.away", exc_info=True)
            return _answer(503, "The database is away; try again soon.", headers={"Retry-After": str(RETRY_AFTER)})
        case Problem():
            return _answer(error.status_code, error.sentence, error.errors)
        case RequestDataTooBig():
            return _answer(413, "The body is larger than 8 MiB.")
        case Http404():
            return _answer(404, "There is nothing at this address.")
        case PermissionDenied():
            return _answer(403, "This is not allowed.")
        case exceptions.APIException():
            return _answer(error.status_code, _sentence(error), headers=_headers(error))
    return None


def _sentence(error: exceptions.APIException) -> str:
    return str(error.detail) if isinstance(error.detail, str) else str(error.default_detail)


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait) + 1)
    return headers


def document(status: int, detail: str, errors: Mapping[str, str] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = [{"field": name, "reason": reason} for name, reason in errors.items()]
    return body


def _answer(
    status: int, detail: str, errors: Mapping[str, str] | None = None, headers: dict[str, str] | None = None
) -> Response:
    return Response(document(status, detail, errors), status=status, headers=headers, content_type=MEDIA_TYPE)


def not_found(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """Addresses that no view has."""
    return JsonResponse(document(404, "There is nothing at this address."), status=404, content_type=MEDIA_TYPE)


def server_error(request: HttpRequest) -> JsonResponse:
    """The last resort; the log has what happened, the caller has not."""
    return JsonResponse(document(500, "Something failed here; it was logged."), status=500, content_type=MEDIA_TYPE)
