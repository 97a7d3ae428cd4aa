"""The limit: the same locks and the same rows in set-based SQL, decided beforehand; nothing is looked at again."""

from datetime import datetime

from django.db import connection, transaction

from enforcement.services.batches import BATCH

_DECIDED = """
CREATE UNLOGGED TABLE decided_before AS
SELECT case_id, decision.rule, reason, decision.policy_id, facts, rests_on_id, decision.due_at, decision.notice
  FROM enforcement_decision AS decision
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
# Decisions first, since the guards of a case look for the one that moves it.
_DECIDE = """
INSERT INTO enforcement_decision (case_id, step, status, from_state, case_version, rule, reason, policy_id, facts,
    credentials, agreed_because, refused_because, people, decided_at, settled_at, rests_on_id, due_at, notice)
SELECT due.id, 'suspend', 'applied', 'warned', version + 1, decided_before.rule, reason, decided_before.policy_id,
       facts, '[]', '', '', 0, %(now)s, %(now)s, rests_on_id, decided_before.due_at, decided_before.notice
  FROM enforcement_case AS due JOIN decided_before ON case_id = due.id
 WHERE account_id = ANY(%(accounts)s) AND state = 'warned'
"""
_SUSPEND = """
WITH moved AS (
    UPDATE enforcement_case SET state = 'suspended', version = version + 1, accepted_at = NULL, due_at = NULL,
           notice = NULL, look_at = NULL, attempts = 0
     WHERE account_id = ANY(%(accounts)s) AND state = 'warned'
    RETURNING id, account_id, version
), decided AS (
    SELECT decision.id, case_id, account_id FROM enforcement_decision AS decision
      JOIN moved ON moved.id = case_id AND version = case_version
), restricted AS (
    INSERT INTO enforcement_restriction (account_id, case_id, decision_id, scope, value, reason_code, since)
    SELECT account_id, case_id, id, 'account', '', 'account_suspended', %(now)s FROM decided
), told AS (
    INSERT INTO enforcement_memo (case_id, decision_id, kind, created_at, render_at, language, subject, text, html)
    SELECT case_id, id, 'suspension', %(now)s, %(now)s, '', '', '', '' FROM decided
)
UPDATE enforcement_account SET version = version + 1 WHERE id = ANY(%(accounts)s)
"""
_RESERVE = "UPDATE enforcement_budget SET steps = steps + %s"


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
            cursor.execute(_RESERVE, [len(accounts)])
            cursor.execute(_DECIDE, {"accounts": accounts, "now": now})
            cursor.execute(_SUSPEND, {"accounts": accounts, "now": now})
        return bool(accounts)
