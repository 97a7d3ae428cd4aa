from typing import Any

from django.core.management.base import CommandParser

from enforcement.management.base import Command as BaseCommand
from enforcement.management.base import Refused
from enforcement.management.people import person, two_people
from enforcement.models import Brake, BrakePull
from enforcement.services import brake, clock
from enforcement.services.brake import ReleaseRefused
from enforcement.services.roles import NotAllowed

_BY_COMMAND = "by command"


class Command(BaseCommand):
    help = "Shows, pulls and releases the brake. Whoever is here may pull it; its release takes two people."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["status", "pull", "release"])
        parser.add_argument("--what", choices=Brake.What.values, default=Brake.What.ENFORCEMENT.value)
        parser.add_argument("--by", action="append", default=[], metavar="NAME", help="a member of the staff")
        parser.add_argument("--reason", default=_BY_COMMAND, help="why, for whoever reads the record")

    def handle(self, *, action: str, what: str, by: list[str], reason: str, **_: Any) -> None:
        switch = Brake.What(what)
        try:
            if action == "pull":
                self._pull(switch, by, reason)
            elif action == "release":
                proposed_by, approved_by = two_people(by)
                brake.propose_release(switch, because=reason, by=proposed_by)
                brake.approve_release(switch, by=approved_by, now=clock.now())
        except (NotAllowed, ReleaseRefused) as refused:
            raise Refused(refused) from None
        self.say({name: _described(pulled) for name, pulled in brake.status().items()})

    def _pull(self, what: Brake.What, by: list[str], reason: str) -> None:
        if len(by) > 1:
            raise Refused("One person pulls the brake: --by NAME, or nobody.")
        puller = person(by[0]) if by else None
        brake.pull(what, BrakePull.Cause.MANUAL, reason, now=clock.now(), by=puller)


def _described(pulled: BrakePull | None) -> dict[str, Any]:
    if pulled is None:
        return {"pulled": False}
    return {
        "pulled": True,
        "since": pulled.pulled_at,
        "cause": pulled.cause,
        "reason": pulled.reason,
        "by": pulled.pulled_by.username if pulled.pulled_by else None,
    }
