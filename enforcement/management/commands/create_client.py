from typing import Any

from django.core.management.base import CommandParser

from enforcement.management.base import Command as BaseCommand
from enforcement.management.base import Refused
from enforcement.models import Client
from enforcement.rules.durations import parse_duration
from enforcement.services import keys


class Command(BaseCommand):
    help = "Makes a key for a client of the API and prints it once, alone on the last line."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the client; the same name again makes a second key, to rotate to")
        parser.add_argument("--kind", required=True, choices=Client.Kind.values)
        parser.add_argument("--expires", metavar="DURATION", help="ISO 8601, such as P90D; without it the key stays")

    def handle(self, *, name: str, kind: str, expires: str | None, **_: Any) -> None:
        try:
            key = keys.issue(name, kind, lasts=parse_duration(expires) if expires else None)
        except (keys.KeyRefused, ValueError) as refused:
            raise Refused(refused) from None
        self.stderr.write(f"A {kind} key for {name}; it is stored as a digest only and will not be shown again.")
        self.stdout.write(key)
