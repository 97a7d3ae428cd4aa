"""The people of the demo, and what their traffic looks like in an access log that the project makes itself.

Deterministic: the same moment gives the same log, byte for byte. Addresses are real, so that real geolocation places
them; names and keys are invented.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

DAY = timedelta(days=1)
HISTORY = 90  # days of the first log: thirteen weeks


@dataclass(frozen=True)
class Traffic:
    """Requests a day from one network with one key, on days (counted back from the demo's first) that `on` names."""

    network: str  # the first three numbers of an IPv4 address
    key: str
    requests: int
    on: Callable[[int], bool]


@dataclass(frozen=True)
class Person:
    """One account: what the registrar tells of it, what it sends, and what the demo expects to become of it."""

    account: str
    who: str
    name: str
    home: str
    traffic: tuple[Traffic, ...]
    expected: str
    language: str = "en"
    timezone: str = "UTC"
    kind: str = "organisation"

    @property
    def document(self) -> dict[str, Any]:
        """The body of PUT /accounts/{id}."""
        return {
            "external_id": self.account,
            "name": self.name,
            "kind": self.kind,
            "language": self.language,
            "timezone": self.timezone,
            "home_country": self.home,
            "contacts": [{"email": f"owner@{self.account}.test", "role": "owner"}],
        }


def _workdays(day: int) -> bool:
    return day % 7 not in (5, 6)


def _always(_: int) -> bool:
    return True


def _between(newest: int, oldest: int) -> Callable[[int], bool]:
    return lambda day: newest <= day <= oldest


PEOPLE = (
    Person(
        "shenzhen-office", "office in Shenzhen that goes on", "Shenzhen Office Ltd", "CN",
        (Traffic("219.133.40", "sk-…a1b2", 24, _workdays), Traffic("73.15.20", "sk-…c3d4", 1, _workdays)),
        "blocked", language="zh-Hans", timezone="Asia/Shanghai",
    ),
    Person(
        "guangzhou-lab", "lab that stops in time", "Guangzhou Lab Co", "CN",
        (Traffic("58.60.1", "sk-…e5f6", 18, lambda day: day >= 0 and _workdays(day)),),
        "cured", language="zh-Hans", timezone="Asia/Shanghai",
    ),
    Person(
        "moscow-agency", "agency that appeals: its location data was wrong", "Agency GmbH", "DE",
        (Traffic("95.165.3", "sk-…g7h8", 15, _workdays), Traffic("91.12.34", "sk-…g7h8", 6, _workdays)),
        "reinstated", timezone="Europe/Berlin",
    ),
    Person(
        "traveller", "traveller: nine days of ninety", "Ines Travel", "ES",
        (Traffic("113.87.120", "sk-…i9j0", 20, _between(30, 38)), Traffic("88.26.10", "sk-…i9j0", 9, _always)),
        "left alone", timezone="Europe/Madrid", kind="person",
    ),
    Person(
        "us-edge", "US company behind a Hong Kong edge", "Edge Customer Inc", "US",
        (Traffic("218.102.23", "sk-…k1l2", 40, _always), Traffic("73.15.30", "sk-…k1l2", 17, _always)),
        "left alone", timezone="America/New_York",
    ),
    Person(
        "german-company", "German company, one employee in Guangzhou", "Maschinenbau AG", "DE",
        (Traffic("61.144.56", "sk-…m3n4", 1, _workdays), Traffic("91.12.40", "sk-…m5n6", 150, _workdays)),
        "for a person to look at", timezone="Europe/Berlin",
    ),
    Person(
        "privacy-vpn", "privacy VPN with exits in Hong Kong", "Quiet Writer", "DE",
        (Traffic("59.148.10", "sk-…o7p8", 12, _between(1, 45)), Traffic("91.12.50", "sk-…o7p8", 8, _always)),
        "left alone", timezone="Europe/Berlin", kind="person",
    ),
    Person(
        "dnipro", "developer in Dnipro: no part of the country known", "Dnipro Dev", "UA",
        (Traffic("176.36.10", "sk-…q9r0", 10, _always),),
        "left alone", timezone="Europe/Kyiv", kind="person",
    ),
    Person(
        "madrid", "company in Madrid", "Madrid SL", "ES",
        (Traffic("88.26.30", "sk-…s1t2", 14, _always),),
        "left alone", timezone="Europe/Madrid",
    ),
    Person(
        "singapore", "company in Singapore", "Lion City Pte", "SG",
        (Traffic("165.21.10", "sk-…u3v4", 14, _always),),
        "left alone", timezone="Asia/Singapore",
    ),
)  # fmt: skip


def log_lines(start: datetime, since: datetime, until: datetime, people: Iterable[Person]) -> Iterator[str]:
    """JSON lines of [since, until), in order of time. Days are counted from `start`, the demo's first moment."""
    lines = [
        (at, person, traffic, number)
        for person in people
        for traffic in person.traffic
        for at, number in _requests(traffic, start, since, until)
    ]
    for at, person, traffic, number in sorted(lines, key=lambda each: (each[0], each[1].account)):
        yield json.dumps(
            {
                "time": at.isoformat().replace("+00:00", "Z"),
                "ip": f"{traffic.network}.{number % 200 + 10}",
                "account": person.account,
                "key": traffic.key,
                "request": "POST /v1/chat/completions HTTP/1.1",
                "status": 200,
            },
            ensure_ascii=False,
        )


def _requests(traffic: Traffic, start: datetime, since: datetime, until: datetime) -> Iterator[tuple[datetime, int]]:
    midnight = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while midnight < until:
        if traffic.on((start.date() - midnight.date()).days):
            for number in range(traffic.requests):
                drawn = sha256(f"{traffic.network}{traffic.key}{midnight:%Y%m%d}{number}".encode()).digest()
                at = midnight + timedelta(seconds=int.from_bytes(drawn[:4]) % 86_400)
                if since <= at < until:
                    yield at, drawn[4]
        midnight += DAY


def write_log(file: Path, start: datetime, since: datetime, until: datetime, people: Iterable[Person]) -> int:
    """Write the log of a stretch of time; the number of lines."""
    lines = list(log_lines(start, since, until, people))
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return len(lines)
