"""Reading JSON strictly: what two parsers could read differently is not read at all."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from enforcement.api.problems import Problem

MAX_BYTES = 8 * 2**20
MAX_DEPTH = 32
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Unreadable(Problem):
    def __init__(self, why: str) -> None:
        super().__init__(400, f"The body cannot be read: {why}.")


class StrictJSONParser(BaseParser):
    """JSON (RFC 8259) in UTF-8, without duplicate keys, NaN, lone surrogates or nesting beyond 32."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        return parse(read_text(stream, parser_context))


class NDJSONParser(BaseParser):
    """One JSON text a line; blank lines are passed over. A line that cannot be read refuses the whole body."""

    media_type = "application/x-ndjson"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> list[Any]:
        return list(_lines(read_text(stream, parser_context)))


def _lines(text: str) -> Iterator[Any]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield parse(line)
            except Unreadable as unreadable:
                raise Problem(400, f"Line {number}: {unreadable.sentence}") from None


def read_text(stream: Any, context: Mapping[str, Any] | None) -> str:
    """The body as text; nothing larger than 8 MiB is read, whatever Content-Length says."""
    request: Request | None = (context or {}).get("request")
    if request is not None and request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "Compressed bodies are not read; send it as it is.")
    declared = request.headers.get("Content-Length", "0") if request is not None else "0"
    content = b"" if declared.isdigit() and int(declared) > MAX_BYTES else stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES or (declared.isdigit() and int(declared) > MAX_BYTES):
        raise Problem(413, f"The body is larger than {MAX_BYTES} bytes.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not UTF-8 at byte {error.start}") from None


def parse(text: str) -> Any:
    """One JSON text. Raises Unreadable with the reason."""
    if text.startswith("\ufeff"):
        raise Unreadable("it begins with a byte order mark")
    try:
        found = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise Unreadable(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise Unreadable(f"it is nested deeper than {MAX_DEPTH}") from None
    except ValueError:  # an integer of more digits than Python converts
        raise Unreadable("a number has too many digits") from None
    _check_depth(found)
    if _ESCAPED_SURROGATE.search(text):
        _check_surrogates(found)
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Unreadable(f"the key {twice!a} stands twice in one object")
    return found


def _constant(name: str) -> None:
    raise Unreadable(f"{name} is not JSON")


def _check_depth(found: Any) -> None:
    """Level by level: only what contains something is looked into."""
    level, depth = [found] if isinstance(found, dict | list) else [], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise Unreadable(f"it is nested deeper than {MAX_DEPTH}")
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, dict | list)
        ]


def _check_surrogates(found: Any) -> None:
    """Half a surrogate pair is no character, and PostgreSQL cannot store it."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Unreadable("it has half a surrogate pair") from None
