"""The OpenAPI document is valid, complete, and true of the answers."""

from typing import Any

import jsonschema
import pytest
from django.test import Client as Browser
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from enforcement.models import Account, Client, Decision, PolicyVersion
from enforcement.services import appeals, clock
from tests.api.conftest import Caller, item
from tests.stage import suspended, the_case


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


def test_the_document_is_valid_openapi_3_1(schema: dict[str, Any]) -> None:
    validate_schema(schema)
    assert schema["openapi"].startswith("3.1")


def test_every_call_declares_its_key_and_its_problems(schema: dict[str, Any]) -> None:
    scheme = schema["components"]["securitySchemes"]["key"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for calls in schema["paths"].values():
        for call in calls.values():
            assert call["security"] == [{"key": []}]
            assert {"401", "403", "503"} <= set(call["responses"])
            for status, answer in call["responses"].items():
                if status >= "400":
                    assert list(answer["content"]) == ["application/problem+json"]


def test_evidence_may_be_sent_in_both_forms(schema: dict[str, Any]) -> None:
    body = schema["paths"]["/api/v1/evidence"]["post"]["requestBody"]
    assert set(body["content"]) == {"application/json", "application/x-ndjson"}


def test_the_document_and_its_pages_are_open_to_everybody(db: None) -> None:
    for path in ("/api/schema/", "/api/docs/"):
        assert Browser().get(path).status_code == 200


def check(schema: dict[str, Any], answer: Any, path: str, method: str = "get", status: str = "200") -> None:
    """The answer is of the shape that the document tells."""
    assert str(answer.status_code) == status
    (content,) = schema["paths"][f"/api/v1{path}"][method]["responses"][status]["content"].values()
    told = content["schema"] | {"components": schema["components"]}
    jsonschema.Draft202012Validator(told).validate(answer.json())


def test_answers_have_the_shapes_that_are_told(
    schema: dict[str, Any], reader: Caller, gateway: Caller, sender: Caller, registrar: Caller,
    account_outside: Account, detector: Client, policy: PolicyVersion,
) -> None:  # fmt: skip
    case = suspended(account_outside, detector)
    appeals.file(decision_id=Decision.objects.get(case=case, step="suspend").pk, statement="No.", now=clock.now())
    check(schema, reader.get("/accounts/shenzhen"), "/accounts/{external_id}")
    check(schema, reader.get("/accounts/shenzhen/timeline"), "/accounts/{external_id}/timeline")
    check(schema, reader.get("/cases"), "/cases")
    check(schema, reader.get(f"/cases/{the_case(account_outside).reference}"), "/cases/{reference}")
    check(schema, gateway.get("/gateway/decision", account="shenzhen"), "/gateway/decision")
    check(schema, registrar.put("/accounts/a", {}), "/accounts/{external_id}", "put")
    check(schema, registrar.post("/accounts", [{"external_id": "b"}, {}]), "/accounts", "post")
    check(schema, sender.post("/evidence", [item(), item(), 5]), "/evidence", "post", "202")
    check(schema, sender.post("/evidence", {}), "/evidence", "post", "422")
    check(schema, reader.get("/cases", state="x"), "/cases", status="400")
