from typing import Any

from django.core.management.base import CommandParser

from enforcement.management.base import Command as BaseCommand
from enforcement.management.base import Refused
from enforcement.management.moments import read_end
from enforcement.models import Client
from enforcement.services import clock, keys


class Command(BaseCommand):
    help = "Makes a key for a client of the API and prints it once, alone on the last line."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the client; the same name again makes a second key")
        parser.add_argument("--kind", required=True, choices=Client.Kind.values)
        parser.add_argument("--expires", metavar="WHEN", help="90d, P90D or 2027-01-31; without it the key stays")

    def handle(self, *, name: str, kind: str, expires: str | None, **_: Any) -> None:
        try:
            lasts = read_end(expires, now=clock.real_now()) if expires is not None else None
            key = keys.issue(name, kind, lasts=lasts)
        except (keys.KeyRefused, ValueError) as refused:
            raise Refused(refused) from None
        self.stderr.write(f"A {kind} key for {name}; it is stored as a digest only and will not be shown again.")
        self.stdout.write(key)
