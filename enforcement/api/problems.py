"""Every error is an RFC 9457 problem document that names the field and the reason."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions

RETRY_AFTER = 5
MEDIA_TYPE = "application/problem+json"
_NOTHING = "There is nothing at this address."
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}  # RFC 9110's; Python has them since 3.13
log = structlog.get_logger(__name__)


class Problem(exceptions.APIException):
    """An error with a sentence, the fields that are wrong, and headers that belong to it."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status_code, self.sentence, self.errors, self.headers = status, detail, errors or {}, headers or {}


def handle(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's exception handler; None lets what is unexpected surface as a 500 with a log line."""
    match error:
        case OperationalError() | InterfaceError():  # lock and statement timeouts, and a full pool, among them
            log.warning("database.away", exc_info=True)
            headers = {"Retry-After": str(RETRY_AFTER)}
            return _answer(503, "The database is away or too busy; try again soon.", headers=headers)
        case Problem():
            return _answer(error.status_code, error.sentence, error.errors, dict(error.headers))
        case Http404():
            return _answer(404, _NOTHING)
        case exceptions.APIException():
            return _answer(error.status_code, _sentence(error), headers=_headers(error))
    return None


def _sentence(error: exceptions.APIException) -> str:
    return str(error.detail) if isinstance(error.detail, str) else str(error.default_detail)


def _headers(error: exceptions.APIException) -> dict[str, str]:
    """DRF hangs them on the exception."""
    challenge = getattr(error, "auth_header", None)
    return {"WWW-Authenticate": challenge} if challenge else {}


def document(status: int, detail: str, errors: Mapping[str, str] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = field_errors(errors)
    return body


def field_errors(errors: Mapping[str, str]) -> list[dict[str, str]]:
    """An entry per field; "" is the whole document."""
    return [{"field": name, "reason": reason} for name, reason in errors.items()]


def _answer(
    status: int, detail: str, errors: Mapping[str, str] | None = None, headers: dict[str, str] | None = None
) -> HttpResponse:
    """Past the view's renderer, which at the schema would write YAML, and at the docs a page."""
    return JsonResponse(document(status, detail, errors), status=status, headers=headers, content_type=MEDIA_TYPE)


# -- what happens outside of any view of the API: machines get a document, people a page -----------------------------


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not _is_machine(request):
        return defaults.bad_request(request, exception)
    return _answer(400, "The request is not one that this host answers.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(404, _NOTHING) if _is_machine(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """The last resort; the log has what happened, the caller has not."""
    if not _is_machine(request):
        return defaults.server_error(request)
    return _answer(500, "Something failed here; it was logged.")


def _is_machine(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")
