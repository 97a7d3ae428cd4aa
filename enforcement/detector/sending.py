"""Sending evidence: batches, patience where the service asks for it, and a clear end where it refuses."""

import json
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

BATCH = 1000
ATTEMPTS = 8
_TIMEOUT = 60
_PATIENT = (429, 502, 503, 504)
COUNTS = ("accepted", "duplicates", "conflicts", "rejected", "unknown_territory")


class SendingRefused(Exception):
    """The service does not take our evidence; the sentence has its reason."""


def send(
    items: Iterable[dict[str, Any]], url: str, key: str, *, wait: Callable[[float], None] = time.sleep
) -> Iterator[Counter[str]]:
    """Send items in batches; yields the counts of each answer. Sending twice changes nothing: in doubt, send again."""
    if not url.startswith(("http://", "https://")):
        raise SendingRefused(f"{url!r} is no http:// or https:// address.")
    address = f"{url.rstrip('/')}/api/v1/evidence"
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH)):
        yield _send(json.dumps(batch).encode(), address, key, wait)


def _send(body: bytes, address: str, key: str, wait: Callable[[float], None]) -> Counter[str]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    for attempt in range(ATTEMPTS):
        request = urllib.request.Request(address, body, headers, method="POST")  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
                counts = json.load(answer)
                return Counter({name: int(counts[name]) for name in COUNTS})
        except urllib.error.HTTPError as error:
            if error.code not in _PATIENT:
                raise SendingRefused(f"{error.code}: {_reason(error)}") from None
            wait(_seconds(error.headers.get("Retry-After"), attempt))
        except OSError:
            wait(_seconds(None, attempt))
    raise SendingRefused(f"{address} did not answer {ATTEMPTS} times; what was sent before is stored.")


def _seconds(retry_after: str | None, attempt: int) -> float:
    """What the service asks for, within reason, else doubling from half a second."""
    if retry_after and retry_after.isdigit():
        return min(float(retry_after), 60.0)
    return min(0.5 * 2.0**attempt, 30.0)


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)
