"""What happens to the few accounts of a population that somebody looks at: what was seen of each, and who did what.

What becomes of them is not written here: the service decides it, day by day, on the evidence (the recommended policy
is what they are written for).
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Act = Literal["dismiss", "appeal", "uphold", "overturn"]
Habit = Literal["approve", "refuse", "restrict"]


class Seen(NamedTuple):
    """One fact, as many days ago."""

    days_ago: int
    country: str
    requests: int = 1
    network_class: str = ""
    kind: str = "ip_geolocation"
    subdivision: str = ""
    refused: bool = False


Pattern = Callable[[random.Random, int], list[Seen]]  # the second argument: how many days ago the story begins


@dataclass(frozen=True)
class Story:
    """`first` bounds how many days ago somebody looked first; `acts` are what people did, by days after that.

    A habit is what staff do whenever the case comes to it: agree to a held decision, refuse it, or restrict instead of
    waiting for the automation.
    """

    weight: int
    first: tuple[int, int]
    seen: Pattern
    acts: Mapping[int, Act] = field(default_factory=dict)
    habit: Habit | None = None
    kind: Literal["person", "organisation"] | None = "organisation"
    host: str = ""  # how the contacts' mail server behaves: `refuses` or `busy`
    reachable: bool = True


def _office(chance: random.Random, first: int, until: int = 1) -> list[Seen]:
    """Most of the traffic from one unsupported territory, for a month before anybody looked and on from there."""
    country = chance.choice(("CN", "CN", "CN", "RU", "HK", "IR"))
    network = chance.choice(("residential", "business"))
    return [Seen(ago, country, chance.randint(80, 900), network) for ago in range(first + 34, until - 1, -3) if ago]


def _stops(chance: random.Random, first: int) -> list[Seen]:
    """The same, but it ends in the days after the warning."""
    return _office(chance, first, until=max(1, first - chance.randint(0, 4)))


def _stops_late(chance: random.Random, first: int) -> list[Seen]:
    """The same, but it goes on beyond the deadline."""
    return _office(chance, first, until=max(1, first - 18))


def _refused_after(days: int) -> Pattern:
    """The same, and the gateway refuses what still comes after a suspension."""

    def seen(chance: random.Random, first: int) -> list[Seen]:
        return [each._replace(refused=each.days_ago < first - days) for each in _office(chance, first)]

    return seen


def _burst(chance: random.Random, first: int) -> list[Seen]:
    """A stolen key: much in three days."""
    country = chance.choice(("RU", "CN", "HK"))
    return [Seen(first + day, country, chance.randint(6_000, 90_000), "hosting") for day in (1, 2, 3)]


def _sign_ins(chance: random.Random, first: int) -> list[Seen]:
    """Traffic from a VPN's exits at home, sign-ins from elsewhere."""
    days = range(first + 1, first + 13, 2)
    facts = [Seen(first + 2, "CN", kind=kind) for kind in ("card_country", "phone_country")]
    return [*facts, *(Seen(ago, "CN", kind="login_geolocation", network_class="residential") for ago in days)]


def _sanctioned(chance: random.Random, first: int) -> list[Seen]:
    part = chance.choice(("UA-43", "UA-40"))
    return [Seen(first + day, "UA", chance.randint(5, 300), "residential", subdivision=part) for day in range(1, 20, 4)]


def _several_kinds(chance: random.Random, first: int) -> list[Seen]:
    """A small share of the traffic, and a declaration and sign-ins that say the same."""
    traffic = [Seen(first + day, "CN", chance.randint(2, 20), "residential") for day in range(1, 32, 5)]
    home = [Seen(first + day, "SG", chance.randint(200, 400), "business") for day in (2, 9, 16)]
    kinds = ("declared_country", "billing_country", "login_geolocation")
    return [*traffic, *home, *(Seen(first + 3, "CN", kind=kind) for kind in kinds)]


# Weights are of all stories; what a case comes to is named by what it mostly is today.
STORIES: Mapping[str, Story] = {
    "stolen key, in review": Story(10, (1, 18), _burst),
    "sign-ins, in review": Story(12, (1, 10), _sign_ins),
    "sanctioned part, in review": Story(6, (1, 40), _sanctioned, kind=None),
    "stolen key, dismissed": Story(6, (20, 80), _burst, {4: "dismiss"}),
    "warned": Story(16, (2, 14), _office, kind=None),
    "warned today": Story(2, (0, 0), _office, host="busy"),
    "warned in vain": Story(2, (3, 14), _office, host="refuses"),
    "nobody to warn": Story(2, (2, 30), _office, reachable=False),
    "appealed against the warning": Story(3, (5, 14), _office, {3: "appeal"}),
    "lost the appeal": Story(2, (26, 40), _refused_after(24), {3: "appeal", 9: "uphold"}),
    "cured": Story(12, (27, 80), _stops, kind=None),
    "suspended": Story(8, (20, 44), _refused_after(17)),
    "appealed against the suspension": Story(2, (22, 40), _refused_after(17), {20: "appeal"}),
    "restricted": Story(4, (18, 44), _refused_after(16), habit="restrict"),
    "suspension held": Story(3, (18, 40), _office, kind="person"),
    "suspension refused": Story(2, (20, 40), _stops_late, habit="refuse", kind="person"),
    "block held": Story(3, (52, 75), _refused_after(17)),
    "blocked": Story(6, (55, 84), _refused_after(17), habit="approve"),
    "reinstated": Story(3, (36, 60), _refused_after(17), {22: "appeal", 28: "overturn"}),
    "warning held": Story(4, (1, 20), _several_kinds),
    "warning agreed to": Story(2, (1, 14), _several_kinds, habit="approve"),
}
