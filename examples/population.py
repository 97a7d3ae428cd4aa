"""As many accounts as one asks for, in proportions that one meets: nearly all at home, some abroad, a few with a story.

Pure and deterministic: the same seed, number and day give the same account with the same evidence, whatever stands
beside it. Names, addresses (.example: nobody receives them) and keys are invented.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import accumulate
from typing import Any

from examples.histories import STORIES, Seen, Story

Item = dict[str, Any]

OLDEST = 125  # days back that evidence reaches
SOURCES = ("geo-a 2026-05", "geo-b 2026-06")
DETECTORS = {"ip_geolocation": "edge-logs", "login_geolocation": "sign-in"}  # all other kinds come from `billing`
_BILLING = "billing"

# Weight, time zone and language by home country.
_HOMES = {
    "US": (22, "America/New_York", "en"), "IN": (9, "Asia/Kolkata", "en"), "GB": (6, "Europe/London", "en"),
    "DE": (6, "Europe/Berlin", "de"), "JP": (5, "Asia/Tokyo", "ja"), "BR": (5, "America/Sao_Paulo", "pt"),
    "FR": (4, "Europe/Paris", "fr"), "CA": (4, "America/Toronto", "en"), "KR": (4, "Asia/Seoul", "ko"),
    "SG": (4, "Asia/Singapore", "en"), "NL": (3, "Europe/Amsterdam", "nl"), "ES": (3, "Europe/Madrid", "es"),
    "AU": (3, "Australia/Sydney", "en"), "ID": (3, "Asia/Jakarta", "id"), "IT": (2, "Europe/Rome", "it"),
    "TW": (2, "Asia/Taipei", "zh-hant"), "VN": (2, "Asia/Ho_Chi_Minh", "vi"), "PL": (2, "Europe/Warsaw", "pl"),
    "UA": (2, "Europe/Kyiv", "uk"), "MX": (2, "America/Mexico_City", "es"), "TR": (2, "Europe/Istanbul", "tr"),
    "NG": (1, "Africa/Lagos", "en"), "CH": (1, "Europe/Zurich", "de"), "SE": (1, "Europe/Stockholm", "sv"),
}  # fmt: skip
_NETWORKS = {"residential": 34, "business": 27, "hosting": 22, "mobile": 10, "vpn": 3, "cgnat": 2, "": 2}
_ABROAD = {"CN": 55, "HK": 18, "RU": 15, "IR": 4, "BY": 4, "MO": 2, "VE": 2}
_FACTS = ("billing_country", "card_country", "phone_country", "timezone", "declared_country", "login_geolocation")
_PLANS = {"free": 50, "plus": 30, "team": 15, "enterprise": 5}
_FIRST = ("Nord", "Blue", "Quick", "Silver", "Open", "Bright", "Delta", "Green", "Iron", "Lumen", "River", "Solar")
_SECOND = ("wind", "fox", "stone", "forge", "field", "gate", "mark", "bridge", "leaf", "port", "wave", "spark")
_TRADE = ("Labs", "Robotics", "Data", "Studio", "Systems", "Learning", "Health", "Games", "Translate", "Legal")
_GIVEN = ("Ada", "Li", "Noa", "Ivan", "Mei", "Jonas", "Amara", "Diego", "Yuki", "Olena", "Priya", "Tom")
_FAMILY = ("Roy", "Ting", "Santos", "Petrov", "Chen", "Weber", "Okafor", "Ruiz", "Sato", "Bondar", "Nair", "Hill")
# What an account at home shows beside its own traffic, and how many such accounts of a hundred there are.
_MANNERS = {"home": 84, "traveller": 7, "vpn": 4, "edge": 2, "unknown": 2, "unresolved": 1}


@dataclass(frozen=True)
class Share:
    """Draws a key with the weight that it has."""

    weights: Mapping[str, float]

    @cached_property
    def _drawn(self) -> tuple[list[str], list[float]]:
        return list(self.weights), list(accumulate(self.weights.values()))

    def draw(self, chance: random.Random) -> str:
        names, weights = self._drawn
        return chance.choices(names, cum_weights=weights)[0]


HOMES = Share({code: weight for code, (weight, _, _) in _HOMES.items()})
NETWORKS, ABROAD, PLANS, MANNERS = Share(_NETWORKS), Share(_ABROAD), Share(_PLANS), Share(_MANNERS)
_STORY_OF = Share({name: story.weight for name, story in STORIES.items()})


@dataclass(frozen=True)
class Resident:
    """One account as a registrar tells it, its evidence as detectors send it, and its story if it has one.

    `first` is how many days ago the story begins: the first time that anybody looks.
    """

    account: dict[str, Any]
    items: list[Item]
    story: Story | None
    first: int


@dataclass(frozen=True)
class Population:
    """`items` is the mean number of evidence items an account, all before `today` (UTC); `stories` a share."""

    seed: int
    today: date
    items: float = 10.0
    stories: float = 0.02

    @cached_property
    def _days(self) -> list[str]:
        return [str(self.today - timedelta(days=ago)) for ago in range(OLDEST + 1)]

    def name_of(self, number: int) -> str:
        return f"seed-{self.seed}-{number:07}"

    def residents(self, first: int, last: int) -> Iterator[Resident]:
        """Those with these numbers, the last one included."""
        return (self._resident(number) for number in range(first, last + 1))

    def _resident(self, number: int) -> Resident:
        chance = random.Random(f"{self.seed}/{number}")
        story = STORIES[_STORY_OF.draw(chance)] if chance.random() < self.stories else None
        account = self._account(number, story, chance)
        first = chance.randint(*story.first) if story else 0
        seen = story.seen(chance, first) if story else []
        seen += _daily_life(chance, max(0.0, self.items - len(seen)), account["home_country"])
        if not story:
            seen += _oddities(chance, MANNERS.draw(chance))
        # Who works on a case in the morning has all of that day's evidence of it.
        hours = 8 if story else 24
        items = [self._item(account["external_id"], i, each, hours, chance) for i, each in enumerate(seen, start=1)]
        return Resident(account, items, story, first)

    def _account(self, number: int, story: Story | None, chance: random.Random) -> dict[str, Any]:
        home = HOMES.draw(chance)
        person = chance.random() < 0.45 if story is None or story.kind is None else story.kind == "person"
        host = f"{story.host if story and story.host else 'mail'}-{number % 97}.example"
        _, zone, language = _HOMES[home]
        return {
            "external_id": self.name_of(number),
            "name": _name(person, chance),
            "kind": "person" if person else "organisation",
            "language": language,
            "timezone": zone,
            "home_country": home,
            "plan": PLANS.draw(chance),
            "protected": chance.random() < 0.004,
            "serves_third_parties": not person and chance.random() < 0.03,
            "contacts": _contacts(number, host, person, chance) if story is None or story.reachable else [],
        }

    def _item(self, account: str, number: int, seen: Seen, hours: int, chance: random.Random) -> Item:
        day, half = self._days[seen.days_ago], hours // 2
        item: Item = {
            "id": f"{account}/{number}",
            "account": account,
            "kind": seen.kind,
            "observed_at": f"{day}T{int(chance.random() * half):02}:{int(chance.random() * 60):02}:00Z",
            "country": seen.country,
        }
        if seen.kind == "ip_geolocation":  # a day's summary
            item["observed_until"] = f"{day}T{half + int(chance.random() * half):02}:{int(chance.random() * 60):02}:00Z"
            item["requests"] = seen.requests
            item["credential"] = f"sk-…{number * 7 % 3}{account[-4:]}"
            item["source"] = SOURCES[seen.days_ago < 30]
            item["confidence"] = 0.95 if number % 3 else 1
        if seen.network_class:
            item["network_class"] = seen.network_class
        if seen.subdivision:
            item["subdivision"] = seen.subdivision
        if seen.refused:
            item["outcome"] = "refused"
        return item


def detector_of(kind: str) -> str:
    return DETECTORS.get(kind, _BILLING)


def _name(person: bool, chance: random.Random) -> str:
    if person:
        return f"{chance.choice(_GIVEN)} {chance.choice(_FAMILY)}"
    return f"{chance.choice(_FIRST)}{chance.choice(_SECOND)} {chance.choice(_TRADE)}"


def _contacts(number: int, host: str, person: bool, chance: random.Random) -> list[dict[str, str]]:
    if chance.random() < 0.02:
        return []  # a stub: evidence came before the registrar
    found = [{"email": f"owner{number}@{host}", "role": "owner"}]
    for role, share in (("billing", 0.3), ("security", 0.1), ("legal", 0.06)):
        if not person and chance.random() < share:
            found.append({"email": f"{role}{number}@{host}", "role": role})
    return found


def _daily_life(chance: random.Random, mean: float, home: str) -> list[Seen]:
    """Supported traffic, and what billing knows: few have much, many have little."""
    network = NETWORKS.draw(chance)
    found = []
    for _ in range(min(round(chance.expovariate(1 / mean)), 100) if mean else 0):
        ago = 1 + int(chance.random() * 89)
        if chance.random() < 0.12:
            found.append(Seen(ago, home, kind=_FACTS[int(chance.random() * len(_FACTS))]))
        else:
            found.append(Seen(ago, home, 1 + int(chance.expovariate(0.005)), network))
    return found


def _oddities(chance: random.Random, manner: str) -> list[Seen]:
    """What a fair service leaves alone: a journey, a VPN, an edge data centre, a code that nobody assigned."""
    ago = chance.randint(2, 85)
    match manner:
        case "traveller":
            abroad = ABROAD.draw(chance)
            return [Seen(max(1, ago - day), abroad, chance.randint(1, 90), "mobile") for day in range(0, 6, 2)]
        case "vpn":
            return [Seen(ago, "HK", chance.randint(20, 900), "vpn"), Seen(max(1, ago - 9), "HK", 40, "vpn")]
        case "edge":
            return [Seen(ago, "HK", chance.randint(500, 5000), "edge")]
        case "unknown":
            return [Seen(ago, chance.choice(("EU", "AP", "??")), chance.randint(1, 200))]
        case "unresolved":
            return [Seen(ago, "UA", chance.randint(1, 90), "residential", subdivision="UA-65")]
    return []
