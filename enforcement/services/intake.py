"""Evidence in: one statement a batch stores it, tallies it and marks its accounts, or changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from django.db import OperationalError, connection

from enforcement import metrics
from enforcement.models import Client
from enforcement.services.evidence_items import Item, ItemRefused, read_item
from enforcement.services.transactions import atomic_and_again
from faultpoints import faultpoint, port

MAX_ITEMS = 1000

# Accounts, evidence, tallies and marks are each written in one fixed order, and every part needs the one before it:
# batches that share accounts wait for each other, and never in a circle.
_RECORD = """
WITH given AS (
    SELECT * FROM json_to_recordset(%(items)s::json) AS item (
        id text, account text, kind text, network_class text, country text, subdivision text,
        credential text, source text, outcome text, observed_at timestamptz, observed_until timestamptz,
        requests bigint, confidence numeric, ip inet, asn bigint, end_user text, details text, body_digest text)
), known AS (
    SELECT id, external_id FROM enforcement_account WHERE external_id IN (SELECT account FROM given)
), made AS (
    -- The conflict is a stub that a concurrent batch has just made, which this statement's snapshot cannot see.
    INSERT INTO enforcement_account (external_id, name, kind, language, timezone, home_country, plan, protected,
                                     serves_third_parties, no_suspension, version, created_at)
    SELECT DISTINCT account COLLATE "C", '', 'organisation', 'en', 'UTC', '', '', false, false, false, 0,
           %(now)s::timestamptz
      FROM given WHERE account NOT IN (SELECT external_id FROM known) ORDER BY 1
        ON CONFLICT (external_id) DO UPDATE SET version = enforcement_account.version
    RETURNING id, external_id
), accounts AS (
    SELECT * FROM known UNION ALL SELECT * FROM made
), stored AS (
    INSERT INTO enforcement_evidence (detector_id, external_id, account_id, kind, network_class, country, subdivision,
        credential, source, refused, observed_at, observed_until, requests, confidence, ip, asn, end_user, details,
        body_digest, received_at)
    SELECT %(detector)s, given.id, accounts.id, kind, network_class, country, subdivision, credential, source,
           outcome = 'refused', observed_at, observed_until, requests, confidence, ip, asn, end_user, details::jsonb,
           decode(body_digest, 'hex'), %(now)s::timestamptz
      FROM given JOIN accounts ON accounts.external_id = given.account
     ORDER BY given.id COLLATE "C"
        ON CONFLICT (detector_id, external_id) DO NOTHING
    RETURNING external_id, account_id, kind, network_class, country, subdivision, credential, source, refused,
              observed_at, observed_until, requests, confidence
), tallied AS (
    INSERT INTO enforcement_daytally AS tally (account_id, day, detector_id, kind, network_class, country, subdivision,
        credential, source, refused, items, requests, weighted_items, weighted_requests, confidence, first_at, last_at)
    SELECT account_id, (observed_at AT TIME ZONE 'UTC')::date, %(detector)s, kind, network_class, country, subdivision,
           credential, source, refused, count(*), sum(requests), sum(confidence), sum(confidence * requests),
           max(confidence), min(observed_at), max(coalesce(observed_until, observed_at))
      FROM stored GROUP BY 1, 2, 4, 5, 6, 7, 8, 9, 10 ORDER BY 1, 2, 4, 5, 6, 7, 8, 9, 10
        ON CONFLICT (account_id, day, detector_id, kind, network_class, country, subdivision, credential, source,
                     refused)
        DO UPDATE SET items = tally.items + excluded.items, requests = tally.requests + excluded.requests,
           weighted_items = tally.weighted_items + excluded.weighted_items,
           weighted_requests = tally.weighted_requests + excluded.weighted_requests,
           confidence = greatest(tally.confidence, excluded.confidence),
           first_at = least(tally.first_at, excluded.first_at), last_at = greatest(tally.last_at, excluded.last_at)
    RETURNING account_id
), marked AS (
    INSERT INTO enforcement_assessmentmark AS mark (account_id, count, attempts, look_at)
    SELECT DISTINCT account_id, 1, 0, %(now)s::timestamptz FROM tallied ORDER BY account_id
        ON CONFLICT (account_id) DO UPDATE SET count = mark.count + 1, look_at = excluded.look_at
)
SELECT external_id FROM stored
"""

# Asked in a statement of its own: its snapshot sees the winner of a race that the first one could not.
_STORED_BODIES = """
SELECT external_id, encode(body_digest, 'hex') FROM enforcement_evidence
 WHERE detector_id = %s AND external_id = ANY(%s)
"""

Status = Literal["accepted", "duplicate", "conflict", "rejected"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one item."""

    index: int
    id: str | None
    status: Status
    unknown_territory: bool = False
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """An answer for every item, in the order of the batch."""

    answers: list[Answer]

    def count(self, status: Status) -> int:
        return sum(each.status == status for each in self.answers)

    @property
    def accepted(self) -> int:
        return self.count("accepted")


def record(detector: Client, raw_items: Sequence[object], *, now: datetime) -> Receipt:
    """Store what is good of a batch, whole or not at all, and answer for every item exactly once.

    One bad item never harms the others. The same id again is a duplicate, with another body a conflict.
    """
    answers: dict[int, Answer] = {}
    first: dict[str, tuple[int, Item]] = {}
    again: list[tuple[int, Item]] = []
    for index, raw in enumerate(raw_items):
        try:
            item = read_item(raw, now)
        except ItemRefused as refused:
            answers[index] = Answer(index, _id_of(raw), "rejected", errors=refused.errors)
            continue
        if item.id in first:
            again.append((index, item))
        else:
            first[item.id] = (index, item)
    items = [item for _, item in first.values()]
    faultpoint("intake.parsed")
    stored, bodies = _store(detector, items, now) if items else (set(), {})
    faultpoint("intake.after_commit")
    for index, item in first.values():
        status: Status = "accepted" if item.id in stored else _compare(bodies[item.id], item)
        answers[index] = Answer(index, item.id, status, status == "accepted" and item.unknown_territory)
    for index, item in again:
        body = bodies.get(item.id) or first[item.id][1].digest
        answers[index] = Answer(index, item.id, _compare(body, item))
    receipt = Receipt([answers[index] for index in range(len(raw_items))])
    _count(receipt)
    return receipt


def _count(receipt: Receipt) -> None:
    for status in get_args(Status):
        metrics.EVIDENCE_ITEMS.labels(status).inc(receipt.count(status))


def _id_of(raw: object) -> str | None:
    given = raw.get("id") if isinstance(raw, dict) else None
    return given[:128] if isinstance(given, str) else None


def _compare(body: str, item: Item) -> Status:
    return "duplicate" if body == item.digest else "conflict"


@port("intake.commit", OperationalError)
@atomic_and_again
def _store(detector: Client, items: Sequence[Item], now: datetime) -> tuple[set[str], dict[str, str]]:
    """The ids that were stored now, and the bodies under which the others had been stored before."""
    rows = f"[{b','.join(item.row for item in items).decode()}]"
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, {"items": rows, "detector": detector.pk, "now": now})
        stored = {row[0] for row in cursor.fetchall()}
        faultpoint("intake.before_commit")
        missing = [item.id for item in items if item.id not in stored]
        if not missing:
            return stored, {}
        cursor.execute(_STORED_BODIES, [detector.pk, missing])
        return stored, dict(cursor.fetchall())
