"""`sources: agree`: what counts where several sources reported the same traffic.

Sources are compared per account, UTC day, kind and credential. Where one of them names no credential,
nobody can say which of the keys it means: what two sources settled for one credential stays settled, and
everything else of that day and kind is one comparison. In a comparison

- a *report* is every sighting that was not refused, whatever it weighs and wherever it says the traffic
  came from. An answer that is unresolved only for want of a subdivision contradicts nothing and *takes no
  part*, unless its network class proves nothing. Two sources that take part settle a credential;
- sources agree if each that takes part says "unsupported" of some traffic that counts, wherever that was.
  All that the one with the smallest weighted unsupported requests says then counts, and nothing else. So of
  mixed answers ("5 from CN, 10 from US") only as much counts as every source stands for;
- what the boldest source says beyond that is contested.

One source counts alone: nobody contradicts it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from msgspec import Struct

from enforcement.rules.sightings import Sighting
from enforcement.rules.territory import Answer, Place

_NOTHING = Decimal(0)


class Report(Struct, frozen=True):
    """Sightings of one tally key, alike in all but their days and numbers, with what the policy makes of them.

    What is asked of the place, the source and the network is asked once for all of them.
    """

    sightings: list[Sighting]
    place: Place
    factor: Decimal
    source: str

    @property
    def key(self) -> Sighting:
        """Any of them: for what they have in common."""
        return self.sightings[0]

    @property
    def requests(self) -> int:
        return sum([each.requests for each in self.sightings])

    @property
    def weighted_requests(self) -> Decimal:
        return sum([each.weighted_requests for each in self.sightings], _NOTHING) * self.factor

    @property
    def takes_part(self) -> bool:
        return not (self.place.lacks_subdivision and self.factor)

    def alone(self, sighting: Sighting) -> "Report":
        """The same of one of its sightings."""
        return Report([sighting], self.place, self.factor, self.source)


@dataclass(frozen=True, slots=True)
class Settled:
    """What one comparison comes to; numbers are plain requests."""

    counting: list[Report]  # what is counted and weighed
    agreeing: list[Report]  # what days, kinds, sources and dates are read from
    requests: int
    unknown: int
    unresolved: int
    contested: int
    share_base: int


def source_of(sighting: Sighting) -> str:
    """Who says it: the name without its date; who gives none is one unnamed source per detector.

    An unnamed one begins with a blank, as no name can, and so comes first where names decide.
    """
    return sighting.source.partition(" ")[0] or f" {sighting.detector}"


def settle(reports: list[Report]) -> list[Settled]:
    """Settle all reports of one account, UTC day and kind."""
    if is_one_source(reports):
        return [settle_alone(reports)]
    by_credential = defaultdict(list)
    for each in reports:
        by_credential[each.key.credential].append(each)
    if "" not in by_credential:
        return [_compare(group) for group in by_credential.values()]
    rest = by_credential.pop("")
    settled = []
    for group in by_credential.values():
        if is_one_source(each for each in group if each.takes_part):
            rest += group
        else:
            settled.append(_compare(group))
    return [*settled, _compare(rest)]


def is_one_source(reports: Iterable[Report]) -> bool:
    """Whether nobody is there to disagree."""
    return len({each.source for each in reports}) < 2


def settle_alone(reports: list[Report]) -> Settled:
    """Everything counts as it is said."""
    said = _Said(reports)
    return Settled(
        counting=said.unsupported,
        agreeing=said.unsupported,
        requests=said.requests,
        unknown=said.unknown,
        unresolved=said.unresolved,
        contested=0,
        share_base=said.share_base,
    )


def _compare(reports: list[Report]) -> Settled:
    by_source = defaultdict(list)
    for each in reports:
        by_source[each.source].append(each)
    sources = {source: _Said(said) for source, said in by_source.items()}
    taking_part = [source for source, said in by_source.items() if any(each.takes_part for each in said)]
    saying = [sources[source].unsupported for source in taking_part]
    agree = bool(saying) and all(saying)
    counting: list[Report] = []
    if agree:
        counting = sources[min(taking_part, key=lambda source: (sources[source].weighted, source))].unsupported
    everything = sources.values()
    return Settled(
        counting=counting,
        agreeing=[each for said in saying for each in said] if agree else [],
        requests=max(said.requests for said in everything),
        unknown=min(said.unknown for said in everything),
        unresolved=min(said.unresolved for said in everything),
        contested=max(_plain(said.unsupported) for said in everything) - _plain(counting),
        share_base=max(said.share_base for said in everything),
    )


def _plain(reports: list[Report]) -> int:
    return sum(each.requests for each in reports)


class _Said:
    """The sum of what one source says."""

    __slots__ = ("requests", "share_base", "unknown", "unresolved", "unsupported")

    def __init__(self, reports: list[Report]) -> None:
        self.unsupported = [each for each in reports if each.factor and each.place.answer is Answer.UNSUPPORTED]
        answered = dict.fromkeys(Answer, 0)
        proving_nothing_at_home = 0
        for each in reports:
            if each.factor:
                answered[each.place.answer] += each.requests
            elif each.place.answer is Answer.SUPPORTED:
                proving_nothing_at_home += each.requests
        self.requests = sum(answered.values())
        self.unknown = answered[Answer.UNKNOWN]
        self.unresolved = answered[Answer.UNRESOLVED]
        self.share_base = self.requests - self.unknown + proving_nothing_at_home

    @property
    def weighted(self) -> Decimal:
        """Unsupported requests x confidence x factor."""
        return sum((each.weighted_requests for each in self.unsupported), _NOTHING)
