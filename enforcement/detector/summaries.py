"""Requests summed up by account, key, place and network class: what a detector sends of a part of a day."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from enforcement.detector.journal import Cut
from enforcement.detector.lines import Line, Malformed
from enforcement.detector.naming import Rule, check_account
from enforcement.detector.networks import Networks
from enforcement.geolocation import Locator

_REFUSED = frozenset({401, 403, 451})  # answered by the door, not by the service

Item = dict[str, Any]


class Group(NamedTuple):
    """What one item is about."""

    account: str
    credential: str
    country: str
    subdivision: str
    network_class: str
    refused: bool


@dataclass(slots=True)
class Sum:
    requests: int
    first: datetime
    last: datetime
    ip: str  # of the first request: a sample that somebody can look up


Sums = dict[Group, Sum]


class Part(NamedTuple):
    """Lines of a day of one log, from one cut to the next, summed up."""

    cut: Cut  # where it ends
    begins: int  # after so many lines of the day
    sums: Sums

    def requests(self) -> int:
        return sum(each.requests for each in self.sums.values())


class Rules:
    """Whose request a line is, from where, and over which network."""

    def __init__(self, locator: Locator, networks: Networks, account: Rule, credential: Rule | None) -> None:
        self.source, self._networks = locator.source, networks
        self._account, self._credential = account, credential
        self._where: Callable[[str], tuple[str, str, str]] = lru_cache(maxsize=65536)(self._look_up(locator))

    def _look_up(self, locator: Locator) -> Callable[[str], tuple[str, str, str]]:
        def where(ip: str) -> tuple[str, str, str]:
            place = locator.locate(ip)
            return place.country, place.subdivision, self._networks.class_of(ip)

        return where

    def group(self, line: Line) -> Group:
        account = check_account(self._account(line))
        credential = self._credential(line) if self._credential else ""
        if credential and not (credential.isprintable() and len(credential) <= 128):
            raise Malformed("a key's hint that is too long or not printable")
        return Group(account, credential, *self._where(line.ip), line.status in _REFUSED)

    def items(self, part: Part) -> Iterator[Item]:
        """Items of evidence, sorted, the same for the same part.

        An id holds where the part ends and a digest of the day's lines up to there: neither a second gateway's log
        nor the rest of a day that went on has the same, and the same lines always do. It holds the name of the source,
        without its date: a second source is stored beside the first, a new release of one does not count again.
        """
        name = self.source.partition(" ")[0]
        segment = f"{part.begins}\0{part.cut.digest}\0{name}"
        for group, found in sorted(part.sums.items(), key=itemgetter(0)):
            yield self._item(part.cut.day, segment, group, found)

    def _item(self, day: date, segment: str, group: Group, found: Sum) -> Item:
        digest = hashlib.sha256("\0".join([segment, str(day), *map(str, group)]).encode()).hexdigest()[:32]
        item = {
            "id": f"log-{day:%Y%m%d}-{digest}",
            "account": group.account,
            "kind": "ip_geolocation",
            "observed_at": _moment(found.first),
            "observed_until": _moment(found.last),
            "requests": found.requests,
            "outcome": "refused" if group.refused else "served",
            "ip": found.ip,
            "source": self.source,
            "country": group.country,
            "subdivision": group.subdivision,
            "credential": group.credential,
            "network_class": group.network_class,
        }
        if listed := self._networks.dates.get(group.network_class):
            item["details"] = {"network_list": str(listed)}
        return {name: value for name, value in item.items() if value != ""}


def add(sums: Sums, group: Group, line: Line) -> None:
    found = sums.get(group)
    if found is None:
        sums[group] = Sum(1, line.at, line.at, line.ip)
        return
    found.requests += 1
    if line.at < found.first:
        found.first = line.at
    elif line.at > found.last:
        found.last = line.at


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
