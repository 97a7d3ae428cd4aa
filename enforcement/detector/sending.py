"""Sending evidence: batches, patience where the service asks for it, and a clear end where it refuses."""

import json
import random
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import urlsplit

BATCH = 1000  # items
LARGEST = 7 * 2**20  # bytes; the service takes 8 MiB
ATTEMPTS = 8
PATIENCE = 600.0  # seconds that a batch may be waited for in all
_LONGEST = 20.0  # seconds between attempts, unless the service asks for more
_TIMEOUT = 60
_PATIENT = (408, 429, 500, 502, 503, 504)
COUNTS = ("accepted", "duplicates", "conflicts", "rejected", "unknown_territory")


class SendingRefused(Exception):
    """The service does not take our evidence, or does not answer; the sentence has the reason."""


class Receipt(NamedTuple):
    """What became of a batch."""

    items: int
    counts: Counter[str]  # by the names of COUNTS
    reasons: Counter[str]  # why items were rejected or conflicted

    def __add__(self, other: "Receipt") -> "Receipt":  # type: ignore[override]
        return Receipt(self.items + other.items, self.counts + other.counts, self.reasons + other.reasons)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key is for the address that the operator named, and a POST that became a GET would send nothing."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


class _TooLarge(Exception):
    """Something between us and the service takes smaller bodies only."""


class Sender:
    """Sends batches to one service. Sending twice changes nothing: in doubt, send again.

    `wait` sleeps, `say` tells somebody why, `chance` spreads detectors that were all sent away at one moment.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        wait: Callable[[float], None] = time.sleep,
        say: Callable[[str], None] = lambda _: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        if not _is_web_address(url):
            raise SendingRefused(f"{url!r} is no http:// or https:// address.")
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise SendingRefused("The key is empty or has characters that no key has.")
        self._address = f"{url.rstrip('/')}/api/v1/evidence"
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._wait, self._say, self._chance = wait, say, chance

    def send(self, batch: Sequence[bytes]) -> Receipt:
        """Items as JSON, at most BATCH. Raises SendingRefused."""
        try:
            return self._send(batch)
        except _TooLarge:
            middle = len(batch) // 2
            return self.send(batch[:middle]) + self.send(batch[middle:])

    def _send(self, batch: Sequence[bytes]) -> Receipt:
        body = b"[%b]" % b",".join(batch)
        waited = 0.0
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._post(body, len(batch))
            except urllib.error.HTTPError as error:
                why, asked = self._may_try_again(error, len(batch)), error.headers.get("Retry-After")
            except (OSError, HTTPException) as error:
                why, asked = _plain(error), None
            seconds = self._seconds(asked, attempt)
            waited += seconds
            if waited > PATIENCE:
                raise SendingRefused(
                    f"{self._address} asks to wait {seconds:,.0f} s ({why}). Start again then; nothing is lost."
                )
            if attempt < ATTEMPTS:
                self._say(f"{why}; trying again in {seconds:.1f} s")
                self._wait(seconds)
        raise SendingRefused(
            f"{self._address} did not take it in {ATTEMPTS} attempts ({why}). Start again later; nothing is lost."
        )

    def _post(self, body: bytes, items: int) -> Receipt:
        request = urllib.request.Request(self._address, body, self._headers, method="POST")  # noqa: S310
        with _opener.open(request, timeout=_TIMEOUT) as answer:
            return _receipt(answer.read(), items, self._address)

    def _may_try_again(self, error: urllib.error.HTTPError, items: int) -> str:
        if error.code == 413 and items > 1:
            raise _TooLarge
        if error.code not in _PATIENT:
            raise SendingRefused(f"{error.code}: {_reason(error)}") from None
        return f"{error.code} {error.reason}"

    def _seconds(self, asked: str | None, attempt: int) -> float:
        """At least what the service asks for; by ourselves doubling from half a second. Chance adds up to half."""
        least = min(0.5 * 2.0 ** (attempt - 1), _LONGEST)
        longest = max(least, _asked(asked))
        return longest + self._chance() * least / 2


def batches(items: Iterable[Mapping[str, Any]]) -> Iterator[list[bytes]]:
    """As many at once as the service takes."""
    batch: list[bytes] = []
    size = 2
    for item in items:
        written = json.dumps(item).encode()
        if batch and (len(batch) == BATCH or size + len(written) + 1 > LARGEST):
            yield batch
            batch, size = [], 2
        batch.append(written)
        size += len(written) + 1
    if batch:
        yield batch


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0  # reading a port that is none raises
    except ValueError:
        return False
    return named and parts.scheme in ("http", "https") and url.isascii() and url.isprintable() and " " not in url


def _receipt(body: bytes, items: int, address: str) -> Receipt:
    try:
        told = json.loads(body)
        counts = Counter({name: int(told[name]) for name in COUNTS})
        reasons = Counter(reason for item in told.get("items", ()) for reason in _reasons(item))
    except (ValueError, KeyError, TypeError, AttributeError):
        counts, reasons = Counter[str](), Counter[str]()
    # The four add up to what was sent; a page that says otherwise is not the service's, and stored nothing.
    if sum(counts[name] for name in COUNTS[:4]) != items:
        raise SendingRefused(f"{address} answers, but not as the service does: is the address right?")
    return Receipt(items, counts, reasons)


def _reasons(item: Mapping[str, Any]) -> Iterator[str]:
    if item["status"] == "conflict":
        yield "conflict: its id was used for something else"
    elif item["status"] == "rejected":
        for error in item["errors"]:
            yield f"rejected: {error['field']} {error['reason']}"


def _asked(retry_after: str | None) -> float:
    """Seconds, or the time until a date; 0 for what is neither."""
    text = retry_after or ""
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def _plain(error: OSError | HTTPException) -> str:
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason) or type(error).__name__


def _reason(error: urllib.error.HTTPError) -> str:
    if target := error.headers.get("Location"):
        return f"it points to {target}; if that is right, give its address as --url."
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError, HTTPException, OSError):
        return str(error.reason)
