"""Evidence counts once, and what was taken back counts no more."""

from enforcement.services.invariants.query import invariant

# Tallies are derived: of every account-day that got evidence, they are the sum of what stands.
_TALLIES = """
WITH days AS (
    SELECT DISTINCT account_id, (observed_at AT TIME ZONE 'UTC')::date AS day FROM enforcement_evidence
     WHERE received_at >= %(since)s OR retracted_at >= %(since)s
), stored AS (
    SELECT evidence.account_id, days.day, count(*) AS items, sum(requests) AS requests
      FROM enforcement_evidence AS evidence
      JOIN days ON days.account_id = evidence.account_id
       AND (evidence.observed_at AT TIME ZONE 'UTC')::date = days.day
     WHERE evidence.retracted_at IS NULL GROUP BY evidence.account_id, days.day
), tallied AS (
    SELECT tally.account_id, tally.day, sum(items) AS items, sum(requests) AS requests
      FROM enforcement_daytally AS tally JOIN days USING (account_id, day) GROUP BY tally.account_id, tally.day
)
SELECT account_id, day, stored.items AS stored, tallied.items AS tallied
  FROM stored FULL JOIN tallied USING (account_id, day)
 WHERE (coalesce(stored.items, 0), coalesce(stored.requests, 0))
       IS DISTINCT FROM (coalesce(tallied.items, 0), coalesce(tallied.requests, 0))
"""
# What was answered "accepted" is assessed, or its account waits to be.
_UNMARKED = """
SELECT evidence.account_id, max(evidence.received_at) AS received_at, score.assessed_at
  FROM enforcement_evidence AS evidence
  LEFT JOIN enforcement_score AS score ON score.account_id = evidence.account_id
 WHERE evidence.received_at >= %(since)s AND (score.assessed_at IS NULL OR score.assessed_at < evidence.received_at)
   AND NOT EXISTS (SELECT FROM enforcement_assessmentmark AS mark WHERE mark.account_id = evidence.account_id)
 GROUP BY evidence.account_id, score.assessed_at
"""

INVARIANTS = (
    invariant("I8", "Evidence counts once, however often and in whatever batches it came.", _TALLIES),
    invariant("I10", "Whatever was accepted is assessed, or its account waits to be.", _UNMARKED),
)
