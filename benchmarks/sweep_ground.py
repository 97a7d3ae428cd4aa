"""What all sides of the sweep benchmark stand on: warned accounts whose notice is over and whose traffic went on, and
others whose notice still runs.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from benchmarks.unguarded import unguarded
from enforcement.management.seeding import stage
from enforcement.models import Client, PolicyVersion
from enforcement.services import policies

DAYS = 24  # of tallies an account, one a day: what the accounts that `seed` suspends have
TOLD, DUE = timedelta(days=18), timedelta(days=3)  # ago; who stops before the deadline is given time
NOTICE = timedelta(days=15)
_BUDGET = "safety: {max_steps_per_hour: 100, max_share_of_accounts: 0.005}"
_NO_BUDGET = "safety: {max_steps_per_hour: 100000000, max_share_of_accounts: 1}"

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
_UNDUE = """
INSERT INTO enforcement_account (external_id, name, kind, language, timezone, home_country, plan, protected,
                                 serves_third_parties, no_suspension, version)
SELECT 'undue-' || lpad(n::text, 7, '0'), 'Account ' || n, 'organisation', 'en', 'UTC', '', '', false, false, false, 1
  FROM generate_series(1, %(undue)s) AS n
    ON CONFLICT DO NOTHING
"""
# Each with the memo that announced the deadline and its accepted copy, without which no step may be taken.
_CASES = """
WITH opened AS (
    INSERT INTO enforcement_case (reference, account_id, state, policy_id, rule, version, opened_at, accepted_at,
                                  due_at, notice, look_at, attempts, outcome)
    SELECT %(prefix)s || lpad(account.id::text, 9, '0'), account.id, 'warned', %(policy)s, 'sustained', 1,
           %(told)s, %(told)s, %(due)s, %(notice)s, %(due)s, 0, ''
      FROM enforcement_account AS account
     WHERE external_id LIKE %(whose)s AND right(external_id, 7) <= lpad(%(cases)s::text, 7, '0')
       AND NOT EXISTS (SELECT FROM enforcement_case WHERE account_id = account.id AND state <> 'closed')
    RETURNING id
), decided AS (
    INSERT INTO enforcement_decision (case_id, step, status, from_state, case_version, rule, reason, policy_id, facts,
        credentials, agreed_because, refused_because, people, decided_at, settled_at)
    SELECT id, 'warn', 'applied', 'open', 1, 'sustained', 'Rule sustained holds.', %(policy)s, '{}', '[]', '', '', 0,
           %(told)s, %(told)s
      FROM opened
    RETURNING id, case_id
), told AS (
    INSERT INTO enforcement_memo (case_id, decision_id, kind, created_at, render_at, language, subject, text, html,
                                  rendered_at, told_due_at)
    SELECT case_id, id, 'warning', %(told)s, %(told)s, 'en', 'Act', 'Act', 'Act', %(told)s, %(due)s FROM decided
    RETURNING id, case_id
), sent AS (
    INSERT INTO notifications_message (recipient, message_id, subject, text, html, language, state, created_at,
                                       attempts, accepted_at, reply)
    SELECT 'owner@' || id || '.test', '<' || id || '@bench>', 'Act', 'Act', 'Act', 'en', 'accepted', %(told)s, 1,
           %(told)s, '250 OK'
      FROM told
    RETURNING id, message_id
)
INSERT INTO enforcement_memocopy (memo_id, role, message_id)
SELECT told.id, 'owner', sent.id FROM told JOIN sent ON sent.message_id = '<' || told.id || '@bench>'
"""
# What a larger run left in this database: nothing of it may come due, or stand in the way, here.
_SURPLUS = """
SELECT held.id FROM enforcement_case AS held JOIN enforcement_account AS account ON account.id = held.account_id
 WHERE external_id LIKE %(whose)s AND right(external_id, 7) > lpad(%(cases)s::text, 7, '0')
