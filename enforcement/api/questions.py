"""Reading query parameters: what is unknown, wrong or given twice would be answered with something else."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from rest_framework.request import Request

from enforcement.api.problems import Problem
from enforcement.services.fields import FieldRefused, Reader

NOTHING: Mapping[str, Reader] = MappingProxyType({})  # for calls without parameters


def read_question(request: Request, readers: Mapping[str, Reader], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The parameters that were given, read; a problem that names all that are wrong."""
    found: dict[str, Any] = {}
    errors = {name: "is required" for name in required if not request.query_params.get(name)}
    for name, values in request.query_params.lists():
        if name not in readers:
            errors[name] = "is not a parameter of this call"
        elif len(values) > 1:
            errors[name] = "stands there more than once"
        elif values[0]:
            try:
                found[name] = readers[name](values[0])
            except FieldRefused as refused:
                errors[name] = str(refused)
    if errors:
        raise Problem(400, "The question cannot be answered.", errors)
    return found
