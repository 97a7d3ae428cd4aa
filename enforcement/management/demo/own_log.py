"""The demo on somebody's own log: real lines, a demo policy, made contacts, and the time of the log."""

from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from enforcement.detector.formats import reader
from enforcement.detector.lines import Line, Malformed
from enforcement.detector.logs import Log, LogRefused
from enforcement.management.base import Refused
from enforcement.management.demo import screen
from enforcement.management.demo.stage import Stage
from enforcement.management.demo.story import BACKTEST, POLICY
from enforcement.models import Account, Case
from enforcement.rules.policy import parse_policy
from enforcement.services import backtest, clock

_SHOWN = 12


def tell(stage: Stage, log: Path) -> None:
    """Evidence, backtest, memos, and what happens if the traffic stops."""
    last, named = _last_line(log)
    clock.move_to(last + timedelta(minutes=1))
    screen.act(f"Evidence from {log.name}", clock.now())
    rule = "user" if named else "network/16"
    screen.say(f"The log names {'its users' if named else 'no accounts: one account per /16 network (IPv6: /32)'}.")
    with screen.doing("The detector reads, locates and sends …"):
        screen.say(f"Detector: {stage.detect(log, '--account-from', rule)}")
    _make_contacts(stage)
    screen.act("Backtest: who would be affected? (nothing is written)", clock.now())
    rows = list(backtest.backtest(parse_policy(POLICY.read_text(encoding="utf-8")), at=clock.now()))
    screen.table(BACKTEST, ([row[column] for column in BACKTEST] for row in rows[:_SHOWN]))
    screen.say(f"{len(rows)} of {Account.objects.count()} accounts, the first {min(_SHOWN, len(rows))} shown.")
    screen.act("Two people activate the policy; memos go out by SMTP", clock.now())
    stage.activate(POLICY)
    with screen.doing("Celery assesses, warns and mails …"):
        stage.settle()
    screen.say(f"{len(stage.mails())} memos accepted; {Case.objects.filter(state='warned').count()} clocks run.")
    with screen.doing("Sixteen days pass without such traffic …"):
        stage.advance(16)
    screen.act("The log ends, so the traffic stopped", clock.now())
    _count()


def _last_line(log: Path) -> tuple[datetime, bool]:
    """The time of the newest line, and whether lines name their user."""
    newest, named = datetime.min.replace(tzinfo=UTC), False
    try:
        with closing(Log(str(log))) as lines:
            for line in _readable(lines):
                newest, named = max(newest, line.at), named or bool(line.user)
    except (LogRefused, OSError) as refused:
        raise Refused(refused) from None
    if newest.year == 1:
        raise Refused(f"{log} has no line that can be read as common, combined or JSON log format.")
    return newest, named


def _readable(lines: Iterable[bytes]) -> Iterator[Line]:
    read = reader()
    for raw in lines:
        with suppress(Malformed):
            yield read(raw)


def _make_contacts(stage: Stage) -> None:
    names = list(Account.objects.order_by("pk").values_list("external_id", flat=True))
    documents = [
        {"external_id": name, "name": name, "contacts": [{"email": f"owner-{number}@example.test", "role": "owner"}]}
        for number, name in enumerate(names)
    ]
    for start in range(0, len(documents), 1000):
        stage.call("registrar", "POST", "accounts", documents[start : start + 1000])
    screen.say(f"{len(names):,} accounts were seen; each got a made contact.")


def _count() -> None:
    counts: dict[str, int] = {}
    for case in Case.objects.all():
        ending = case.outcome or case.state
        counts[ending] = counts.get(ending, 0) + 1
    screen.table(("outcome", "cases"), ((name, str(count)) for name, count in sorted(counts.items())))
