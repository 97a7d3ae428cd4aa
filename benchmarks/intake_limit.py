"""The limit: the same rows by COPY and set-based SQL, encoded beforehand, with nothing read, checked or answered."""

import threading
import time
from collections.abc import Sequence
from hashlib import sha256

import psycopg

from benchmarks.intake_ground import Item

CONNECTIONS = 2
_COLUMNS = (
    "external_id", "account", "kind", "network_class", "country", "subdivision", "credential", "source", "refused",
    "observed_at", "observed_until", "requests", "confidence", "end_user", "body_digest",
)  # fmt: skip
_TEMPORARY = """
CREATE TEMPORARY TABLE given (external_id text, account text, kind text, network_class text, country text,
    subdivision text, credential text, source text, refused boolean, observed_at timestamptz,
    observed_until timestamptz, requests bigint, confidence numeric, end_user text, body_digest bytea)
ON COMMIT DELETE ROWS
"""
_WRITE = """
WITH stored AS (
    INSERT INTO enforcement_evidence (detector_id, external_id, account_id, kind, network_class, country, subdivision,
        credential, source, refused, observed_at, observed_until, requests, confidence, end_user, body_digest,
        received_at)
    SELECT %(detector)s, given.external_id, account.id, given.kind, network_class, country, subdivision, credential,
           source, refused, observed_at, observed_until, requests, confidence, end_user, body_digest, now()
      FROM given JOIN enforcement_account AS account ON account.external_id = given.account
        ON CONFLICT (detector_id, external_id) DO NOTHING
    RETURNING *
), tallied AS (
    INSERT INTO enforcement_daytally AS tally (account_id, day, detector_id, kind, network_class, country, subdivision,
        credential, source, refused, items, requests, weighted_items, weighted_requests, confidence, first_at, last_at)
    SELECT account_id, (observed_at AT TIME ZONE 'UTC')::date, detector_id, kind, network_class, country, subdivision,
           credential, source, refused, count(*), sum(requests), sum(confidence), sum(confidence * requests),
           max(confidence), min(observed_at), max(coalesce(observed_until, observed_at))
      FROM stored GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 ORDER BY 1, 2, 4, 5, 6, 7, 8, 9, 10
        ON CONFLICT (account_id, day, detector_id, kind, network_class, country, subdivision, credential, source,
                     refused)
        DO UPDATE SET items = tally.items + excluded.items, requests = tally.requests + excluded.requests,
           weighted_items = tally.weighted_items + excluded.weighted_items,
           weighted_requests = tally.weighted_requests + excluded.weighted_requests,
           confidence = greatest(tally.confidence, excluded.confidence),
           first_at = least(tally.first_at, excluded.first_at), last_at = greatest(tally.last_at, excluded.last_at)
    RETURNING account_id
)
INSERT INTO enforcement_assessmentmark AS mark (account_id, count, attempts, look_at)
SELECT DISTINCT account_id, 1, 0, now() FROM tallied ORDER BY 1
    ON CONFLICT (account_id) DO UPDATE SET count = mark.count + 1, look_at = excluded.look_at
"""


def encode(items: Sequence[Item]) -> bytes:
    """A batch as COPY reads it, in the order of its keys."""
    rows = sorted(items, key=lambda item: item["id"])
    return "".join("\t".join(_row(item)) + "\n" for item in rows).encode()


def _row(item: Item) -> tuple[str, ...]:
    return (
        item["id"], item["account"], item["kind"], item["network_class"], item["country"], "", item["credential"],
        item["source"], "f", item["observed_at"], item["observed_until"], str(item["requests"]),
        str(item["confidence"]), "", r"\\x" + sha256(item["id"].encode()).hexdigest(),
    )  # fmt: skip


def run(url: str, detector: int, encoded: Sequence[bytes]) -> float:
    """Write all batches over two connections; answers with the seconds that it took."""
    waiting = iter(encoded)
    taking = threading.Lock()

    def work(connection: psycopg.Connection[tuple[object, ...]]) -> None:
        while True:
            with taking:
                batch = next(waiting, None)
            if batch is None:
                return
            with connection.transaction():
                with connection.cursor().copy(f"COPY given ({', '.join(_COLUMNS)}) FROM STDIN") as copy:
                    copy.write(batch)
                connection.execute(_WRITE, {"detector": detector})

    connections = [psycopg.connect(url, autocommit=True) for _ in range(CONNECTIONS)]
    for connection in connections:
        connection.execute(_TEMPORARY)
    threads = [threading.Thread(target=work, args=(connection,)) for connection in connections]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    for connection in connections:
        connection.close()
    return seconds
