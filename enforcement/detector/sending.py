"""Sending evidence: batches, patience where the service asks for it, and a clear end where it refuses."""

import json
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.client import HTTPException
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import urlsplit

BATCH = 1000
ATTEMPTS = 8
_TIMEOUT = 60
_PATIENT = (429, 502, 503, 504)
COUNTS = ("accepted", "duplicates", "conflicts", "rejected", "unknown_territory")


class SendingRefused(Exception):
    """The service does not take our evidence; the sentence has its reason."""


class Receipt(NamedTuple):
    """What became of a batch."""

    counts: Counter[str]  # by the names of COUNTS
    reasons: Counter[str]  # why items were rejected or conflicted


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key is for the address that the operator named, and a POST that became a GET would send nothing."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


def send(
    items: Iterable[dict[str, Any]], url: str, key: str, *, wait: Callable[[float], None] = time.sleep
) -> Iterator[Receipt]:
    """Send items in batches; yields the receipt of each. Sending twice changes nothing: in doubt, send again."""
    if not _is_web_address(url):
        raise SendingRefused(f"{url!r} is no http:// or https:// address.")
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise SendingRefused("The key is empty or has characters that no key has.")
    address = f"{url.rstrip('/')}/api/v1/evidence"
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH)):
        yield _send(json.dumps(batch).encode(), address, key, wait)


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0  # reading a port that is none raises
    except ValueError:
        return False
    return named and parts.scheme in ("http", "https") and url.isascii() and url.isprintable() and " " not in url


def _send(body: bytes, address: str, key: str, wait: Callable[[float], None]) -> Receipt:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    for attempt in range(ATTEMPTS):
        request = urllib.request.Request(address, body, headers, method="POST")  # noqa: S310
        try:
            with _opener.open(request, timeout=_TIMEOUT) as answer:
                return _receipt(answer.read(), address)
        except urllib.error.HTTPError as error:
            if error.code not in _PATIENT:
                raise SendingRefused(f"{error.code}: {_reason(error)}") from None
            wait(_seconds(error.headers.get("Retry-After"), attempt))
        except (OSError, HTTPException):
            wait(_seconds(None, attempt))
    raise SendingRefused(f"{address} did not answer {ATTEMPTS} times; what was sent before is stored.")


def _receipt(body: bytes, address: str) -> Receipt:
    try:
        told = json.loads(body)
        counts = Counter({name: int(told[name]) for name in COUNTS})
        reasons = Counter(reason for item in told.get("items", ()) for reason in _reasons(item))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SendingRefused(f"{address} answers, but not as the service does: is the address right?") from None
    return Receipt(counts, reasons)


def _reasons(item: Mapping[str, Any]) -> Iterator[str]:
    if item["status"] == "conflict":
        yield "conflict: its id was used for something else"
    elif item["status"] == "rejected":
        for error in item["errors"]:
            yield f"rejected: {error['field']} {error['reason']}"


def _seconds(retry_after: str | None, attempt: int) -> float:
    """What the service asks for, within reason, else doubling from half a second."""
    if retry_after and retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after), 60.0)
    return min(0.5 * 2.0**attempt, 30.0)


def _reason(error: urllib.error.HTTPError) -> str:
    if target := error.headers.get("Location"):
        return f"it points to {target}; if that is right, give its address as --url."
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError, HTTPException, OSError):
        return str(error.reason)
