"""Sightings and small policies for tests of the rules; items become one row each, or day tallies."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from enforcement.rules.outcomes import Outcome, outcome
from enforcement.rules.policy import Policy, parse_policy
from enforcement.rules.scoring import Score, score
from enforcement.rules.sightings import Sighting

Item = dict[str, Any]

AT = datetime(2026, 6, 11, tzinfo=UTC)
DAY = timedelta(days=1)
YESTERDAY = "2026-06-10T12:00:00Z"

DOCUMENT: dict[str, Any] = {
    "format": 1,
    "name": "small",
    "territories": {
        "supported": ["DE", "ES", "US", "UA"],
        "excepted": ["UA-14"],
        "unresolved": ["UA-65"],
        "sanctioned": ["UA-43"],
    },
    "evidence": {
        "kinds": {
            "ip_geolocation": {"points": 1, "per": "request", "cap": 1000},
            "billing_country": {"points": 10, "per": "item", "cap": 25},
            "phone_country": {"points": 5, "per": "item", "cap": 5, "corroborates": False},
        },
        "network_factors": {"vpn": 0, "hosting": 0.5, "unknown": 0.5},
    },
    "qualifies": [{"name": "five", "min_requests": 5}],
    "ladder": {
        "warn": {"automation": "auto", "notice": "P15D"},
        "deadline": {"step": "suspend", "automation": "auto"},
    },
}


def document(**sections: Any) -> dict[str, Any]:
    """The small document with some of its sections replaced; `evidence` is laid over what stands there."""
    evidence = DOCUMENT["evidence"] | sections.pop("evidence", {})
    return DOCUMENT | {"evidence": evidence} | sections


def policy(**sections: Any) -> Policy:
    return parse_policy(json.dumps(document(**sections)))


def kinds(**named: dict[str, Any]) -> dict[str, Any]:
    """An evidence section with these kinds; what a kind leaves out counts as one point a request."""
    usual = {"points": 1, "per": "request", "cap": 1000}
    return {"kinds": {name: usual | terms for name, terms in named.items()}}


def item(country: str = "CN", **fields: Any) -> Item:
    """A residential sighting of yesterday, shaped as a detector sends it."""
    return {
        "kind": "ip_geolocation",
        "country": country,
        "network_class": "residential",
        "observed_at": YESTERDAY,
    } | fields


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def as_sighting(sent: Item, detector: str = "detector") -> Sighting:
    """One evidence row."""
    observed_at = moment(sent["observed_at"])
    confidence, requests = Decimal(str(sent.get("confidence", 1))), sent.get("requests", 1)
    return Sighting(
        day=observed_at.date(),
        detector=sent.get("detector", detector),
        kind=sent["kind"],
        network_class=sent.get("network_class") or "",
        country=sent.get("country") or "",
        subdivision=sent.get("subdivision") or "",
        credential=sent.get("credential") or "",
        source=sent.get("source") or "",
        refused=sent.get("outcome") == "refused",
        items=1,
        requests=requests,
        weighted_items=confidence,
        weighted_requests=requests * confidence,
        confidence=confidence,
        first_at=observed_at,
        last_at=moment(sent["observed_until"]) if "observed_until" in sent else observed_at,
    )


def tallied(sightings: Iterable[Sighting]) -> list[Sighting]:
    """Day tallies: the sum per account-day and key, as the store keeps them."""
    tallies: dict[tuple[Any, ...], Sighting] = {}
    for each in sightings:
        place = (each.network_class, each.country, each.subdivision)
        key = (each.day, each.detector, each.kind, *place, each.credential, each.source, each.refused)
        before = tallies.get(key)
        tallies[key] = each if before is None else _added(before, each)
    return list(tallies.values())


def _added(one: Sighting, other: Sighting) -> Sighting:
    return Sighting(
        one.day,
        one.detector,
        one.kind,
        one.network_class,
        one.country,
        one.subdivision,
        one.credential,
        one.source,
        one.refused,
        items=one.items + other.items,
        requests=one.requests + other.requests,
        weighted_items=one.weighted_items + other.weighted_items,
        weighted_requests=one.weighted_requests + other.weighted_requests,
        confidence=max(one.confidence, other.confidence),
        first_at=min(one.first_at, other.first_at),
        last_at=max(one.last_at, other.last_at),
    )


def scored(*items: Item, at: datetime = AT, **sections: Any) -> Score:
    return score(map(as_sighting, items), policy(**sections), at)


def decided(*items: Item, at: datetime = AT, **sections: Any) -> Outcome | None:
    """What the small policy, with these sections, makes of the items."""
    rules = policy(**sections)
    return outcome(score(map(as_sighting, items), rules, at), rules, at)
