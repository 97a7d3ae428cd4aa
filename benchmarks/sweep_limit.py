"""The limit: the same locks and the same rows in set-based SQL, decided beforehand; nothing is looked at again."""

from datetime import datetime

from django.db import connection, transaction

from enforcement.services.batches import BATCH

_DECIDED = """
CREATE UNLOGGED TABLE decided_before AS
SELECT case_id, decision.rule, reason, decision.policy_id, facts FROM enforcement_decision AS decision
  JOIN enforcement_case AS past ON past.id = case_id WHERE step = 'suspend' AND reference LIKE 'SW-%'
"""
_INDEXED = "ALTER TABLE decided_before ADD PRIMARY KEY (case_id)"
_CLAIM = """
SELECT account.id
  FROM (SELECT account_id FROM enforcement_case
         WHERE look_at <= %s AND accepted_at IS NOT NULL AND state <> 'closed' ORDER BY look_at, id) AS due
  JOIN enforcement_account AS account ON account.id = due.account_id
 LIMIT %s FOR NO KEY UPDATE OF account SKIP LOCKED
"""
_SUSPEND = """
WITH moved AS (
    UPDATE enforcement_case SET state = 'suspended', version = version + 1, accepted_at = NULL, due_at = NULL,
           look_at = NULL, attempts = 0
     WHERE account_id = ANY(%(accounts)s) AND state = 'warned'
    RETURNING id, account_id, version
), decided AS (
    INSERT INTO enforcement_decision (case_id, step, status, from_state, case_version, rule, reason, policy_id, facts,
        credentials, agreed_because, refused_because, people, decided_at, settled_at)
    SELECT id, 'suspend', 'applied', 'warned', version, rule, reason, policy_id, facts, '[]', '', '', 0,
           %(now)s, %(now)s
      FROM moved JOIN decided_before ON case_id = id
    RETURNING id, case_id
), restricted AS (
    INSERT INTO enforcement_restriction (account_id, case_id, decision_id, scope, value, reason_code, since)
    SELECT account_id, case_id, decided.id, 'account', '', 'account_suspended', %(now)s
      FROM decided JOIN moved ON moved.id = case_id
), told AS (
    INSERT INTO enforcement_memo (case_id, decision_id, kind, created_at, render_at, language, subject, text, html)
    SELECT case_id, id, 'suspension', %(now)s, %(now)s, '', '', '', '' FROM decided
)
UPDATE enforcement_account SET version = version + 1 WHERE id = ANY(%(accounts)s)
"""


def learn() -> None:
    """Keep what the service decided, so that the limit writes the same words and facts."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS decided_before")
        cursor.execute(_DECIDED)
        cursor.execute(_INDEXED)
        cursor.execute("ANALYZE decided_before")


def run(now: datetime, hand: int, hands: int) -> None:
    """Suspend all that are due, a batch at a time, beside other hands."""
    while _batch(now):
        pass


@transaction.atomic
def _batch(now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [now, BATCH])
        accounts = [row[0] for row in cursor.fetchall()]
        if accounts:
            cursor.execute(_SUSPEND, {"accounts": accounts, "now": now})
        return bool(accounts)
