"""Lines of JSON, as nginx, Envoy and others are told to write them."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from enforcement.detector.addresses import AddressRefused, Proxies
from enforcement.detector.lines import Line, Malformed, Read, clf_time

Names = Mapping[str, tuple[str, ...]]

# What logs call things; the first that is there is taken. nginx names its variables, Envoy has the names that Istio
# and Envoy Gateway give its operators.
NAMES: Names = {
    "time": ("time", "timestamp", "@timestamp", "time_iso8601", "start_time", "time_local", "msec", "ts"),
    "ip": ("ip", "client_ip", "remote_addr", "remote_ip", "downstream_remote_address"),
    "forwarded": ("http_x_forwarded_for", "x_forwarded_for", "x-forwarded-for", "x_forward_for", "x-forward-for"),
    "user": ("user", "account", "remote_user"),
    "status": ("status", "status_code", "response_code"),
    "request": ("request", "request_uri", "path", "uri", "x-envoy-original-path", "x-envoy-origin-path"),
    "query": ("args", "query_string", "request_query"),
}

_STATUS = re.compile(r"\d{1,3}", re.ASCII)
_NUMBER = re.compile(r"\d{1,16}(?:\.\d{1,9})?", re.ASCII)
_MILLISECONDS = 1e11  # as seconds, this lies in the year 5138


def lookup(fields: Mapping[str, Any], name: str) -> Any:
    """A field, or one inside others: `client.address`. A name with dots that is there itself comes first."""
    if name in fields:
        return fields[name]
    outer, _, inner = name.partition(".")
    within = fields.get(outer)
    return lookup(within, inner) if inner and isinstance(within, dict) else None


def name_of(value: Any) -> str | None:
    """Text or a whole number as a name, "" where nobody is named; None for anything else that JSON can hold."""
    if value is None or value == "-":
        return ""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    return None


def json_lines(proxies: Proxies, names: Names = NAMES) -> Read:
    """What reads a JSON object on a line."""

    def first(fields: Mapping[str, Any], what: str) -> Any:
        for name in names[what]:
            value = fields.get(name) if "." not in name else lookup(fields, name)
            if value is not None and value != "" and value != "-":
                return value
        return None

    def read(raw: bytes) -> Line:
        fields = _object(raw)
        time, ip = first(fields, "time"), first(fields, "ip")
        if time is None or ip is None:
            raise Malformed("no time or no address")
        try:
            client = proxies.client(str(ip), str(first(fields, "forwarded") or ""))
        except AddressRefused as refused:
            raise Malformed(str(refused)) from None
        request = str(first(fields, "request") or "")
        if "?" not in request and (query := first(fields, "query")):
            request = f"{request.split(' ')[1] if ' ' in request else request}?{query}"
        user, status = name_of(first(fields, "user")) or "", _status(first(fields, "status"))
        return Line(_time(time), client, user, status, request, fields)

    return read


def _object(raw: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    if not isinstance(fields, dict):
        raise Malformed("not a JSON object")
    return fields


def _status(value: Any) -> int:
    """200 where a log does not tell. What cannot be read is not taken for served: that would make it evidence."""
    if value is None:
        return 200
    if _STATUS.fullmatch(str(value)) is None:
        raise Malformed("a status that cannot be read")
    return int(value)


def _time(value: Any) -> datetime:
    """RFC 3339, seconds or milliseconds since 1970, or the time of the common log format."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _since_1970(value)
        return _written(str(value))
    except (ValueError, OverflowError, OSError):
        raise Malformed("a time that cannot be read") from None


@lru_cache(maxsize=4096)
def _written(text: str) -> datetime:
    if _NUMBER.fullmatch(text):
        return _since_1970(float(text))
    if "/" in text:
        return clf_time(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise Malformed("a time without an offset")
    return moment.astimezone(UTC)


def _since_1970(number: float) -> datetime:
    return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS else number, UTC)
