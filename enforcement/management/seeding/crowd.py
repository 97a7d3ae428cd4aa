"""The crowd: accounts, contacts, evidence, tallies and scores, written by COPY as finished rows.

The one place that goes round intake and assessment, since two million items through them take a quarter of an hour.
It writes no case; a test holds its rows to what the services make of the same items.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from enforcement.management.seeding.tallies import Tally, detector_of, sightings, tally
from enforcement.models import PolicyVersion
from enforcement.rules import outcomes, scoring
from enforcement.services.evidence_items import read_item
from enforcement.services.facts import facts_of
from examples.population import Item, Population, Resident

_COLUMNS: Mapping[str, str] = {
    "enforcement_account": "id, external_id, name, kind, language, timezone, home_country, plan, protected,"
    " serves_third_parties, no_suspension, version, created_at",
    "enforcement_contact": "account_id, role, email",
    "enforcement_evidence": "detector_id, external_id, account_id, kind, network_class, country, subdivision,"
    " credential, source, refused, observed_at, observed_until, requests, confidence, end_user, body_digest,"
    " received_at",
    "enforcement_daytally": "account_id, detector_id, day, kind, network_class, country, subdivision, credential,"
    " source, refused, items, requests, weighted_items, weighted_requests, confidence, first_at, last_at",
    "enforcement_score": "account_id, policy_id, points, outcome, rule, facts, assessed_at",
}
_IDS = "SELECT nextval(pg_get_serial_sequence('enforcement_account', 'id')) FROM generate_series(1, %s)"
_TRANSIT = timedelta(minutes=10)  # from the last of what an item tells until it is received


@dataclass(frozen=True, slots=True)
class Told:
    """A resident whom the services look at: those with a story, and whoever else a rule of the policy catches."""

    account: int
    resident: Resident


@dataclass(slots=True)
class Block:
    """Residents as rows that COPY reads, by table, and those who are told of elsewhere."""

    rows: dict[str, list[str]] = field(default_factory=lambda: {table: [] for table in _COLUMNS})
    told: list[Told] = field(default_factory=list)

    @property
    def accounts(self) -> int:
        return len(self.rows["enforcement_account"])


@dataclass(frozen=True)
class Crowd:
    """What all residents have in common."""

    population: Population
    policy: PolicyVersion
    detectors: Mapping[str, int]
    now: datetime

    def blocks(self, accounts: int, size: int, ids: Sequence[int]) -> Iterator[Block]:
        """Computes only, and may therefore run beside the writing."""
        for first in range(0, accounts, size):
            last = min(first + size, accounts)
            yield self._block(zip(ids[first:last], self.population.residents(first + 1, last), strict=True))

    def _block(self, residents: Iterable[tuple[int, Resident]]) -> Block:
        block, evidence = Block(), []
        for account, resident in residents:
            block.rows["enforcement_account"].append(self._account(account, resident.account))
            for each in resident.account["contacts"]:
                block.rows["enforcement_contact"].append(_row(account, each["role"], each["email"]))
            tallies = tally(resident.items)
            evidence += [self._evidence(account, item) for item in resident.items]
            block.rows["enforcement_daytally"] += [self._tally(account, *each) for each in tallies.items()]
            score = self._score(account, sightings(tallies)) if tallies and not resident.story else None
            if score:
                block.rows["enforcement_score"].append(score)
            elif tallies:
                block.told.append(Told(account, resident))
        # As it would have come in, or nearly: the table's newest rows are not all of one account.
        block.rows["enforcement_evidence"] = [row for _, row in sorted(evidence)]
        return block

    def _account(self, account: int, told: Mapping[str, Any]) -> str:
        age = timedelta(days=130 + account * 7919 % 900, seconds=account * 104_729 % 86_400)
        names = ("external_id", "name", "kind", "language", "timezone", "home_country", "plan")
        flags = (told["protected"], told["serves_third_parties"], False)
        return _row(account, *(told[name] for name in names), *flags, 1, self.now - age)

    def _evidence(self, account: int, item: Item) -> tuple[datetime, str]:
        """With the moment of its receipt, to sort by; just after midnight the last of yesterday's has only come in."""
        until = item.get("observed_until")
        received_at = min(datetime.fromisoformat(until or item["observed_at"]) + _TRANSIT, self.now)
        row = _row(
            self.detectors[detector_of(item["kind"])], item["id"], account, item["kind"],
            item.get("network_class", ""), item["country"], item.get("subdivision", ""), item.get("credential", ""),
            item.get("source", ""), item.get("outcome") == "refused", item["observed_at"], until,
            item.get("requests", 1), item.get("confidence", 1), "", rf"\\x{read_item(item, self.now).digest}",
            received_at,
        )  # fmt: skip
        return received_at, row

    def _tally(self, account: int, key: tuple[Any, ...], found: Tally) -> str:
        day, detector, *rest = key
        return _row(
            account, self.detectors[detector], day, *rest, found.items, found.requests, found.weighted_items,
            found.weighted_requests, found.confidence, found.first_at, found.last_at,
        )  # fmt: skip

    def _score(self, account: int, seen: list[Any]) -> str | None:
        """None where a rule holds: then there is a case to open, which is for the services."""
        score = scoring.score(seen, self.policy.rules, self.now)
        if outcomes.outcome(score, self.policy.rules, self.now) is not None:
            return None
        facts = json.dumps(facts_of(score, None)).replace("\\", r"\\")
        return _row(account, self.policy.pk, f"{score.points:.2f}", "", "", facts, self.now)


def reserve(accounts: int) -> list[int]:
    """Ids of accounts that nobody else gets."""
    with connection.cursor() as cursor:
        cursor.execute(_IDS, [accounts])
        return [row[0] for row in cursor.fetchall()]


@transaction.atomic
def write(block: Block) -> None:
    """One COPY a table; the order is that of the foreign keys."""
    with connection.cursor() as cursor:
        for table, rows in block.rows.items():
            with cursor.copy(f"COPY {table} ({_COLUMNS[table]}) FROM STDIN") as copy:
                copy.write("".join(rows))


def _row(*values: object) -> str:
    """A line of COPY's text format. What is made here needs no escapes, save the backslashes of JSON and digests."""
    return "\t".join([r"\N" if value is None else str(value) for value in values]) + "\n"
