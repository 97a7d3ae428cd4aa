"""The calls of the API and its errors as tables, from the views and what OpenAPI is told of them."""

from drf_spectacular.generators import SchemaGenerator

from enforcement.api.documented import PROBLEMS
from enforcement.api.urls import urlpatterns
from enforcement.services import keys
from tests.docs.blocks import table


def draw_calls(_: str) -> str:
    """A row a call: what it does, and the kinds of key that may make it."""
    told = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    rows = []
    for each in urlpatterns:
        path = f"/{each.pattern}".replace("<str:", "{").replace(">", "}")
        for method, scope in each.callback.cls.scopes.items():  # type: ignore[union-attr]
            summary = told[f"/api/v1{path}"][method.lower()]["summary"]
            kinds = sorted(kind for kind, scopes in keys.SCOPES.items() if scope in scopes)
            rows.append((f"`{method} {path}`", summary, f"`{scope}`", ", ".join(kinds)))
    return table(("call", "what it does", "scope", "kinds of key"), rows)


def draw_problems(_: str) -> str:
    return table(("status", "when"), [(str(status), when) for status, when in PROBLEMS.items()])
