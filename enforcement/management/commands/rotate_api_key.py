from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser

from enforcement.management.base import Command as BaseCommand
from enforcement.management.base import Refused
from enforcement.management.moments import read_end, read_span
from enforcement.services import clock, keys


class Command(BaseCommand):
    help = "Makes another key for a client, prints it once, alone on the last line, and lets the old one run out."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the client")
        parser.add_argument(
            "--overlap", metavar="SPAN", default="24h", help="how long the old key works on; 0s ends it at once (24h)"
        )
        parser.add_argument(
            "--expires", metavar="WHEN", help="90d, P90D or 2027-01-31; without it as long as the old key was made for"
        )

    def handle(self, *, name: str, overlap: str, expires: str | None, **_: Any) -> None:
        try:
            span = _span(overlap)
            lasts = read_end(expires, now=clock.real_now()) if expires is not None else None
            key = keys.rotate(name, overlap=span, lasts=lasts)
        except (keys.KeyRefused, ValueError) as refused:
            raise Refused(refused) from None
        self.stderr.write(
            f"A new key for {name}; it will not be shown again. Older ones work for another {overlap} at most: "
            "`list_api_keys` tells when they were last used."
        )
        self.stdout.write(key)


def _span(overlap: str) -> timedelta:
    try:
        return read_span(overlap)
    except ValueError as error:
        raise ValueError(f"--overlap: {error}") from None
