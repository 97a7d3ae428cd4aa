"""What is not held against an account: everything, what comes from a territory, or one of its keys."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from enforcement.rules.sightings import Sighting
from enforcement.rules.territory import COUNTRIES, SUBDIVISIONS, as_listed, locate


@dataclass(frozen=True, slots=True)
class Exempt:
    """The exemptions of one account that are in force at a moment."""

    everything: bool = False
    territories: frozenset[str] = frozenset()  # a country's code means all of its parts
    credentials: frozenset[str] = frozenset()

    def covers(self, country: str, subdivision: str, credential: str) -> bool:
        """Whether traffic with this key from this place is not held against the account."""
        return self.everything or credential in self.credentials or self._covers_place(country, subdivision)

    def _covers_place(self, country: str, subdivision: str) -> bool:
        return bool(self.territories) and not self.territories.isdisjoint(locate(country, subdivision))


NOTHING = Exempt()


def exempt_from(scopes: Collection[tuple[str, str]]) -> Exempt:
    """From scopes (`account`, `territory` or `credential`) and their values."""
    return Exempt(
        everything=any(scope == "account" for scope, _ in scopes),
        territories=frozenset(value for scope, value in scopes if scope == "territory"),
        credentials=frozenset(value for scope, value in scopes if scope == "credential"),
    )


def held_against(sightings: Iterable[Sighting], exempt: Exempt) -> list[Sighting]:
    """The sightings that count for the account. One that is exempt as a whole is scored like any other."""
    if not exempt.territories and not exempt.credentials:
        return list(sightings)
    part = Exempt(territories=exempt.territories, credentials=exempt.credentials)
    return [each for each in sightings if not part.covers(each.country, each.subdivision, each.credential)]


def territory_of(code: str) -> str | None:
    """An assigned code as lists write it; None for any other."""
    listed = as_listed(code)
    return listed if listed in COUNTRIES or listed in SUBDIVISIONS else None