"""
_CLEAR = (
    "DELETE FROM enforcement_memocopy WHERE memo_id IN (SELECT id FROM enforcement_memo WHERE case_id IN ({surplus}))",
    "DELETE FROM enforcement_memo WHERE case_id IN ({surplus})",
    "DELETE FROM enforcement_restriction WHERE case_id IN ({surplus})",
    "DELETE FROM enforcement_decision WHERE case_id IN ({surplus})",
    "DELETE FROM enforcement_case WHERE id IN ({surplus})",
)
# Back to the evening before: each side and round meets the same cases. No memo is ever deleted but here, so nothing
# else asks what rests on one; without the index each that goes reads all decisions.
_TAKE_BACK = (
    "CREATE INDEX bench_rests_on ON enforcement_decision (rests_on_id) WHERE rests_on_id IS NOT NULL",
    "DELETE FROM enforcement_memo USING enforcement_decision AS decision, enforcement_case AS past"
    " WHERE decision.id = decision_id AND past.id = decision.case_id AND step = 'suspend' AND reference LIKE 'SW-%'",
    "DELETE FROM enforcement_restriction USING enforcement_case AS past"
    " WHERE past.id = case_id AND reference LIKE 'SW-%'",
    "DELETE FROM enforcement_decision USING enforcement_case AS past"
    " WHERE past.id = case_id AND step = 'suspend' AND reference LIKE 'SW-%'",
    "DROP INDEX bench_rests_on",
)
_DUE_AGAIN = """
UPDATE enforcement_case SET state = 'warned', version = 1, accepted_at = %(told)s, due_at = %(due)s, look_at = %(due)s,
       notice = %(notice)s, remaining = NULL, attempts = 0
 WHERE reference LIKE 'SW-%%'
"""
_WRITTEN = ("enforcement_case", "enforcement_decision", "enforcement_restriction", "enforcement_memo")
_GUARDED = (*_WRITTEN, "enforcement_memocopy")


def lay(cases: int, undue: int, now: datetime) -> None:
    """Accounts with their tallies and warned cases, due for days, and as many whose notice still runs as asked for."""
    policy = _policy(now - TOLD)
    detector, _ = Client.objects.get_or_create(name="bench", defaults={"kind": Client.Kind.DETECTOR})
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")  # for this connection, which lays the ground and takes back
        cursor.execute(_ACCOUNTS, {"cases": cases})
        cursor.execute(_TALLIES, {"detector": detector.pk, "now": now, "days": DAYS})
    _open("sweep-%", "SW-", cases, policy, _moments(now))
    crowd(undue, now)


def crowd(undue: int, now: datetime) -> None:
    """So many cases, in all, whose notice still runs."""
    policy = PolicyVersion.objects.get(status=PolicyVersion.Status.ACTIVE).pk
    with connection.cursor() as cursor:
        cursor.execute(_UNDUE, {"undue": undue})
        _open("undue-%", "UN-", undue, policy, _moments(now) | {"told": now - NOTICE / 3, "due": now + NOTICE})
        cursor.execute("VACUUM ANALYZE")


def _open(whose: str, prefix: str, cases: int, policy: int, moments: dict[str, Any]) -> None:
    named = {"whose": whose, "prefix": prefix, "cases": cases, "policy": policy}
    with unguarded(*_GUARDED), connection.cursor() as cursor:
        for statement in _CLEAR:
            cursor.execute(statement.format(surplus=_SURPLUS), named)
        cursor.execute(_CASES, named | moments)


def _policy(now: datetime) -> int:
    """The recommended one, with a budget that nothing here can spend."""
    staff = stage.people()
    drafted = policies.draft(stage.recommended().replace(_BUDGET, _NO_BUDGET), now=now)
    officer, lead = staff["seed-officer"], staff["seed-lead"]
    return policies.activate(drafted.pk, proposed_by=officer, approved_by=lead, now=now).pk


def take_back(now: datetime) -> None:
    """Undo what a side wrote, and leave the next one neither dead rows nor pages to write."""
    with connection.cursor() as cursor:
        with unguarded(*_GUARDED):
            for statement in _TAKE_BACK:
                cursor.execute(statement)
            cursor.execute(_DUE_AGAIN, _moments(now))
        cursor.execute(f"VACUUM ANALYZE {', '.join((*_WRITTEN, 'enforcement_account'))}")
        cursor.execute("CHECKPOINT")


def _moments(now: datetime) -> dict[str, Any]:
    return {"told": now - TOLD, "due": now - DUE, "notice": NOTICE}
