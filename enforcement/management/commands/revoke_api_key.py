import re
from typing import Any

from django.core.management.base import CommandParser

from enforcement.management.base import Command as BaseCommand
from enforcement.management.base import Refused
from enforcement.services import keys

# Whoever found a key pastes all of it; what follows the ten digits is never looked at.
_BEGINNING = re.compile(r"(?:ae_)?([0-9a-f]{10})(?:_.*|…)?", re.DOTALL)


class Command(BaseCommand):
    help = "Ends a key at once: the next request with it is refused."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("beginning", nargs="?", metavar="KEY", help="how the key begins: ae_ and ten digits")
        which.add_argument("--all-of", metavar="NAME", help="every key of this client")

    def handle(self, *, beginning: str | None, all_of: str | None, **_: Any) -> None:
        try:
            revoked = keys.revoke_all(all_of) if all_of is not None else [keys.revoke(_prefix(beginning or ""))]
        except keys.KeyRefused as refused:
            raise Refused(refused) from None
        for key in revoked:
            self.say({"key": f"ae_{key.prefix}", "client": key.client.name, "revoked_at": f"{key.revoked_at:%FT%TZ}"})


def _prefix(beginning: str) -> str:
    found = _BEGINNING.fullmatch(beginning.strip())
    if found is None:
        raise keys.KeyRefused("A key begins with ae_ and ten digits from 0 to f, as list_api_keys shows them.")
    return found[1]
