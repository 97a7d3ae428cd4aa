"""The OpenAPI document is valid, complete, and true of the answers."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from django.core.management import call_command
from django.test import Client as Browser
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from enforcement.api.documented import PROBLEMS
from enforcement.models import Account, Client, Decision, PolicyVersion
from enforcement.services import appeals, clock
from enforcement.services.accounts import MAX_ACCOUNTS
from enforcement.services.intake import MAX_ITEMS
from tests.api.conftest import Caller, item
from tests.stage import suspended, the_case


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


def calls_of(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{method} {path}", call) for path, calls in schema["paths"].items() for method, call in calls.items()]


def scope_of(name: str) -> str:
    """By the method and the noun; the calls of the contract keep to that."""
    method, _, path = name.partition(" ")
    return f"{path.split('/')[3]}:{'read' if method == 'get' else 'write'}"


def validator(schema: dict[str, Any], told: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(told | {"components": schema["components"]})


def test_the_document_is_valid_openapi_3_1(schema: dict[str, Any]) -> None:
    validate_schema(schema)
    assert schema["openapi"].startswith("3.1")


def test_nothing_in_the_code_is_left_undrawn(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--fail-on-warn", "--validate")
    assert capsys.readouterr().err == ""


def test_every_call_declares_its_key_and_its_problems(schema: dict[str, Any]) -> None:
    scheme = schema["components"]["securitySchemes"]["key"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for name, call in calls_of(schema):
        assert call["security"] == [{"key": [scope_of(name)]}], name
        assert {"400", "401", "403", "406", "429", "503"} <= set(call["responses"]), name
        for status, answer in call["responses"].items():
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"], name
                assert answer["description"] == PROBLEMS[int(status)], name


def test_who_has_to_wait_is_told_how_long(schema: dict[str, Any]) -> None:
    for name, call in calls_of(schema):
        told = {status for status, answer in call["responses"].items() if "Retry-After" in answer.get("headers", {})}
        assert told == {"429", "503"}, name


def test_every_call_shows_what_goes_in_what_comes_back_and_each_error(schema: dict[str, Any]) -> None:
    for name, call in calls_of(schema):
        assert all(any(examples_in(answer)) for answer in call["responses"].values()), name
        assert "requestBody" not in call or any(examples_in(call["requestBody"])), name


def test_every_example_has_the_shape_that_it_is_an_example_of(schema: dict[str, Any]) -> None:
    held = 0
    for name, call in calls_of(schema):
        for body in (call.get("requestBody", {}), *call["responses"].values()):
            for told, value in examples_in(body):
                wrong = [
                    f"{name}: {each.json_path}: {each.message}" for each in validator(schema, told).iter_errors(value)
                ]
                assert not wrong
                held += 1
    assert held > 70


def examples_in(body: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Schema and value of each."""
    for content in body.get("content", {}).values():
        for example in content.get("examples", {}).values():
            yield content["schema"], example["value"]


def test_every_call_is_described_under_its_noun(schema: dict[str, Any]) -> None:
    for name, call in calls_of(schema):
        assert call["summary"], name
        words, _, scope = call["description"].partition("\n\nNeeds the scope ")
        assert words, name
        assert scope.startswith(f"`{scope_of(name)}`"), name
        assert call["tags"] == [name.split("/")[3]], name
        assert all(each.get("description") for each in call.get("parameters", [])), name
    assert {tag["name"] for tag in schema["tags"]} == {name.split("/")[3] for name, _ in calls_of(schema)}


def test_a_body_has_no_field_but_those_that_are_named_and_an_answer_may_get_more(schema: dict[str, Any]) -> None:
    shapes = schema["components"]["schemas"]
    closed = {name for name, shape in shapes.items() if shape.get("additionalProperties") is False}
    assert closed == {"AccountChange", "AccountContact", "AccountTerms", "EvidenceItem"}


def test_a_batch_says_how_much_it_may_hold(schema: dict[str, Any]) -> None:
    for path, most in (("/api/v1/evidence", MAX_ITEMS), ("/api/v1/accounts", MAX_ACCOUNTS)):
        told = schema["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert (told["minItems"], told["maxItems"]) == (1, most)


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
    validator(schema, content["schema"]).validate(answer.json())


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
