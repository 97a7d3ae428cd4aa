from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from devservices.supervisor import ProcessDied, interruptible
from enforcement.management.base import Command as BaseCommand
from enforcement.management.base import Refused
from enforcement.management.demo import own_log, screen, story
from enforcement.management.demo.stage import Stage


class Command(BaseCommand):
    help = "Tells the whole story with real processes and a local mail catcher, then serves until Ctrl-C."
    requires_system_checks = []  # the database is made anew first

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--log", type=Path, help="an access log of your own instead of the demo's people")
        parser.add_argument("--exit", action="store_true", help="end after the story")
        parser.add_argument("--port", type=int)

    def handle(self, *, log: Path | None, exit: bool, port: int | None, **_: Any) -> None:
        if log is not None and not log.is_file():
            raise Refused(f"There is no log at {log}.")
        stage = Stage(port)
        try:
            with interruptible():
                self._play(stage, log, exit)
        except KeyboardInterrupt:
            screen.say("Stopped.")
        except ProcessDied as died:
            raise Refused(died) from None

    def _play(self, stage: Stage, log: Path | None, exit: bool) -> None:
        with screen.doing("Starting web, worker, beat and a mail server …"):
            stage.build()
        with stage.family:
            if log is None:
                story.tell(stage)
            else:
                own_log.tell(stage, log)
            screen.say(f"\nAdmin: {stage.url}/admin/ (user lead or officer, password {stage.password})")
            screen.say(f"API:   {stage.url}/api/docs/\nMail:  {stage.directory / 'mail'}")
            if not exit:
                screen.say("Serving until Ctrl-C.")
                stage.family.watch()
