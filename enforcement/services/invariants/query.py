"""An invariant: its name in the reliability document, its sentence, and how to ask for what breaks it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Invariant:
    """`is_late` ones say that work waits: nobody is harmed by a brake being pulled for them, and nobody is helped."""

    name: str
    sentence: str
    find: Callable[[datetime, datetime, int], Rows]
    is_late: bool = False

    def ask(self, *, now: datetime, since: datetime, most: int) -> Rows:
        return self.find(now, since, most)


def invariant(name: str, sentence: str, sql: str, *, is_late: bool = False) -> Invariant:
    """One that a statement finds; it may name `%(now)s` and `%(since)s`."""

    def find(now: datetime, since: datetime, most: int) -> Rows:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT * FROM ({sql}) AS broken LIMIT %(most)s", {"now": now, "since": since, "most": most}
            )
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    return Invariant(name, sentence, find, is_late)
