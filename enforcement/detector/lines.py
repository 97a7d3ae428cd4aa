"""Lines of an access log as values, whatever format they came in."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from enforcement.detector.addresses import AddressRefused, Proxies

_QUOTED = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
# Each quantifier is possessive or bounded: a hostile line costs no more than its length. After the size come the
# referrer, the user agent and, in nginx's `main`, X-Forwarded-For; then whatever was added, in whole words or quotes:
# a line that was cut inside one is not taken for another.
_COMMON = re.compile(
    rb"([^\s,]++(?:, ?[^\s,]++)*+) \S++ (.{1,256}?) \[([^\]]{1,64})\] "
    rb'"(%(quoted)b)" (\d{3}) (?:\d++|-)(?: "%(quoted)b" "%(quoted)b"(?: "(%(quoted)b)")?)?'
    rb'(?: (?:"%(quoted)b"|[^"\s]\S*+))*+\s*+' % {b"quoted": _QUOTED}
)
_TIME = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)", re.ASCII)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], start=1
    )
}


class Malformed(Exception):
    """A line that cannot be read; the words say why. It is counted and shown, and the next one is read."""


class Line(NamedTuple):
    """One request."""

    at: datetime  # UTC
    ip: str  # canonical; who called, behind the operator's own proxies
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


Read = Callable[[bytes], Line]


def common(proxies: Proxies) -> Read:
    """What reads a line of Apache's common or combined format, or of nginx's `combined` or `main`."""
    match, client = _COMMON.fullmatch, proxies.client

    def read(raw: bytes) -> Line:
        found = match(raw)
        if found is None:
            raise Malformed("not in common or combined log format")
        peer, user, time, request, status, forwarded = found.groups(b"")
        try:
            ip = client(peer.decode("utf-8", "replace"), forwarded.decode("utf-8", "replace"))
        except AddressRefused as refused:
            raise Malformed(str(refused)) from None
        name = "" if user == b"-" else user.decode("utf-8", "replace")
        at = clf_time(time.decode("utf-8", "replace"))
        return Line(at, ip, name, int(status), request.decode("utf-8", "replace"), {})

    return read


@lru_cache(maxsize=4096)
def clf_time(text: str) -> datetime:
    """A time such as `10/Jun/2026:14:00:05 +0200`, in UTC."""
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
