"""What the OpenAPI document shows as an answer is what the service answers: each is provoked, and compared."""

import json
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client as Browser
from drf_spectacular.generators import SchemaGenerator

from enforcement.api.documented import PROBLEMS
from enforcement.api.parsers import MAX_BYTES
from enforcement.services import buckets, keys
from tests.api.conftest import Caller

PATHS = SchemaGenerator().get_schema(request=None, public=True)["paths"]
CALLS = {call["operationId"]: (method, path, call) for path, calls in PATHS.items() for method, call in calls.items()}
PROVOKED = [
    (name, int(status)) for name, (*_, call) in CALLS.items() for status in call["responses"] if int(status) in PROBLEMS
]
HEADERS: Mapping[int, dict[str, str]] = {
    406: {"Accept": "text/html"},
    413: {"Content-Length": str(MAX_BYTES + 1)},
    415: {"Content-Encoding": "gzip"},
}
QUESTIONS = {"gateway_decision": "account=acme"}
WRONG_QUESTIONS = {"gateway_decision": "", "send_evidence": ""}
WRONG_BODIES: Mapping[tuple[str, int], Callable[[Any], Any]] = {
    ("send_evidence", 400): lambda body: b'[{"confidence": NaN}]',
    ("send_evidence", 409): lambda body: body[0] | {"requests": 3},
    ("send_evidence", 422): lambda body: body[0] | {"observed_at": "2026-06-10T00:00:12"},
    ("put_account", 422): lambda body: body | {"timezone": "Mars/Olympus", "colour": "red"},
    ("post_accounts", 422): lambda body: body[0],
}


def shown(name: str, status: int) -> Any:
    """The first example of an answer."""
    (content,) = CALLS[name][2]["responses"][str(status)]["content"].values()
    return next(iter(content["examples"].values()))["value"]


def body_of(name: str) -> Any:
    told = CALLS[name][2].get("requestBody")
    return told and deepcopy(next(iter(told["content"]["application/json"]["examples"].values()))["value"])


def issue(name: str, *, stranger: bool = False) -> str:
    """A key that has the scope of a call, or a stranger's. The client is called as in the examples."""
    (scope,) = CALLS[name][2]["security"][0]["key"]
    kind = next(kind for kind, scopes in keys.SCOPES.items() if (scope in scopes) is not stranger)
    return keys.issue("stranger" if stranger else "edge-logs" if kind == "detector" else "books", kind, lasts=None)


def ask(name: str, key: str | None, body: Any, question: str = "", headers: Mapping[str, str] | None = None) -> Any:
    method, path, _ = CALLS[name]
    path = path.replace("{external_id}", "acme").replace("{reference}", "AE-7K3M-9QXD")
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Browser(raise_request_exception=False).generic(
        method.upper(), f"{path}?{question}", content, content_type="application/json",
        headers=Caller(key)._headers() | dict(headers or {}),
    )  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "status"), PROVOKED)
def test_a_problem_reads_as_it_is_shown(name: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    key, body, question = issue(name), body_of(name), QUESTIONS.get(name, "")
    match status:
        case 400:
            question = WRONG_QUESTIONS.get(name, "colour=red")
        case 403:
            key = issue(name, stranger=True)
        case 409:
            assert ask(name, key, body).status_code == 202
        case 429:
            monkeypatch.setattr(buckets.Buckets, "take", lambda *_, **__: 0.5)
        case 503:
            monkeypatch.setattr(keys, "find", away)
    body = WRONG_BODIES.get((name, status), lambda body: body)(body)
    answer = ask(name, None if status == 401 else key, body, question, HEADERS.get(status))
    assert answer.status_code == status, answer.content
    assert without_figures(answer.json()) == without_figures(shown(name, status))


def away(_: str) -> None:
    raise OperationalError


def without_figures(problem: dict[str, Any]) -> dict[str, Any]:
    """How much a client may send, and how long it has to wait, depends."""
    if problem["status"] != 429:
        return problem
    return problem | {"detail": re.sub(r"\d[\d,]*", "N", problem["detail"])}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "status", "others"),
    [
        ("send_evidence", 202, [{}, {"id": "log-7/2026-06-10/acme/key-2/CHN", "country": "CHN"}]),
        ("post_accounts", 200, [{"external_id": "shop", "kind": "club"}]),
    ],
)
def test_a_batch_is_answered_as_it_is_shown(name: str, status: int, others: list[dict[str, str]]) -> None:
    (good,) = body_of(name)
    answer = ask(name, issue(name), [good, *(good | each for each in others)])
    assert (answer.status_code, answer.json()) == (status, shown(name, status))


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "status"), [("send_evidence", 202), ("post_accounts", 200), ("put_account", 200)])
def test_a_body_that_is_shown_is_taken(name: str, status: int) -> None:
    answer = ask(name, issue(name), body_of(name))
    assert (answer.status_code, answer.json().get("rejected", 0)) == (status, 0)
