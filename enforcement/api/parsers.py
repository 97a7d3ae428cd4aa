"""Reading JSON strictly: what two parsers could read differently is not read at all."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from io import BytesIO
from typing import IO, Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from enforcement.api.problems import Problem
from enforcement.services.intake import MAX_ITEMS

MAX_BYTES = 8 * 2**20
MAX_DEPTH = 32
_CONTAINERS = frozenset({dict, list})
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Unreadable(Problem):
    def __init__(self, why: str) -> None:
        super().__init__(400, f"The body cannot be read: {why}.")


class StrictJSONParser(BaseParser):
    """JSON (RFC 8259) in UTF-8, without duplicate keys, NaN, lone surrogates or nesting beyond 32.

    Numbers with a point or an exponent are exact decimals.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        return parse(_text(stream))


class NDJSONParser(BaseParser):
    """One JSON text a line; blank lines are passed over. A line that cannot be read refuses the whole body.

    So it is with the array as well: what is unreadable is no item that could be answered, and sending again is free.
    """

    media_type = "application/x-ndjson"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        lines = [(number, line) for number, line in enumerate(_text(stream).split("\n"), start=1) if line.strip()]
        if len(lines) > MAX_ITEMS:
            raise Problem(413, f"There are {len(lines)} items in the body; send at most {MAX_ITEMS}.")
        return list(_parsed(lines))


def _parsed(lines: list[tuple[int, str]]) -> Iterator[Any]:
    for number, line in lines:
        try:
            yield parse(line)
        except Unreadable as unreadable:
            raise Problem(400, f"Line {number}: {unreadable.sentence}") from None


def body_of(request: Request) -> Any:
    """The body, read by the view's parser for its content type.

    `request.data` would take a chunked body, which declares no length, for an empty one.
    """
    if request.headers.get("Content-Encoding", "").lower() not in ("", "identity"):
        raise Problem(415, "Compressed bodies are not read; send it as it is.")
    parser = DefaultContentNegotiation().select_parser(request, request.parsers or ())
    if parser is None:
        readable = " or ".join(each.media_type for each in request.parsers or ())
        raise Problem(415, f"The body must be {readable}, and its Content-Type has to say so.")
    return parser.parse(BytesIO(_content(request)))


def _content(request: Request) -> bytes:
    """All of the body; nothing larger than 8 MiB is read, whatever was declared."""
    chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    declared = None if chunked else _declared(request)
    stream = request.META["wsgi.input"] if chunked else request._request
    content: bytes = b"" if declared and declared > MAX_BYTES else stream.read(MAX_BYTES + 1)
    if max(declared or 0, len(content)) > MAX_BYTES:
        raise Problem(413, f"The body is larger than {MAX_BYTES} bytes.")
    if declared is not None and len(content) != declared:
        raise Unreadable(f"it broke off after {len(content)} of {declared} bytes")
    return content


def _declared(request: Request) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise Problem(400, "The Content-Length is no number.") from None


def _text(stream: IO[bytes]) -> str:
    try:
        return stream.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not UTF-8 at byte {error.start}") from None


def parse(text: str) -> Any:
    """One JSON text. Raises Unreadable with the reason."""
    if text.startswith("\ufeff"):
        raise Unreadable("it begins with a byte order mark")
    try:
        found = _DECODER.decode(text)
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
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise Unreadable(f"the key {twice[:64]!a} stands twice in one object")
    return found


def _decimal(written: str) -> Decimal:
    try:
        return Decimal(written)
    except InvalidOperation:
        raise Unreadable("a number has too large an exponent") from None


def _constant(name: str) -> None:
    raise Unreadable(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_decimal, parse_constant=_constant)


def _check_depth(found: Any) -> None:
    """Level by level: only what contains something is looked into."""
    level, depth = [found] if type(found) in _CONTAINERS else [], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise Unreadable(f"it is nested deeper than {MAX_DEPTH}")
        inside = (each.values() if type(each) is dict else each for each in level)
        level = [child for children in inside for child in children if type(child) in _CONTAINERS]


def _check_surrogates(found: Any) -> None:
    """Half a surrogate pair is no character, and PostgreSQL cannot store it."""
    try:
        json.dumps(found, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise Unreadable("it has half a surrogate pair") from None
