"""Day tallies of generated evidence: what intake would have summed, so that the crowd is scored before it is stored."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from enforcement.rules.sightings import Sighting
from examples.population import Item, detector_of

# Day, detector and all else that a tally is keyed by, in the order of a sighting's first fields.
Key = tuple[str, str, str, str, str, str, str, str, bool]


@dataclass(slots=True)
class Tally:
    items: int
    requests: int
    weighted_items: Decimal
    weighted_requests: Decimal
    confidence: Decimal
    first_at: str
    last_at: str


def key_of(item: Item) -> Key:
    return (
        item["observed_at"][:10], detector_of(item["kind"]), item["kind"], item.get("network_class", ""),
        item["country"], item.get("subdivision", ""), item.get("credential", ""), item.get("source", ""),
        item.get("outcome") == "refused",
    )  # fmt: skip


def tally(items: Iterable[Item]) -> dict[Key, Tally]:
    """The tallies of one account. Moments are written one way, so that they can be compared as they are."""
    found: dict[Key, Tally] = {}
    for item in items:
        requests, confidence = item.get("requests", 1), Decimal(str(item.get("confidence", 1)))
        first: str = item["observed_at"]
        last: str = item.get("observed_until") or first
        key = key_of(item)
        there = found.get(key)
        if there is None:
            found[key] = Tally(1, requests, confidence, confidence * requests, confidence, first, last)
            continue
        there.items += 1
        there.requests += requests
        there.weighted_items += confidence
        there.weighted_requests += confidence * requests
        there.confidence = max(there.confidence, confidence)
        there.first_at, there.last_at = min(there.first_at, first), max(there.last_at, last)
    return found


def sightings(tallies: dict[Key, Tally]) -> list[Sighting]:
    """As the rules score them."""
    return [
        Sighting(
            date.fromisoformat(key[0]), *key[1:], each.items, each.requests, each.weighted_items,
            each.weighted_requests, each.confidence, datetime.fromisoformat(each.first_at),
            datetime.fromisoformat(each.last_at),
        )
        for key, each in tallies.items()
    ]  # fmt: skip
