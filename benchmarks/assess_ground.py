"""What all sides of the assess benchmark stand on: marked accounts, each with its days of traffic and an older score.

Of a hundred accounts sixty use what is supported, ten were abroad for three days, twenty live outside and qualify (one
of them has nobody who could be written to), and ten are outside often enough for a person to look. These thirty had a
case before, so that no table is empty: of an empty one the planner thinks that it will stay so, and reads all of it for
each foreign key.
"""

from datetime import datetime, timedelta

from django.db import connection

from benchmarks.unguarded import unguarded
from enforcement.management.seeding import stage
from enforcement.models import Client

DAYS = 35  # of tallies an account: as long as the rule that warns asks
EARLIER = timedelta(days=1)  # when everybody was scored before
_LONG_AGO = timedelta(days=120)  # when the cases of before were closed
# Marks and reviews of other benchmarks' accounts in this database: their turn never comes here.
_LATER = timedelta(days=36_500)

_ACCOUNTS = """
INSERT INTO enforcement_account (external_id, name, kind, language, timezone, home_country, plan, protected,
                                 serves_third_parties, no_suspension, version)
SELECT 'assess-' || lpad(n::text, 7, '0'), 'Account ' || n, 'organisation', 'en', 'UTC', '', '', false, false, false, 1
  FROM generate_series(1, %(accounts)s) AS n
    ON CONFLICT DO NOTHING
"""
_CONTACTS = """
INSERT INTO enforcement_contact (account_id, role, email)
SELECT id, 'owner', 'owner@' || external_id || '.example' FROM enforcement_account AS account
 WHERE external_id LIKE 'assess-%' AND external_id NOT LIKE '%97'
   AND NOT EXISTS (SELECT FROM enforcement_contact WHERE account_id = account.id)
"""
_OLD_TALLIES = """
DELETE FROM enforcement_daytally USING enforcement_account AS account
 WHERE account.id = account_id AND account.external_id LIKE 'assess-%%'
   AND NOT day BETWEEN (%(now)s::timestamptz AT TIME ZONE 'UTC')::date - %(days)s
                   AND (%(now)s::timestamptz AT TIME ZONE 'UTC')::date - 1
"""
# The last digit of an account says how it lives; `ago` counts the days.
_TALLIES = """
INSERT INTO enforcement_daytally (account_id, day, detector_id, kind, network_class, country, subdivision, credential,
    source, refused, items, requests, weighted_items, weighted_requests, confidence, first_at, last_at)
SELECT account.id, (day AT TIME ZONE 'UTC')::date, %(detector)s, 'ip_geolocation', 'business', country, '',
       'sk-assess', 'geo-a 2026-06', false, 1, requests, 1, requests, 1, day + interval '8 hours',
       day + interval '18 hours'
  FROM enforcement_account AS account,
       right(account.external_id, 1) AS life,
       generate_series(1, %(days)s) AS ago,
       LATERAL (SELECT date_trunc('day', %(now)s::timestamptz, 'UTC') - ago * interval '1 day' AS day) AS date,
       LATERAL (VALUES ('DE', 400, life NOT IN ('7', '8')),
                       ('CN', 40, life IN ('7', '8', '9') OR life = '6' AND ago <= 3)) AS use (country, requests, used)
 WHERE account.external_id LIKE 'assess-%%' AND used
    ON CONFLICT DO NOTHING
"""
_CASES = """
WITH past AS (
    INSERT INTO enforcement_case (reference, account_id, state, policy_id, rule, version, opened_at, closed_at,
        attempts, outcome)
    SELECT 'AP-' || lpad(id::text, 9, '0'), id, 'closed', %(policy)s, 'sustained', 2, %(then)s, %(then)s, 0, 'cured'
      FROM enforcement_account AS account
     WHERE external_id LIKE 'assess-%%' AND right(external_id, 1) IN ('7', '8', '9')
       AND NOT EXISTS (SELECT FROM enforcement_case WHERE account_id = account.id AND state = 'closed')
    RETURNING id
), decided AS (
    INSERT INTO enforcement_decision (case_id, step, status, from_state, case_version, rule, reason, policy_id, facts,
        credentials, agreed_because, refused_because, people, decided_at, settled_at)
    SELECT id, step, 'applied', from_state, version, 'sustained', 'As it was.', %(policy)s, '{}', '[]', '', '', 0,
           %(then)s, %(then)s
      FROM past, (VALUES ('warn', 'open', 1), ('cure', 'warned', 2)) AS taken (step, from_state, version)
    RETURNING id, case_id, step
)
INSERT INTO enforcement_memo (case_id, decision_id, kind, created_at, render_at, language, subject, text, html,
                              rendered_at)
SELECT case_id, id, CASE step WHEN 'warn' THEN 'warning' ELSE 'cure' END, %(then)s, %(then)s, 'en', 'Case', 'Case',
       'Case', %(then)s
  FROM decided
"""
_NOT_NOW = """
INSERT INTO enforcement_assessmentmark (account_id, count, attempts, look_at)
SELECT account_id, 1, 0, %(later)s FROM enforcement_case WHERE state = 'open'
 UNION
SELECT account_id, 1, 0, %(later)s FROM enforcement_assessmentmark
    ON CONFLICT (account_id) DO UPDATE SET look_at = excluded.look_at
"""
# Back to the evening before: each side and round meets the same accounts.
_OURS = "enforcement_account AS account WHERE account.external_id LIKE 'assess-%%'"
_OF_CASES = (
    f"USING enforcement_case AS past, {_OURS} AND past.account_id = account.id AND past.state <> 'closed'"
    " AND past.id = case_id"
)
_TAKE_BACK = (
    f"DELETE FROM enforcement_memo {_OF_CASES}",
    f"DELETE FROM enforcement_stop {_OF_CASES}",
    f"DELETE FROM enforcement_decision {_OF_CASES}",
    f"DELETE FROM enforcement_case USING {_OURS} AND account_id = account.id AND state <> 'closed'",
    "UPDATE enforcement_account AS account SET version = 1 WHERE external_id LIKE 'assess-%%' AND version <> 1",
    f"""INSERT INTO enforcement_score (account_id, policy_id, points, outcome, rule, facts, assessed_at)
        SELECT account.id, %(policy)s, 0, '', '', '{{}}', %(earlier)s FROM {_OURS}
            ON CONFLICT (account_id) DO UPDATE SET policy_id = excluded.policy_id, points = 0, outcome = '',
               rule = '', facts = excluded.facts, assessed_at = excluded.assessed_at""",
    f"""INSERT INTO enforcement_assessmentmark (account_id, count, attempts, look_at)
        SELECT account.id, 1, 0, %(earlier)s FROM {_OURS} AND account.external_id <= %(last)s
            ON CONFLICT (account_id) DO UPDATE SET count = 1, attempts = 0, look_at = excluded.look_at""",
)
_GUARDED = ("enforcement_case", "enforcement_decision", "enforcement_memo", "enforcement_stop")
_TABLES = ", ".join(("enforcement_account", "enforcement_assessmentmark", "enforcement_score", *_GUARDED))


