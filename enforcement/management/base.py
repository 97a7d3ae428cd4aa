"""What all commands share: exit status 2 for wrong use or refused input, and one JSON line of what was done."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError
from psycopg.errors import UndefinedFunction, UndefinedTable


class Refused(CommandError):
    """Wrong use or refused input: one sentence on standard error, exit status 2."""

    def __init__(self, sentence: object) -> None:
        super().__init__(str(sentence), returncode=2)


class Command(BaseCommand):
    """Exit status 0 = fine, 1 = found something, 2 = wrong use or refused input."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """A database that nobody has set up yet is told in a sentence: it is the first thing that a newcomer meets."""
        try:
            return super().execute(*args, **options)
        except ProgrammingError as error:
            if isinstance(error.__cause__, UndefinedTable | UndefinedFunction):
                raise Refused("The tables are not there yet: ./run manage migrate makes them.") from error
            raise

    def say(self, document: object) -> None:
        """One JSON line on standard output, at once: a loop may be read by a pipe, which Python would buffer."""
        self.stdout.write(json.dumps(document, default=str))
        self.stdout.flush()
