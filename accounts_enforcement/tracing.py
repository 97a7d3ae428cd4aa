"""Traces by OpenTelemetry. Imported only where OTEL_EXPORTER_OTLP_ENDPOINT is set: the packages are optional."""

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Status

# Of what the instrumentations write down: kinds and places, no addresses of requests, statements, messages or callers.
_KEPT = frozenset({
    "http.method", "http.request.method", "http.route", "http.status_code", "http.response.status_code",
    "db.system", "db.system.name", "celery.action", "celery.state", "celery.task_name", "error.type",
})  # fmt: skip


class ScrubbingExporter(OTLPSpanExporter):
    """Sends copies of the spans that hold only what is kept."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return super().export([scrubbed(span) for span in spans])


def start() -> None:
    """Spans of requests, tasks and database calls, in batches; the other OTEL_ variables are the packages' own."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(ScrubbingExporter()))
    for instrumentor in (DjangoInstrumentor, CeleryInstrumentor, PsycopgInstrumentor):
        instrumentor().instrument(tracer_provider=provider)


def scrubbed(span: ReadableSpan) -> ReadableSpan:
    """Without events, which are errors with their words and tracebacks; the log has these."""
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_kept(span.attributes or {}),
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _kept(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name in _KEPT}
