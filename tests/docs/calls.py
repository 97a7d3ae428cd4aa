"""The calls of the API and its errors as tables, from what OpenAPI is told of them."""

from drf_spectacular.generators import SchemaGenerator

from enforcement.api.documented import PROBLEMS
from enforcement.api.problems import document
from enforcement.services import keys
from tests.docs.blocks import table


def draw_calls(_: str) -> str:
    """A row a call: what it does, and the kinds of key that may make it."""
    told = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    rows = []
    for path, calls in told.items():
        for method, call in calls.items():
            (scope,) = call["security"][0]["key"]
            kinds = sorted(kind for kind, scopes in keys.SCOPES.items() if scope in scopes)
            name = f"{method.upper()} {path.removeprefix('/api/v1')}"
            rows.append((f"`{name}`", call["summary"], f"`{scope}`", ", ".join(kinds)))
    return table(("call", "what it does", "scope", "kinds of key"), rows)


def draw_problems(_: str) -> str:
    rows = [(str(status), document(status, "")["title"], when) for status, when in PROBLEMS.items()]
    return table(("status", "title", "when"), rows)
