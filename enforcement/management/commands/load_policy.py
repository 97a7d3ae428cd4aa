from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from enforcement.management.base import Command as BaseCommand
from enforcement.management.base import Refused
from enforcement.management.people import two_people
from enforcement.rules.policy import PolicyRefused
from enforcement.services import clock, policies
from enforcement.services.roles import NotAllowed


class Command(BaseCommand):
    help = "Stores a policy document as a draft; --activate puts it into force in the name of two people."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a policy document, YAML or JSON")
        parser.add_argument("--activate", action="store_true")
        parser.add_argument("--by", action="append", default=[], metavar="NAME", help="a member of the staff; give two")

    def handle(self, *, file: Path, activate: bool, by: list[str], **_: Any) -> None:
        try:
            version = policies.draft(file.read_text(encoding="utf-8"), now=clock.now())
            if activate:
                proposed_by, approved_by = two_people(by)
                version = policies.activate(
                    version.pk, proposed_by=proposed_by, approved_by=approved_by, now=clock.now()
                )
        except PolicyRefused as refused:
            raise Refused("\n".join(str(each) for each in refused.errors)) from None
        except (OSError, UnicodeDecodeError, NotAllowed) as refused:
            raise Refused(refused) from None
        self.say({"version": version.pk, "name": version.name, "status": version.status})
