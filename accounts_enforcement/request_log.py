"""Each request under an id: logged as it ends, and counted. By the template of its address, never by the address."""

import re
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse

from enforcement import metrics
from enforcement.api.authentication import Caller

_SANE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_PROBES = {"healthz", "readyz", "metrics"}
log = structlog.get_logger(__name__)


class RequestLog:
    """The id is the caller's, if it sends a sane `X-Request-ID`, else made here; every answer names it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _SANE_ID.fullmatch(given) else uuid.uuid4().hex
        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            _tell(request, response.status_code, time.perf_counter() - began)
        response.headers["X-Request-ID"] = request_id
        return response


def _tell(request: HttpRequest, status: int, seconds: float) -> None:
    route = _route(request)
    method = request.method if request.method in _METHODS else "other"
    metrics.HTTP_REQUESTS.labels(route, method, status).inc()
    metrics.HTTP_REQUEST_DURATION.labels(route, method).observe(seconds)
    say = log.debug if route in _PROBES or route == "static" else log.info
    say("request", method=method, route=route, status=status, duration=round(seconds, 4), **_people(request))


def _route(request: HttpRequest) -> str:
    if request.resolver_match is not None:
        return request.resolver_match.route
    return "static" if request.path_info.startswith(settings.STATIC_URL) else "unmatched"


def _people(request: HttpRequest) -> dict[str, Any]:
    """Whose request it was and about whom, as far as it is known already: names of clients, and ids."""
    caller, match = request.__dict__.get("user"), request.resolver_match
    found = {
        "client": caller.client.name if type(caller) is Caller else None,  # what Django put there would ask the session
        "staff": getattr(request.__dict__.get("_cached_user"), "pk", None),
        "account": match.kwargs.get("external_id") or request.GET.get("account") if match else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def tell_failure(sender: object, request: HttpRequest | None = None, **_: Any) -> None:
    """An error that nobody caught, which the caller gets as a 500."""
    log.error("request.failed", exc_info=sys.exc_info())


got_request_exception.connect(tell_failure, dispatch_uid="request log")
