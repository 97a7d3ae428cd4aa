"""What must hold of the rows whatever happened; each check answers with the rows that violate it."""

from typing import Any

from django.db import connection

from enforcement.models import Account, AssessmentMark, DayTally, Evidence

_TALLIES_EQUAL_EVIDENCE = """
WITH counted AS (
    SELECT account_id, (observed_at AT TIME ZONE 'UTC')::date AS day, detector_id, kind, network_class, country,
           subdivision, credential, source, refused, count(*) AS items, sum(requests) AS requests,
           sum(confidence) AS weighted_items, sum(confidence * requests) AS weighted_requests,
           max(confidence) AS confidence, min(observed_at) AS first_at,
           max(coalesce(observed_until, observed_at)) AS last_at
      FROM enforcement_evidence WHERE retracted_at IS NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
), tallied AS (
    SELECT account_id, day, detector_id, kind, network_class, country, subdivision, credential, source, refused, items,
           requests, weighted_items, weighted_requests, confidence, first_at, last_at
      FROM enforcement_daytally
)
(SELECT 'evidence' AS side, * FROM (SELECT * FROM counted EXCEPT SELECT * FROM tallied) AS lacking)
UNION ALL
(SELECT 'tally' AS side, * FROM (SELECT * FROM tallied EXCEPT SELECT * FROM counted) AS excess)
"""


def tallies_equal_evidence() -> list[tuple[Any, ...]]:
    """Tallies that the evidence does not add up to, and evidence that no tally holds."""
    with connection.cursor() as cursor:
        cursor.execute(_TALLIES_EQUAL_EVIDENCE)
        return cursor.fetchall()


def stored() -> dict[str, int]:
    """How many rows evidence has left: what a refused request must not change."""
    return {model.__name__: model.objects.count() for model in (Account, Evidence, DayTally, AssessmentMark)}
