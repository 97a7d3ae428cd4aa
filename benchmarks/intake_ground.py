"""What both sides of the intake benchmark stand on: accounts, evidence that is there already, and fresh batches."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

Item = dict[str, Any]

BATCH = 1000
_COUNTRIES = ("CN", "DE", "US", "SG", "HK", "RU", "JP", "FR")
_CLASSES = ("residential", "business", "hosting", "mobile", "vpn")

_ACCOUNTS = """
INSERT INTO enforcement_account (external_id, name, kind, language, timezone, home_country, plan, protected,
                                 serves_third_parties, no_suspension, version)
SELECT 'org-' || lpad(n::text, 7, '0'), '', 'organisation', 'en', 'UTC', '', '', false, false, false, 0
  FROM generate_series((SELECT count(*) FROM enforcement_account), %s - 1) AS n
    ON CONFLICT DO NOTHING
"""
# One item a tally, as detectors that send a day's summary a key make them.
_EVIDENCE = """
WITH made AS (
    INSERT INTO enforcement_evidence (detector_id, external_id, account_id, kind, network_class, country, subdivision,
        credential, source, refused, observed_at, requests, confidence, end_user, body_digest, received_at)
    SELECT %(detector)s, 'old-' || md5(n::text), account.id, 'ip_geolocation', 'business', 'DE', '', 'sk-old-' || n,
           'geo-a 2026-05', false, timestamptz '2026-01-01' + (n %% 90) * interval '1 day', 10, 1, '',
           sha256(n::text::bytea), now()
      FROM generate_series(%(first)s, %(last)s) AS n
      JOIN enforcement_account AS account
        ON account.external_id = 'org-' || lpad((hashint4(n) & 2147483647) %% %(accounts)s || '', 7, '0')
    RETURNING *
)
INSERT INTO enforcement_daytally (account_id, day, detector_id, kind, network_class, country, subdivision, credential,
    source, refused, items, requests, weighted_items, weighted_requests, confidence, first_at, last_at)
SELECT account_id, (observed_at AT TIME ZONE 'UTC')::date, detector_id, kind, network_class, country, subdivision,
       credential, source, refused, 1, requests, 1, requests, 1, observed_at, observed_at FROM made
"""
_STEP = 100_000


def lay(accounts: int, evidence: int, detector: int) -> None:
    """Fill the tables up to these sizes, and let the planner know."""
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS, [accounts])
        cursor.execute("SELECT count(*) FROM enforcement_evidence")
        there = cursor.fetchone()[0]
        for first in range(there + 1, evidence + 1, _STEP):
            last = min(first + _STEP - 1, evidence)
            cursor.execute(_EVIDENCE, {"detector": detector, "accounts": accounts, "first": first, "last": last})
        cursor.execute("VACUUM ANALYZE")


def batches(count: int, accounts: int, label: str) -> Iterator[list[Item]]:
    """Fresh batches of daily summaries; the same label gives the same ones."""
    chance = random.Random(label)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for number in range(count):
        yield [_item(f"{label}-{number}-{i}", chance, accounts, today) for i in range(BATCH)]


def _item(name: str, chance: random.Random, accounts: int, today: datetime) -> Item:
    day = today - timedelta(days=chance.randrange(1, 30))
    return {
        "id": f"log-7/{day:%Y-%m-%d}/{name}",
        "account": f"org-{chance.randrange(accounts):07}",
        "kind": "ip_geolocation",
        "observed_at": f"{day + timedelta(seconds=chance.randrange(40_000)):%Y-%m-%dT%H:%M:%SZ}",
        "observed_until": f"{day + timedelta(seconds=80_000):%Y-%m-%dT%H:%M:%SZ}",
        "country": chance.choice(_COUNTRIES),
        "network_class": chance.choice(_CLASSES),
        "requests": chance.randrange(1, 5000),
        "confidence": chance.choice((0.9, 0.95, 1)),
        "credential": f"sk-{chance.randrange(40)}",
        "source": "geo-a 2026-06",
    }
