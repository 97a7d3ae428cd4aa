"""What happened before: which evidence a new case may still count."""

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


def closes_of(account_ids: Collection[int]) -> dict[int, datetime]:
    """When the last case of each account was closed: only sightings observed after that count towards a new one."""
    with connection.cursor() as cursor:
        cursor.execute(_CLOSES, [list(account_ids)])
        return dict(cursor.fetchall())
