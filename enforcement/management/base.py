"""What all commands share: exit status 2 for wrong use or refused input, and one JSON line of what was done."""

import json

from django.core.management.base import BaseCommand, CommandError


class Refused(CommandError):
    """Wrong use or refused input: one sentence on standard error, exit status 2."""

    def __init__(self, sentence: object) -> None:
        super().__init__(str(sentence), returncode=2)


class Command(BaseCommand):
    """Exit status 0 = fine, 1 = found something, 2 = wrong use or refused input."""

    def say(self, document: object) -> None:
        """One JSON line on standard output, at once: a loop may be read by a pipe, which Python would buffer."""
        self.stdout.write(json.dumps(document, default=str))
        self.stdout.flush()
