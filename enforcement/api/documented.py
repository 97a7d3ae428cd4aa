"""What OpenAPI says of a call: its own words, and what every call has in common."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from enforcement.api import examples as shown
from enforcement.api.problems import MEDIA_TYPE, document
from enforcement.api.shapes.forms import ACCOUNT_ID, LINE
from enforcement.api.shapes.problems import Problem
from enforcement.services import keys

View = TypeVar("View", bound=Callable[..., Any])

# When a call is answered so. `docs/api.md` shows the same table.
PROBLEMS: Mapping[int, str] = {
    400: "The body cannot be read, or a parameter is unknown, malformed, missing or given twice.",
    401: "No key, or one that is not known, was revoked or has expired.",
    403: "The key's kind lacks the scope of this call.",
    404: "There is nothing at this address.",
    406: "The caller accepts no JSON.",
    409: "The id of a single item was used for another body before. Nothing was changed.",
    413: "More than 1,000 items, or more than 8 MiB.",
    415: "The body is compressed, or of a type that is not read.",
    422: "The document was read and is wrong; `errors` names each field and the reason.",
    429: "The client sent more than it may; nothing of this call was done. `Retry-After` says when to come again.",
    503: "The database is away or too busy; nothing of this call was done. `Retry-After` says when to come again.",
}
_EVERYWHERE = (400, 401, 403, 406, 429, 503)
_BODY = (413, 415, 422)

_RETRY_AFTER = OpenApiParameter(
    "Retry-After", int, OpenApiParameter.HEADER, response=[429, 503], description="Whole seconds, at least 1."
)
_CHALLENGE = OpenApiParameter("WWW-Authenticate", str, OpenApiParameter.HEADER, response=[401], description="Bearer.")


def documented(
    operation_id: str,
    summary: str,
    *,
    description: str,
    answer: type[Any],
    status: int = 200,
    request: Any = None,
    problems: Sequence[int] = (),
    parameters: Sequence[OpenApiParameter] = (),
    examples: dict[str, Any],
) -> Callable[[View], View]:
    """`examples` are by name; one that begins with "request" is a body, one with a status (as in "422 …") a problem.

    A problem that the call has no example of its own for is shown by the usual one.
    """
    told = {*_EVERYWHERE, *problems, *(_BODY if request is not None else ())}
    own = {int(name[:3]) for name in examples if name[:3].isdigit()}
    usual = {f"{code} {each['title']}": each for code, each in shown.USUAL.items() if code in told - own}
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        description=description,
        request=request,
        parameters=[*parameters, _RETRY_AFTER, _CHALLENGE],
        responses={
            (status, "application/json"): OpenApiResponse(answer, description="Done."),
            **{(code, MEDIA_TYPE): OpenApiResponse(Problem, description=PROBLEMS[code]) for code in sorted(told)},
        },
        examples=[_example(name, value, status) for name, value in (examples | usual).items()],
    )


class CallSchema(AutoSchema):
    """Adds to a call what its view says: the scope, so the kinds of key, and how much one body may hold (`most`)."""

    @property
    def scope(self) -> str:
        return cast(str, cast(Any, self.view).scopes[self.method])

    def get_operation(self, *place: Any) -> Any:
        operation = super().get_operation(*place)
        if operation is not None:  # the pages that show the document are no part of it
            kinds = " or ".join(sorted(kind for kind, scopes in keys.SCOPES.items() if self.scope in scopes))
            operation["description"] += f"\n\nNeeds the scope `{self.scope}`: the key of a {kinds}."
        return operation

    def _get_request_for_media_type(self, serializer: Any, direction: Any = "request") -> tuple[Any, bool]:
        schema, required = super()._get_request_for_media_type(serializer, direction)
        if schema and schema.get("type") == "array":
            schema |= {"minItems": 1, "maxItems": cast(Any, self.view).most}
        return schema, required

    def get_auth(self) -> list[dict[str, Any]]:
        return [{name: [self.scope] for name in each} for each in super().get_auth()]

    def get_examples(self) -> list[OpenApiExample]:
        lacking = document(403, f"This key lacks the scope {self.scope}.")
        return [*super().get_examples(), _example("403 Forbidden", lacking, 403)]


def address(name: str, pattern: str, description: str, example: str) -> OpenApiParameter:
    """A parameter in the path."""
    return OpenApiParameter(
        name, str, OpenApiParameter.PATH, required=True, pattern=pattern, description=description,
        examples=[OpenApiExample(example, value=example)],
    )  # fmt: skip


def line(name: str, longest: int, description: str) -> OpenApiParameter:
    """A parameter that is text of one line."""
    return OpenApiParameter(name, {"type": "string", "maxLength": longest, "pattern": LINE}, description=description)


ACCOUNT = address("external_id", ACCOUNT_ID, "The provider's own id of the account.", "acme")
CURSOR = OpenApiParameter("cursor", str, description="As `next` has it.", pattern="^[0-9]{0,18}$")


def _example(name: str, value: Any, status: int) -> OpenApiExample:
    kind, _, rest = name.partition(" ")
    if kind == "request":
        return OpenApiExample(rest, value=value, request_only=True, media_type="application/json")
    if kind.isdigit():
        return OpenApiExample(rest, value=value, response_only=True, status_codes=[kind], media_type=MEDIA_TYPE)
    return OpenApiExample(name, value=value, response_only=True, status_codes=[str(status)])
