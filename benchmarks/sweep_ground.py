"""What all sides of the sweep benchmark stand on: warned accounts whose notice is over and whose traffic went on."""

from datetime import datetime, timedelta

from django.db import connection

from enforcement.management.seeding import stage
from enforcement.models import Client

DAYS = 24  # of tallies an account, one a day: what the accounts that `seed` suspends have
TOLD, DUE = timedelta(days=18), timedelta(days=3)  # ago; who stops before the deadline is given time

_ACCOUNTS = """
INSERT INTO enforcement_account (external_id, name, kind, language, timezone, home_country, plan, protected,
                                 serves_third_parties, no_suspension, version)
SELECT 'sweep-' || lpad(n::text, 7, '0'), 'Account ' || n, 'organisation', 'en', 'UTC', '', '', false, false, false, 1
  FROM generate_series(1, %(cases)s) AS n
    ON CONFLICT DO NOTHING
"""
_TALLIES = """
INSERT INTO enforcement_daytally (account_id, day, detector_id, kind, network_class, country, subdivision, credential,
    source, refused, items, requests, weighted_items, weighted_requests, confidence, first_at, last_at)
SELECT account.id, (day AT TIME ZONE 'UTC')::date, %(detector)s, 'ip_geolocation', 'business', 'CN', '', 'sk-sweep',
       'geo-a 2026-06', false, 1, 40, 1, 40, 1, day + interval '8 hours', day + interval '18 hours'
  FROM enforcement_account AS account,
       generate_series(date_trunc('day', %(now)s::timestamptz, 'UTC') - %(days)s * interval '1 day',
                       date_trunc('day', %(now)s::timestamptz, 'UTC') - interval '1 day', interval '1 day') AS day
 WHERE account.external_id LIKE 'sweep-%%'
    ON CONFLICT DO NOTHING
"""
_CASES = """
WITH opened AS (
    INSERT INTO enforcement_case (reference, account_id, state, policy_id, rule, version, opened_at, accepted_at,
                                  due_at, look_at, attempts, outcome)
    SELECT 'SW-' || lpad(account.id::text, 9, '0'), account.id, 'warned', %(policy)s, 'sustained', 1,
           %(told)s, %(told)s, %(due)s, %(due)s, 0, ''
      FROM enforcement_account AS account
     WHERE external_id LIKE 'sweep-%%' AND external_id <= 'sweep-' || lpad(%(cases)s::text, 7, '0')
       AND NOT EXISTS (SELECT FROM enforcement_case WHERE account_id = account.id AND state <> 'closed')
    RETURNING id
), decided AS (
    INSERT INTO enforcement_decision (case_id, step, status, from_state, case_version, rule, reason, policy_id, facts,
        credentials, agreed_because, refused_because, people, decided_at, settled_at)
    SELECT id, 'warn', 'applied', 'open', 1, 'sustained', 'Rule sustained holds.', %(policy)s, '{}', '[]', '', '', 0,
           %(told)s, %(told)s
      FROM opened
    RETURNING id, case_id
)
INSERT INTO enforcement_memo (case_id, decision_id, kind, created_at, render_at, language, subject, text, html,
                              rendered_at, told_due_at)
SELECT case_id, id, 'warning', %(told)s, %(told)s, 'en', 'Act', 'Act', 'Act', %(told)s, %(due)s FROM decided
"""
# What a larger size left in this database: nothing of it may come due here.
_SURPLUS = (
    "DELETE FROM enforcement_memo USING enforcement_case AS past WHERE past.id = case_id AND {surplus}",
    "DELETE FROM enforcement_restriction USING enforcement_case AS past WHERE past.id = case_id AND {surplus}",
    "DELETE FROM enforcement_decision USING enforcement_case AS past WHERE past.id = case_id AND {surplus}",
    "DELETE FROM enforcement_case AS past WHERE {surplus}",
)
_IS_SURPLUS = """
past.account_id IN (SELECT id FROM enforcement_account
                     WHERE external_id LIKE 'sweep-%%' AND external_id > 'sweep-' || lpad(%(cases)s::text, 7, '0'))
"""
# Back to the evening before: each side and round meets the same cases.
_TAKE_BACK = (
    "DELETE FROM enforcement_memo USING enforcement_decision AS decision, enforcement_case AS past"
    " WHERE decision.id = decision_id AND past.id = decision.case_id AND step = 'suspend' AND reference LIKE 'SW-%'",
    "DELETE FROM enforcement_restriction USING enforcement_case AS past"
    " WHERE past.id = case_id AND reference LIKE 'SW-%'",
    "DELETE FROM enforcement_decision USING enforcement_case AS past"
    " WHERE past.id = case_id AND step = 'suspend' AND reference LIKE 'SW-%'",
)
_DUE_AGAIN = """
UPDATE enforcement_case SET state = 'warned', version = 1, accepted_at = %(told)s, due_at = %(due)s, look_at = %(due)s,
       remaining = NULL, attempts = 0
 WHERE reference LIKE 'SW-%%'
"""
_TABLES = "enforcement_case, enforcement_decision, enforcement_restriction, enforcement_memo, enforcement_account"


def lay(cases: int, now: datetime) -> None:
    """Accounts with their tallies and warned cases, all due for days."""
    policy = stage.policy_in_force(stage.people(), now - TOLD)
    detector, _ = Client.objects.get_or_create(name="bench", defaults={"kind": Client.Kind.DETECTOR})
    with connection.cursor() as cursor:
        for statement in _SURPLUS:
            cursor.execute(statement.format(surplus=_IS_SURPLUS), {"cases": cases})
        cursor.execute(_ACCOUNTS, {"cases": cases})
        cursor.execute(_TALLIES, {"detector": detector.pk, "now": now, "days": DAYS})
        cursor.execute(_CASES, {"cases": cases, "policy": policy.pk, **_moments(now)})
        cursor.execute("VACUUM ANALYZE")


def take_back(now: datetime) -> None:
    """Undo what a side wrote, and leave the next one neither dead rows nor pages to write."""
    with connection.cursor() as cursor:
        for statement in _TAKE_BACK:
            cursor.execute(statement)
        cursor.execute(_DUE_AGAIN, _moments(now))
        cursor.execute(f"VACUUM ANALYZE {_TABLES}")
        cursor.execute("CHECKPOINT")


def _moments(now: datetime) -> dict[str, datetime]:
    return {"told": now - TOLD, "due": now - DUE}
