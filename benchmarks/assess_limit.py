"""The limit: the same locks, the same tallies read and the same rows written in set-based SQL, judged beforehand."""

import time
from datetime import datetime

from django.db import connection, transaction

from enforcement.models import PolicyVersion
from enforcement.services.batches import BATCH

_JUDGED = """
CREATE TEMPORARY TABLE judged_before AS
SELECT score.account_id, score.policy_id, score.points, score.outcome, score.rule, score.facts,
       coalesce(past.state, '') AS state, decision.reason, stop.kind AS stopped, stop.reason AS stopped_because
  FROM enforcement_score AS score
  JOIN enforcement_account AS account ON account.id = score.account_id AND external_id LIKE 'assess-%'
  LEFT JOIN enforcement_case AS past ON past.account_id = account.id AND state <> 'closed'
  LEFT JOIN enforcement_decision AS decision ON decision.case_id = past.id
  LEFT JOIN enforcement_stop AS stop ON stop.case_id = past.id
"""
_INDEXED = "ALTER TABLE judged_before ADD PRIMARY KEY (account_id)"
_CLAIM = """
SELECT account.id
  FROM (SELECT account_id FROM enforcement_assessmentmark WHERE look_at <= %s ORDER BY look_at, account_id) AS due
  JOIN enforcement_account AS account ON account.id = due.account_id
 LIMIT %s FOR NO KEY UPDATE OF account SKIP LOCKED
"""
# Each table is told which accounts it is about: a join that grew with all of them would be no limit.
_ASSESS = """
WITH seen AS (
    SELECT account_id FROM enforcement_daytally
     WHERE account_id = ANY(%(accounts)s) AND day > %(since)s AND day <= %(today)s
     GROUP BY account_id HAVING sum(weighted_requests) > 0 AND max(last_at) <= %(now)s
), judged AS (
    SELECT judged_before.* FROM seen JOIN judged_before USING (account_id)
     WHERE judged_before.account_id = ANY(%(accounts)s)
), opened AS (
    INSERT INTO enforcement_case (reference, account_id, state, policy_id, rule, version, opened_at, attempts, outcome,
        points)
    SELECT 'AS-' || lpad(account_id::text, 9, '0'), account_id, 'open', policy_id, rule, 0, %(now)s, 0, '', points
      FROM judged WHERE state <> ''
    RETURNING id, account_id
), decided AS (
    INSERT INTO enforcement_decision (case_id, step, status, from_state, case_version, rule, reason, policy_id, facts,
        credentials, agreed_because, refused_because, people, decided_at, settled_at)
    SELECT opened.id, 'warn', 'applied', 'open', 1, rule, reason, policy_id, facts, '[]', '', '', 0, %(now)s, %(now)s
      FROM opened JOIN judged USING (account_id) WHERE state = 'warned'
    RETURNING id, case_id
), told AS (
    INSERT INTO enforcement_memo (case_id, decision_id, kind, created_at, render_at, language, subject, text, html)
    SELECT case_id, id, 'warning', %(now)s, %(now)s, '', '', '', '' FROM decided
), stopped AS (
    INSERT INTO enforcement_stop (case_id, kind, reason, started_at)
    SELECT opened.id, stopped, stopped_because, %(now)s
      FROM opened JOIN judged USING (account_id) WHERE stopped IS NOT NULL
), raised AS (
    UPDATE enforcement_account SET version = version + 1
     WHERE id = ANY(%(accounts)s)
       AND id IN (SELECT account_id FROM opened JOIN judged USING (account_id) WHERE state = 'warned')
), scored AS (
    INSERT INTO enforcement_score (account_id, policy_id, points, outcome, rule, facts, assessed_at)
    SELECT account_id, policy_id, points, outcome, rule, facts, %(now)s FROM judged
        ON CONFLICT (account_id) DO UPDATE SET policy_id = excluded.policy_id, points = excluded.points,
           outcome = excluded.outcome, rule = excluded.rule, facts = excluded.facts, assessed_at = excluded.assessed_at
)
DELETE FROM enforcement_assessmentmark WHERE account_id = ANY(%(accounts)s)
"""
# A statement later, since the guards of a case look for the decision that moves it.
_WARN = """
UPDATE enforcement_case AS held SET state = 'warned', version = 1 FROM enforcement_decision AS decision
 WHERE held.account_id = ANY(%(accounts)s) AND held.state = 'open' AND case_id = held.id AND case_version = 1
"""


def learn() -> None:
    """Keep what the service judged, so that the limit writes the same words and facts."""
    with connection.cursor() as cursor:
        cursor.execute(_JUDGED)
        cursor.execute(_INDEXED)
        cursor.execute("ANALYZE judged_before")


def run(now: datetime) -> float:
    """Assess all that are marked, a batch at a time; answers with the seconds that it took."""
    window = PolicyVersion.objects.get(status=PolicyVersion.Status.ACTIVE).rules.evidence.window
    days = {"since": (now - window).date(), "today": now.date()}
    began = time.perf_counter()
    while _batch(now, days):
        pass
    return time.perf_counter() - began


@transaction.atomic
def _batch(now: datetime, days: dict[str, object]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [now, BATCH])
        accounts = [row[0] for row in cursor.fetchall()]
        if accounts:
            cursor.execute(_ASSESS, {"accounts": accounts, "now": now, **days})
            cursor.execute(_WARN, {"accounts": accounts})
        return bool(accounts)
