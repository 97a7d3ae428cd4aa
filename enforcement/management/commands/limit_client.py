from typing import Any

from django.core.management.base import CommandParser

from enforcement.management.base import Command as BaseCommand
from enforcement.management.base import Refused
from enforcement.services import keys


class Command(BaseCommand):
    help = "Gives a client a limit of its own, of calls or items of evidence a minute; it holds from the next call on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the client")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--per-minute", type=int, metavar="N", help="0 is no limit")
        which.add_argument("--as-its-kind", action="store_true", help="what RATE_LIMIT_… says for its kind")

    def handle(self, *, name: str, per_minute: int | None, **_: Any) -> None:
        try:
            keys.limit(name, per_minute)
        except keys.KeyRefused as refused:
            raise Refused(refused) from None
        self.say({"client": name, "limit_per_minute": "as its kind" if per_minute is None else per_minute})
