"""Requests summed up by day, account, key, place and network class: what a detector sends."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from enforcement.detector.lines import Line, Malformed, reader
from enforcement.detector.naming import Rule, check_account
from enforcement.detector.networks import Networks
from enforcement.geolocation import Location, Locator

Key = tuple[date, str, str, Location, str, bool]
_REFUSED = (401, 403, 451)  # answered by the door, not by the service


@dataclass(slots=True)
class _Sum:
    requests: int
    first: datetime
    last: datetime
    ip: str  # of the first request: a sample that somebody can look up


class Summaries:
    """Reads lines and sums them up; malformed ones are counted by reason."""

    def __init__(self, locator: Locator, networks: Networks, account: Rule, credential: Rule | None) -> None:
        self._source, self._networks = locator.source, networks
        self._account, self._credential = account, credential
        self._place_of = lru_cache(maxsize=65536)(locator.locate)
        self._sums: dict[Key, _Sum] = {}
        self._segments = defaultdict[date, Any](hashlib.sha256)
        self.lines = 0
        self.malformed: Counter[str] = Counter()

    def read(self, lines: Iterable[bytes], log_format: str) -> None:
        for each in lines:
            raw = each.rstrip(b"\r\n")
            if not raw.strip():
                continue
            self.lines += 1
            try:
                line = reader(log_format, raw)(raw)
                self._add(line)
            except Malformed as malformed:
                self.malformed[str(malformed)] += 1
            else:
                self._segments[line.at.date()].update(raw + b"\n")

    def _add(self, line: Line) -> None:
        account = check_account(self._account(line))
        credential = self._credential(line) if self._credential else ""
        if not credential.isprintable() or len(credential) > 128:
            raise Malformed("a key's hint that is too long or not printable")
        place = self._place_of(line.ip)
        network_class = self._networks.class_of(line.ip)
        key = (line.at.date(), account, credential, place, network_class, line.status in _REFUSED)
        found = self._sums.get(key)
        if found is None:
            self._sums[key] = _Sum(1, line.at, line.at, line.ip)
            return
        found.requests += 1
        found.first, found.last = min(found.first, line.at), max(found.last, line.at)

    def items(self) -> Iterator[dict[str, Any]]:
        """Items of evidence, sorted, the same for the same log.

        The id holds a digest of the day's lines, so that two logs of one day do not conflict: neither those of two
        gateways nor one that has grown. A day that is over keeps its ids, and sending it again changes nothing; a day
        that goes on has others by then and would count twice. Send a log when its last day is over.

        It holds the name of the source too, without its date: a second source is stored beside the first, while a new
        release of the same one does not count again what was sent.
        """
        segments = {day: segment.hexdigest() for day, segment in self._segments.items()}
        name = self._source.partition(" ")[0]
        for key, found in sorted(self._sums.items(), key=lambda each: _order(each[0])):
            yield _item(f"{segments[key[0]]}\0{name}", key, found, self._source)


def _order(key: Key) -> tuple[object, ...]:
    day, account, credential, place, network_class, refused = key
    return day, account, credential, place.country, place.subdivision, network_class, refused


def _item(segment: str, key: Key, found: _Sum, source: str) -> dict[str, Any]:
    day, account, credential, place, network_class, refused = key
    digest = hashlib.sha256("\0".join([segment, *map(str, _order(key))]).encode()).hexdigest()[:32]
    item = {
        "id": f"log-{day:%Y%m%d}-{digest}",
        "account": account,
        "kind": "ip_geolocation",
        "observed_at": _moment(found.first),
        "observed_until": _moment(found.last),
        "requests": found.requests,
        "outcome": "refused" if refused else "served",
        "ip": found.ip,
        "source": source,
        "country": place.country,
        "subdivision": place.subdivision,
        "credential": credential,
        "network_class": network_class,
    }
    return {name: value for name, value in item.items() if value != ""}


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
