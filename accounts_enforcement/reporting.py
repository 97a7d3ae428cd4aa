"""Errors to Sentry, where SENTRY_DSN names one: what is not listed here is not sent."""

from typing import Any

import sentry_sdk
import structlog
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.types import Event, Hint

from accounts_enforcement.logs import chain_of, mask, masked, said

_SENT = ("event_id", "timestamp", "level", "platform", "release", "environment", "sdk", "logger")
_FRAME = ("filename", "module", "function", "lineno", "in_app", "context_line", "pre_context", "post_context")


def start(dsn: str) -> None:
    """Nothing happens without a DSN; a wrong one stops the start."""
    if not dsn:
        return
    sentry_sdk.init(
        dsn=dsn,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            AtexitIntegration(callback=lambda pending, timeout: None),  # would print to standard error
            CeleryIntegration(),
            DedupeIntegration(),  # what nobody caught is in the log, too
            DjangoIntegration(middleware_spans=False, signals_spans=False),
            ExcepthookIntegration(),
            LoggingIntegration(),
        ],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        send_client_reports=False,
        before_send=scrub,
    )


def scrub(event: Event, hint: Hint) -> Event | None:
    """An event anew, from what is known to be safe: types, places in the code, and the ids that logs have, too."""
    sent: dict[str, Any] = {name: event[name] for name in _SENT if name in event}  # type: ignore[literal-required]
    sent["tags"] = masked(structlog.contextvars.get_contextvars())
    record = hint.get("log_record")
    if record is not None:
        named = record.msg.get("event", "") if isinstance(record.msg, dict) else record.msg
        sent["logentry"] = {"message": mask(str(named))}
    error = (hint.get("exc_info") or (None, None))[1]
    if error is not None:
        words = {type(each).__name__: said(each) for each in chain_of(error)}
        values = (event.get("exception") or {}).get("values", [])
        sent["exception"] = {"values": [_scrub_error(each, words) for each in values]}
    return sent  # type: ignore[return-value]


def _scrub_error(value: dict[str, Any], words: dict[str, str]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames", [])
    kept = [{name: frame[name] for name in _FRAME if name in frame} for frame in frames]
    return {
        "type": value.get("type"),
        "module": value.get("module"),
        "value": words.get(value.get("type") or "", ""),
        "stacktrace": {"frames": kept},
    }
