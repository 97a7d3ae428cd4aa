from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from enforcement.management.base import Command as BaseCommand
from enforcement.management.base import Refused
from enforcement.management.sheets import write_sheet
from enforcement.models import PolicyVersion
from enforcement.rules.outcomes import BACKTEST_COLUMNS
from enforcement.rules.policy import Policy, PolicyRefused, parse_policy
from enforcement.services import backtest, clock


class Command(BaseCommand):
    help = "Says what a policy would make of the stored evidence: a row per account with an outcome. Writes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("policy", help="a policy document, or the number of a stored version")
        parser.add_argument("--at", help="as of this moment: RFC 3339 with an offset")
        parser.add_argument("--format", choices=["csv", "json"], default="csv")
        parser.add_argument("--diff", action="store_true", help="account,change against the active version")

    def handle(self, *, policy: str, at: str | None, format: str, diff: bool, **_: Any) -> None:
        rules, moment = _policy(policy), _moment(at)
        if diff:
            active = PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).first()
            rows = backtest.diff(rules, active.rules if active else None, at=moment)
            self._write(rows, ("account", "change"), format)
        else:
            self._write(backtest.backtest(rules, at=moment), BACKTEST_COLUMNS, format)

    def _write(self, rows: Iterator[backtest.Row], columns: tuple[str, ...], format: str) -> None:
        if format == "json":
            self.say(list(rows))
            return
        write_sheet(self.stdout, columns, rows)


def _policy(given: str) -> Policy:
    if given.isdigit():
        version = PolicyVersion.objects.filter(pk=int(given)).first()
        if version is None:
            raise Refused(f"There is no policy version {given}.")
        return version.rules
    try:
        return parse_policy(Path(given).read_text(encoding="utf-8"))
    except PolicyRefused as refused:
        raise Refused("\n".join(str(each) for each in refused.errors)) from None
    except (OSError, UnicodeDecodeError) as refused:
        raise Refused(refused) from None


def _moment(text: str | None) -> datetime:
    if text is None:
        return clock.now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise Refused(f"--at: {wrong}") from None
    if moment.tzinfo is None:
        raise Refused(f"--at: {text!r} has no offset; write 2026-07-09T00:00:00Z.")
    return moment
