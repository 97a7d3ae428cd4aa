"""Errors and traces leave the house only where a setting names a receiver, and without what belongs to people."""

import json
import os
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

from tests.operations import composition
from tests.operations.collector import Received, collecting

# A process of its own, as both are started once for good: a request that fails, and a task that does.
_LIFE = """
import sys
import django
django.setup()
from django.conf import settings
from django.http import HttpRequest
from django.test import Client
from django.urls import path

import accounts_enforcement.urls as urls
from accounts_enforcement.celery import app

def broken(request: HttpRequest, token: str) -> None:
    marker_local = "marker-local"
    raise ValueError(f"marker-words {token} {marker_local} {request.body!r}")

urls.urlpatterns.append(path("broken/<str:token>", broken))
asked = dict(HTTP_AUTHORIZATION="Bearer marker-bearer", HTTP_COOKIE="sessionid=marker-cookie",
             REMOTE_ADDR="203.0.113.77", HTTP_USER_AGENT="marker-agent", HTTP_X_REQUEST_ID="request-0001",
             content_type="application/json", HTTP_HOST="localhost")
browser = Client(raise_request_exception=False)
answer = browser.post("/broken/marker-token?q=marker-query", data='{"name": "marker-body"}', **asked)
assert answer.status_code == 500
browser.get("/readyz", HTTP_HOST="localhost")

@app.task(name="enforcement.tasks.broken")
def fails(**_: object) -> None:
    raise ValueError("marker-task-words")

fails.apply(kwargs={"who": "marker.person@example.test"})

if settings.SENTRY_DSN:
    import sentry_sdk
    sentry_sdk.flush(20)
"""


def live(**settings: str) -> subprocess.CompletedProcess[str]:
    url = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}"))
    return subprocess.run(
        [sys.executable, "-c", _LIFE],
        cwd=composition.ROOT, env={**os.environ, "DATABASE_URL": url, **settings}, capture_output=True, text=True,
    )  # fmt: skip


def events(received: Received) -> list[dict[str, Any]]:
    """The events in Sentry's envelopes: lines of JSON, a header before each."""
    found = [json.loads(line) for _, body in received.bodies for line in body.splitlines() if line.startswith(b"{")]
    return [line for line in found if "exception" in line or "logentry" in line]


@pytest.mark.django_db(transaction=True)
def test_an_error_arrives_with_its_place_and_ids_and_nothing_of_the_request() -> None:
    with collecting() as received:
        done = live(SENTRY_DSN=received.url.replace("http://", "http://public@") + "/1")
    assert done.returncode == 0, done.stderr
    raised = [event for event in events(received) if "exception" in event]
    (by_request,) = (event for event in raised if event["tags"].get("request_id") == "request-0001")
    (value,) = by_request["exception"]["values"]
    assert (value["type"], value["value"]) == ("ValueError", "")
    assert value["stacktrace"]["frames"][-1]["function"] == "broken"
    assert [event["tags"]["task"] for event in raised if "task" in event["tags"]] == ["broken"]
    assert "marker" not in received.text()
    assert "203.0.113" not in received.text()
    for event in raised:
        assert not event.keys() & {"request", "user", "breadcrumbs", "contexts", "extra", "server_name", "modules"}


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_without_a_setting() -> None:
    with collecting() as received:
        done = live(SENTRY_DSN="", OTEL_EXPORTER_OTLP_ENDPOINT="", HTTP_PROXY=received.url, http_proxy=received.url)
    assert done.returncode == 0, done.stderr
    assert received.bodies == []


def test_a_tracker_that_cannot_be_understood_stops_the_start() -> None:
    done = live_start(SENTRY_DSN="not a url")
    assert done.returncode != 0
    assert "DSN" in done.stderr


@pytest.mark.django_db(transaction=True)
def test_spans_arrive_with_route_and_status_and_nothing_of_the_request() -> None:
    with collecting() as received:
        done = live(OTEL_EXPORTER_OTLP_ENDPOINT=received.url)
    assert done.returncode == 0, done.stderr
    assert {path for path, _ in received.bodies} == {"/v1/traces"}
    text = received.text()
    for told in ("POST broken/<str:token>", "GET readyz", "enforcement.tasks.broken", "SELECT"):
        assert told in text, told
    assert "marker" not in text
    assert "203.0.113" not in text
    assert "enforcement_case" not in text  # no statement of SQL


def test_an_endpoint_without_the_packages_stops_the_start_and_says_what_to_install() -> None:
    without = "import sys; sys.modules['opentelemetry.sdk.trace'] = None; import django; django.setup()"
    done = live_start(without, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode != 0
    assert "pip install --require-hashes -r requirements-otel.txt" in done.stderr


def live_start(program: str = "import django; django.setup()", **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=composition.ROOT, env={**os.environ, **settings}, capture_output=True, text=True,
    )  # fmt: skip