def lay(accounts: int, now: datetime) -> None:
    """At least so many accounts with their tallies; the planner knows of them."""
    policy = stage.policy_in_force(stage.people(), now - EARLIER)
    detector, _ = Client.objects.get_or_create(name="bench", defaults={"kind": Client.Kind.DETECTOR})
    days = {"now": now, "days": DAYS}
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS, {"accounts": accounts})
        cursor.execute(_CONTACTS)
        cursor.execute(_OLD_TALLIES, days)
        cursor.execute(_TALLIES, {"detector": detector.pk, **days})
        with unguarded(*_GUARDED):
            cursor.execute(_CASES, {"policy": policy.pk, "then": now - _LONG_AGO})
        cursor.execute(_NOT_NOW, {"later": now + _LATER})
        cursor.execute("VACUUM ANALYZE")


def take_back(accounts: int, now: datetime) -> None:
    """Undo what a side wrote, mark the first `accounts`, and leave neither dead rows nor pages to write."""
    policy = stage.policy_in_force(stage.people(), now)
    named = {"policy": policy.pk, "earlier": now - EARLIER, "last": f"assess-{accounts:07}"}
    with connection.cursor() as cursor:
        with unguarded(*_GUARDED):
            for statement in _TAKE_BACK:
                cursor.execute(statement, named)
        cursor.execute(f"VACUUM ANALYZE {_TABLES}")
        cursor.execute("CHECKPOINT")
