"""Where something was seen, and what the list says of it: supported, unsupported, unresolved or unknown."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import pycountry

COUNTRIES = frozenset(each.alpha_2 for each in pycountry.countries)
SUBDIVISIONS = frozenset(each.code for each in pycountry.subdivisions)

# ISO 3166-2 lists these as parts of another country, and ISO 3166-1 gives them a code of their own. The parts
# of Morocco marked "(EH)" are not among them: ISO says where they lie, and half of its lines run inside one.
OWN_CODES: Mapping[str, str] = MappingProxyType(
    {
        "CN-HK": "HK", "CN-MO": "MO", "CN-TW": "TW",
        "FI-01": "AX",
        "FR-971": "GP", "FR-972": "MQ", "FR-973": "GF", "FR-974": "RE", "FR-976": "YT",
        "FR-BL": "BL", "FR-MF": "MF", "FR-NC": "NC", "FR-PF": "PF", "FR-PM": "PM", "FR-TF": "TF",
        "FR-WF": "WF",
        "NL-AW": "AW", "NL-BQ1": "BQ", "NL-BQ2": "BQ", "NL-BQ3": "BQ", "NL-CW": "CW", "NL-SX": "SX",
        "NO-21": "SJ", "NO-22": "SJ",
        "US-AS": "AS", "US-GU": "GU", "US-MP": "MP", "US-PR": "PR", "US-UM": "UM", "US-VI": "VI",
    }
)  # fmt: skip

_COUNTRY_SHAPE = re.compile(r"[A-Z][A-Z0-9]|\?\?|")


class Answer(StrEnum):
    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    UNRESOLVED = "unresolved"  # the list cannot say
    UNKNOWN = "unknown"  # no assigned code


@dataclass(frozen=True, slots=True)
class Place:
    """What the list says of one place."""

    code: str  # under which it is shown: a part that the list names, else its country; "" where unknown
    answer: Answer
    sanctioned: bool = False
    lacks_subdivision: bool = False  # unresolved for no other reason than that


_NOWHERE = Place("", Answer.UNKNOWN)
_REMEMBERED = 10_000  # all assigned codes, twice: what detectors make up must not fill the memory


def is_well_formed_country(value: object) -> bool:
    """Whether a detector may write this as a country: its shape only, an unassigned code is just unknown."""
    return value is None or (isinstance(value, str) and _COUNTRY_SHAPE.fullmatch(value) is not None)


def as_listed(code: str) -> str:
    """What `code` is read as in evidence and lists: a part with a country code of its own is that country."""
    return OWN_CODES.get(code, code)


def locate(country: str, subdivision: str) -> tuple[str, str]:
    """The assigned country and part that a sighting names, "" for none; the part decides the country."""
    if subdivision in SUBDIVISIONS:
        own = OWN_CODES.get(subdivision)
        return (own, "") if own else (subdivision[:2], subdivision)
    return (country, "") if country in COUNTRIES else ("", "")


class TerritoryAnswers(ABC):
    """Answers for places, each judged once: the sightings of an account lie in a handful of places."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], Place] = {}

    @abstractmethod
    def _judge(self, country: str, subdivision: str) -> Place: ...

    def place(self, country: str, subdivision: str = "") -> Place:
        key = (country, subdivision)
        found = self._places.get(key)
        if found is None:
            found = self._judge(country, subdivision)
            if len(self._places) < _REMEMBERED:
                self._places[key] = found
        return found

    def answer(self, country: str, subdivision: str = "") -> Answer:
        return self.place(country, subdivision).answer

    def is_sanctioned(self, country: str, subdivision: str = "") -> bool:
        return self.place(country, subdivision).sanctioned

    def lacks_subdivision(self, country: str, subdivision: str = "") -> bool:
        """Whether it is unresolved only because no part is given of a country that the list divides."""
        return self.place(country, subdivision).lacks_subdivision

    def code(self, country: str, subdivision: str = "") -> str:
        """The code under which it is shown: its own for a part that the list names, else its country's."""
        return self.place(country, subdivision).code


class Territories(TerritoryAnswers):
    """The list of one policy version. `inherits` must be free of cycles; `find_cycle` tells."""

    def __init__(
        self,
        supported: Iterable[str],
        excepted: Iterable[str] = (),
        supported_subdivisions: Iterable[str] = (),
        unresolved: Iterable[str] = (),
        sanctioned: Iterable[str] = (),
        inherits: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.supported = frozenset(map(as_listed, supported))
        self.excepted = frozenset(map(as_listed, excepted))
        self.supported_subdivisions = frozenset(map(as_listed, supported_subdivisions))
        self.unresolved = frozenset(map(as_listed, unresolved))
        self.sanctioned = frozenset(map(as_listed, sanctioned))
        self.inherits = MappingProxyType({as_listed(k): as_listed(v) for k, v in (inherits or {}).items()})
        # Last wins: the order in which the lists are asked, from the end.
        self._named = {
            **dict.fromkeys(self.supported | self.supported_subdivisions, Answer.SUPPORTED),
            **dict.fromkeys(self.unresolved, Answer.UNRESOLVED),
            **dict.fromkeys(self.excepted | self.sanctioned, Answer.UNSUPPORTED),
        }
        self._divided = frozenset(code[:2] for code in self._named if "-" in code)

    def _judge(self, country: str, subdivision: str) -> Place:
        country, part = locate(country, subdivision)
        if not country:
            return _NOWHERE
        if part in self._named:
            return Place(part, self._named[part], sanctioned=part in self.sanctioned)
        if not part and country in self._divided and country not in self.sanctioned:
            return Place(country, Answer.UNRESOLVED, lacks_subdivision=True)
        decider = self._decider(country)
        return Place(country, self._named.get(decider, Answer.UNSUPPORTED), sanctioned=decider in self.sanctioned)

    def _decider(self, country: str) -> str:
        """The country that speaks for this one: itself where listed, else the end of its chain of parents."""
        while country not in self._named and country in self.inherits:
            country = self.inherits[country]
        return country


class _UnderBoth(TerritoryAnswers):
    def __init__(self, one: TerritoryAnswers, other: TerritoryAnswers) -> None:
        super().__init__()
        self._lists = (one, other)

    def _judge(self, country: str, subdivision: str) -> Place:
        places = [each.place(country, subdivision) for each in self._lists]
        # The kinder answer wins; unknown is unknown to both, for it asks no list.
        for answer in (Answer.UNKNOWN, Answer.SUPPORTED, Answer.UNRESOLVED, Answer.UNSUPPORTED):
            saying = [each for each in places if each.answer is answer]
            if saying:
                break
        return Place(
            code=max((each.code for each in places), key=len),
            answer=answer,
            sanctioned=any(each.sanctioned for each in places),
            lacks_subdivision=all(each.lacks_subdivision for each in saying),
        )


def territories_under_both(one: TerritoryAnswers, other: TerritoryAnswers) -> TerritoryAnswers:
    """What a restricting step asks: unsupported only where both say so, sanctioned where either does."""
    return _UnderBoth(one, other)


def find_cycle(inherits: Mapping[str, str]) -> tuple[str, ...]:
    """The first chain of parents that returns to itself, as it is followed; empty where there is none."""
    for start in inherits:
        chain = [start]
        while (parent := inherits.get(chain[-1])) is not None:
            if parent == start:
                return (*chain, start)
            if parent in chain:
                break  # a cycle that does not pass through `start` is found from one of its own
            chain.append(parent)
    return ()
