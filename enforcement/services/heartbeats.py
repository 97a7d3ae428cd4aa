"""Signs of life: beat and the workers note that they are there, and whoever wants to know reads the rows."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection

from enforcement.models import Heartbeat

# A sign is worth a write every five seconds, however many workers give it.
_NOTE = """
INSERT INTO enforcement_heartbeat AS heard (name, at)
SELECT unnest(%s::text[]) AS name, clock_timestamp() ORDER BY name
    ON CONFLICT (name) DO UPDATE SET at = excluded.at WHERE heard.at < excluded.at - interval '5 s'
"""
_AGES = "SELECT name, greatest(clock_timestamp() - at, interval '0') FROM enforcement_heartbeat"


def note(names: Sequence[str]) -> None:
    """These are alive now."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [list(names)])


def ages() -> dict[str, timedelta | None]:
    """How long ago each was last heard of; None if never."""
    with connection.cursor() as cursor:
        cursor.execute(_AGES)
        known = dict(cursor.fetchall())
    return {name: known.get(name) for name in Heartbeat.Name.values}
