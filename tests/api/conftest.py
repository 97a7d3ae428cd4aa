"""A caller for each kind of key, over the real URLs and the real authentication."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection
from django.test import Client as Browser

from devservices.service import free_port, is_ready, start_web
from devservices.supervisor import Family
from enforcement.services import keys


class Caller:
    """Calls the API with one key. What would be a 500 in production is one here."""

    def __init__(self, key: str | None) -> None:
        self.key = key
        self.browser = Browser(raise_request_exception=False)

    def get(self, path: str, **parameters: str) -> Any:
        return self.browser.get(f"/api/v1{path}", parameters, headers=self._headers())

    def post(self, path: str, document: Any, content_type: str = "application/json", **headers: str) -> Any:
        return self._send("post", path, document, content_type, headers)

    def put(self, path: str, document: Any, content_type: str = "application/json", **headers: str) -> Any:
        return self._send("put", path, document, content_type, headers)

    def call(self, method: str, path: str) -> Any:
        return self.browser.generic(method, f"/api/v1{path}", headers=self._headers())

    def _send(self, method: str, path: str, document: Any, content_type: str, headers: dict[str, str]) -> Any:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return getattr(self.browser, method)(
            f"/api/v1{path}", body, content_type=content_type, CONTENT_TYPE=content_type,
            headers=self._headers() | headers,
        )  # fmt: skip

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


@pytest.fixture
def caller(db: None) -> Callable[[str], Caller]:
    """A caller with a fresh key of a kind."""
    return lambda kind: Caller(keys.issue(f"a-{kind}", kind, lasts=None))


@pytest.fixture
def sender(caller: Callable[[str], Caller]) -> Caller:
    return caller("detector")


@pytest.fixture
def registrar(caller: Callable[[str], Caller]) -> Caller:
    return caller("registrar")


@pytest.fixture
def reader(caller: Callable[[str], Caller]) -> Caller:
    return caller("reader")


@pytest.fixture
def gateway(caller: Callable[[str], Caller]) -> Caller:
    return caller("gateway")


@pytest.fixture
def served(transactional_db: None, tmp_path: Path) -> Iterator[str]:
    """The address of a real web server on the tests' database."""
    url = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}"))
    port = free_port()
    with Family(tmp_path / "logs", os.environ | {"DATABASE_URL": url}) as family:
        start_web(family, port)
        family.wait_until(lambda: is_ready(port), "the web server is ready")
        yield f"http://127.0.0.1:{port}"


def item(name: str = "e-1", **fields: Any) -> dict[str, Any]:
    """A good item of evidence; None leaves a field out."""
    usual = {
        "id": name,
        "account": "acme",
        "kind": "ip_geolocation",
        "observed_at": "2026-06-10T12:00:00Z",
        "country": "CN",
    }
    return {field: value for field, value in (usual | fields).items() if value is not None}


def assert_problem(answer: Any, status: int, *named: str) -> dict[str, Any]:
    """An RFC 9457 document of this status that names these fields, each with a reason."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"].endswith(".")
    errors = {each["field"]: each["reason"] for each in problem.get("errors", [])}
    assert set(named) <= set(errors), errors
    assert all(errors.values())
    return problem
