"""/metrics: what the processes of this machine counted, and what the database says now."""

import hmac
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import product
from typing import get_args

import structlog
from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from accounts_enforcement.security import client_address
from enforcement import metrics
from enforcement.models import Memo
from enforcement.rules.transitions import Step
from enforcement.services import gauges
from enforcement.services.intake import Status
from notifications.delivery import Outcome

log = structlog.get_logger(__name__)


class Readings(Collector):
    """The gauges, read anew at each scrape. A database that is away takes only them away."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        shared = metrics.SHARED is not None and metrics.SHARED.is_complete()
        for reading, values in {metrics.COUNTS_SHARED: {"": float(shared)}, **self._read()}.items():
            labels = [reading.label] if reading.label else []
            family = GaugeMetricFamily(reading.name, reading.help, labels=labels)
            for label, value in values.items():
                family.add_metric([label] if labels else [], value)
            yield family

    def _read(self) -> dict[metrics.Reading, gauges.Values]:
        try:
            return gauges.read()
        except Error:
            log.warning("metrics.database_away", exc_info=True)
            return {metrics.DATABASE_UP: {"": 0}}


def start_at_nought() -> None:
    """Make the counts that alerts ask for before anything is counted: a count that begins at one never rose."""
    for kind, outcome in product(Memo.Kind.values, get_args(Outcome)):
        metrics.MEMOS.labels(kind, outcome)
    for step, status in product(Step, ("applied", "held")):
        metrics.DECISIONS.labels(step, status)
    for status in get_args(Status):
        metrics.EVIDENCE_ITEMS.labels(status)
    for task, outcome in product(("assess", "sweep", "deliver", "figures"), ("succeeded", "failed")):
        metrics.TASKS.labels(task, outcome)
    for work in ("assess", "notice", "sweep", "render"):
        metrics.SET_ASIDE.labels(work)


@require_safe
def expose(request: HttpRequest) -> HttpResponse:
    """Text for Prometheus, for whoever shows the token or asks from a network that may."""
    if not _may_read(request):
        return HttpResponse("METRICS_TOKEN and METRICS_NETWORKS say who may read this.\n", "text/plain", status=403)
    return HttpResponse(exposition(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


def exposition() -> bytes:
    told = _together() or generate_latest(metrics.COUNTED)
    read = CollectorRegistry(auto_describe=False)
    read.register(Readings())
    return told + generate_latest(read)


def _together() -> bytes:
    """What all that share the directory have counted; nothing where there is none that could be read."""
    if not metrics.DIRECTORY:
        return b""
    together = CollectorRegistry(auto_describe=False)
    try:
        MultiProcessCollector(together, path=metrics.DIRECTORY)
        return generate_latest(together)
    except (OSError, ValueError):
        log.warning("metrics.directory_unreadable", exc_info=True)
        return b""


def _may_read(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN and scheme.lower() == "bearer":
        return hmac.compare_digest(token.encode(), settings.METRICS_TOKEN.encode())
    address = client_address(request)
    return address is not None and any(ip_address(address) in network for network in settings.METRICS_NETWORKS)
