from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from enforcement.management.base import Command as BaseCommand
from enforcement.management.base import Refused
from enforcement.rules.durations import parse_duration
from enforcement.services import clock


class Command(BaseCommand):
    help = "Moves the test clock: set TIME, advance DURATION, reset, or show. Refused unless ENFORCEMENT_TEST_CLOCK=1."

    def add_arguments(self, parser: CommandParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True)
        steps.add_parser("set").add_argument("time", help="RFC 3339 with an offset, such as 2026-07-09T00:00:00Z")
        steps.add_parser("advance").add_argument("duration", help="ISO 8601, such as P15D or PT20S")
        steps.add_parser("reset")
        steps.add_parser("show")

    def handle(self, *, step: str, **given: Any) -> None:
        try:
            now = self._move(step, **given)
        except (clock.ClockRefused, ValueError) as refused:
            raise Refused(refused) from None
        self.say({"now": now.isoformat()})

    def _move(self, step: str, time: str = "", duration: str = "", **_: Any) -> datetime:
        match step:
            case "set":
                return clock.move_to(_moment(time))
            case "advance":
                return clock.advance(parse_duration(duration))
            case "reset":
                return clock.reset()
        return clock.now()


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; write 2026-07-09T00:00:00Z or 2026-07-09T00:00:00+08:00.")
    return moment
