"""How much evidence an account has, and the heaviest part of it: for pages, which somebody waits for.

An assessment reads all of a window, however long that takes. A page reads no more than it can show.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from enforcement.rules.sightings import Sighting
from enforcement.services import cursors

MOST_SCORED = 5_000  # tallies, or rows of days that are read in part: a tenth of a second's work
MOST_DRAWN = 2_000  # more than that are no picture
MOST_COUNTED = 100_000

_SIZE = f"""
SELECT count(*), coalesce(sum(items) FILTER (WHERE day = ANY(%s)), 0)
  FROM (SELECT day, items FROM enforcement_daytally WHERE account_id = %s AND day BETWEEN %s AND %s
         LIMIT {MOST_COUNTED}) AS counted
"""

# The newest come by the index, and never more than were counted; only the chosen ones are read whole.
_HEAVIEST = f"""
SELECT day, client.name, seen.kind, network_class, country, subdivision, credential, source, refused,
       items, requests, weighted_items, weighted_requests, confidence, first_at, last_at
  FROM enforcement_daytally AS seen
  JOIN enforcement_client AS client ON client.id = seen.detector_id
 WHERE seen.id IN (SELECT id
                     FROM (SELECT id, requests FROM enforcement_daytally WHERE account_id = %s AND day BETWEEN %s AND %s
                            ORDER BY day DESC LIMIT {MOST_COUNTED}) AS newest
                    ORDER BY requests DESC, id LIMIT {MOST_DRAWN})
"""


@dataclass(frozen=True, slots=True)
class Size:
    """`tallies` in the span of days, counted up to MOST_COUNTED; `rows` of evidence of the days read in part."""

    tallies: int
    rows: int

    @property
    def is_large(self) -> bool:
        return max(self.tallies, self.rows) > MOST_SCORED


def size_of(account_id: int, first: date, last: date, *, in_part: Collection[date]) -> Size:
    """The days that a boundary falls into are read row by row, so they weigh what they hold."""
    with cursors.binary() as cursor:
        cursor.execute(_SIZE, [list(in_part), account_id, first, last])
        tallies, rows = cursor.fetchone()
    return Size(tallies, int(rows))


def heaviest(account_id: int, first: date, last: date) -> list[Sighting]:
    """The MOST_DRAWN tallies with most requests, of the newest MOST_COUNTED."""
    with cursors.binary() as cursor:
        cursor.execute(_HEAVIEST, [account_id, first, last])
        return [Sighting(*row) for row in cursor.fetchall()]
