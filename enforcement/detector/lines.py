"""Lines of an access log as values, whatever format they came in."""

import gzip
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs, urlsplit

from enforcement.geolocation import canonical

FORMATS = ("auto", "common", "combined", "json")

_COMMON = re.compile(
    rb'(\S+) \S+ (.+?) \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d{3}) (\S+)'
    rb'(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?\s*'
)
_TIME = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], start=1
    )
}

_STATUS = re.compile(r"\d{1,3}", re.ASCII)

# What JSON logs call things; the first that is there is taken.
JSON_FIELDS: Mapping[str, tuple[str, ...]] = {
    "time": ("time", "timestamp", "@timestamp", "time_iso8601", "ts"),
    "ip": ("ip", "client_ip", "remote_addr", "remote_ip"),
    "user": ("user", "account", "remote_user"),
    "status": ("status", "status_code"),
    "request": ("request", "path", "uri"),
}


class LogRefused(Exception):
    """A log that cannot be read to its end."""


class Malformed(Exception):
    """A line that cannot be read; the sentence says why. It is counted and shown, and the next one is read."""


@dataclass(frozen=True, slots=True)
class Line:
    """One request."""

    at: datetime
    ip: str  # canonical
    user: str  # who authenticated, "" where nobody did
    status: int
    request: str
    fields: Mapping[str, Any]  # all fields of a JSON line; empty for the others

    def query(self, name: str) -> str:
        """A parameter of the request's query."""
        target = self.request.split(" ")[1] if " " in self.request else self.request
        try:
            return parse_qs(urlsplit(target).query).get(name, [""])[0]
        except ValueError:
            raise Malformed("a request that cannot be read") from None


def reader(name: str, raw: bytes) -> Callable[[bytes], Line]:
    """What reads a line of the format; `auto` looks at the line."""
    if name == "auto":
        name = "json" if raw.lstrip().startswith(b"{") else "combined"
    return _read_json if name == "json" else _read_common


@contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """A log file, a compressed one, or "-" for standard input. Raises OSError or LogRefused, also while it is read."""
    if path == "-":
        yield sys.stdin.buffer
    elif path.endswith(".gz"):
        try:
            with gzip.open(path) as log:
                yield log  # type: ignore[misc]
        except (EOFError, zlib.error) as broken:
            raise LogRefused(f"{path} is broken off or damaged: {broken}") from None
    else:
        with Path(path).open("rb") as log:
            yield log


def _read_common(raw: bytes) -> Line:
    found = _COMMON.fullmatch(raw)
    if found is None:
        raise Malformed("not in common or combined log format")
    ip, user, time, request, status = (part.decode("utf-8", "replace") for part in found.groups()[:5])
    return Line(_log_time(time), _address(ip), "" if user == "-" else user, int(status), request, {})


@lru_cache(maxsize=65536)
def _address(text: str) -> str:
    try:
        return canonical(text)
    except ValueError:
        raise Malformed("an address that cannot be read") from None


@lru_cache(maxsize=4096)
def _log_time(text: str) -> datetime:
    found = _TIME.fullmatch(text)
    if found is None or found[2] not in _MONTHS:
        raise Malformed("a time that cannot be read")
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    day, year, hour, minute, second = (int(found[group]) for group in (1, 3, 4, 5, 6))
    try:
        zone = timezone(-offset if found[7] == "-" else offset)
        return datetime(year, _MONTHS[found[2]], day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed("a time that is not in the calendar") from None


def _read_json(raw: bytes) -> Line:
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    if not isinstance(fields, dict):
        raise Malformed("not a JSON object")
    time, ip = _field(fields, "time"), _field(fields, "ip")
    if time is None or ip is None:
        raise Malformed("no time or no address")
    return Line(
        at=_json_time(time),
        ip=_address(str(ip)),
        user=name_of(_field(fields, "user")) or "",
        status=_json_status(_field(fields, "status")),
        request=str(_field(fields, "request") or ""),
        fields=fields,
    )


def _field(fields: Mapping[str, Any], what: str) -> Any:
    return next((fields[name] for name in JSON_FIELDS[what] if fields.get(name) not in (None, "", "-")), None)


def name_of(value: Any) -> str | None:
    """Text or a whole number as a name, "" where nobody is named; None for anything else that JSON can hold."""
    if value is None or value == "-":
        return ""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    return None


def _json_status(value: Any) -> int:
    """200 where a log does not tell. What cannot be read is not taken for served: that would make it evidence."""
    if value is None:
        return 200
    if _STATUS.fullmatch(str(value)) is None:
        raise Malformed("a status that cannot be read")
    return int(value)


def _json_time(value: Any) -> datetime:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise Malformed("a time without an offset")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise Malformed("a time that cannot be read") from None
