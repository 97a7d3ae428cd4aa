"""What happened before: which evidence a new case may still count, and where the automation was wrong."""

from collections.abc import Collection
from datetime import datetime

from django.db import connection

# A review that closed by itself said nothing about the evidence, so it does not use it up.
_CLOSES = """
SELECT closed.account_id, max(closed.closed_at)
  FROM enforcement_case AS closed
  JOIN enforcement_decision AS last ON last.case_id = closed.id AND last.case_version = closed.version
 WHERE closed.account_id = ANY(%s) AND closed.state = 'closed'
   AND NOT (last.step = 'cure' AND last.from_state = 'open')
 GROUP BY closed.account_id
"""
# Whatever a case rested on fell with the decision that was contested, so each of its rules did.
_OVERTURNED = """
SELECT held.account_id, array_agg(DISTINCT taken.rule)
  FROM enforcement_appeal AS appeal
  JOIN enforcement_case AS held ON held.id = appeal.case_id
  JOIN enforcement_decision AS taken ON taken.case_id = held.id
 WHERE held.account_id = ANY(%s) AND appeal.status = 'overturned' AND taken.status = 'applied' AND taken.rule <> ''
 GROUP BY held.account_id
"""


def closes_of(account_ids: Collection[int]) -> dict[int, datetime]:
    """When the last case of each account was closed: only sightings observed after that count towards a new one."""
    with connection.cursor() as cursor:
        cursor.execute(_CLOSES, [list(account_ids)])
        return dict(cursor.fetchall())


def overturned_rules(account_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """By account: the rules of cases in which an appeal was won. Accounts that won none are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_OVERTURNED, [list(account_ids)])
        return {account: frozenset(rules) for account, rules in cursor.fetchall()}
