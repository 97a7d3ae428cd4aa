"""What waits for a person: counted no further than anybody works off, so that every page may say it."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

MOST = 1000

# Each count stops at MOST rows of an index that holds only what waits.
_WAITING = f"""
SELECT enforcement_now(),
       (SELECT count(*) FROM (SELECT FROM enforcement_decision WHERE status = 'held' LIMIT {MOST}) AS held),
       (SELECT count(*) FROM (SELECT FROM enforcement_appeal WHERE status = 'open' LIMIT {MOST}) AS appeals),
       (SELECT count(*) FROM (SELECT FROM enforcement_case WHERE state = 'open' LIMIT {MOST}) AS reviews),
       (SELECT count(*) FROM (SELECT DISTINCT case_id FROM enforcement_stop
                               WHERE kind IN ('unreachable', 'bounce') AND ended_at IS NULL
                               LIMIT {MOST}) AS unreachable),
       ARRAY(SELECT what FROM enforcement_brake WHERE pulled_at IS NOT NULL ORDER BY what)
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Numbers of at most MOST, and the moment they were read."""

    now: datetime
    held: int  # decisions that somebody has to agree to
    appeals: int  # that nobody has answered
    reviews: int  # cases that the automation left to a person
    unreachable: int  # cases whose account no memo reaches, or whose memo came back
    pulled: list[str]  # switches of the brake, which two people release


def waiting() -> Waiting:
    """All of it in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        return Waiting(*cursor.fetchone())


def in_short(number: int) -> str:
    """ "999+" where there is more than anybody counts."""
    return f"{MOST - 1}+" if number >= MOST else f"{number}"
