"""A run of the detector, from the logs that it was given to its closing words."""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO

from rich.console import Console

from enforcement.detector import logs
from enforcement.detector.addresses import Proxies
from enforcement.detector.delivery import Delivery, write
from enforcement.detector.formats import reader
from enforcement.detector.journal import A_FILE, Journal, Target
from enforcement.detector.logs import LogRefused
from enforcement.detector.naming import rule
from enforcement.detector.networks import Networks
from enforcement.detector.progress import Display
from enforcement.detector.reading import Reading
from enforcement.detector.sending import Sender
from enforcement.detector.summaries import Rules
from enforcement.geolocation import bundled, from_mmdb

_OLD = timedelta(days=60)


def run(given: argparse.Namespace, told: Console) -> int:
    """The exit status. Raises the refusals of its parts."""
    networks = Networks(given.networks)
    locator = from_mmdb(given.mmdb) if given.mmdb else bundled()
    credential = rule(given.credential_from) if given.credential_from else None
    rules = Rules(locator, networks, rule(given.account_from), credential)
    read = reader(given.format, proxies=Proxies(given.trusted_proxy), fields=dict(given.field))
    paths = logs.find(given.logs)
    with Display(told) as display, closing(_journal(given, rules)) as journal:
        for warning in _old(rules.source, networks, datetime.now(UTC).date()):
            display.say(warning)
        if given.output:
            return _write(Reading(read, rules, journal, display), rules, given.output, paths, display)
        delivery = Delivery(Sender(given.url, given.key, say=display.say), rules, journal, display)
        if not (left := _unanswered(paths, journal)):
            display.say(f"Nothing new: {', '.join(paths)} was answered whole in an earlier run.")
            return 0
        return _send(Reading(read, rules, journal, display, delivery.is_stored), delivery, journal, left, display)


def _write(reading: Reading, rules: Rules, name: str, paths: list[str], display: Display) -> int:
    with _output(name, paths) as output:
        count = write(reading.all_parts(paths), rules, output)
    _close(reading, display)
    display.say(f"{count:,} written")
    return _status(reading)


def _send(reading: Reading, delivery: Delivery, journal: Journal, paths: list[str], display: Display) -> int:
    delivery.send(reading.all_parts(paths))
    receipt = delivery.receipt
    if not receipt.counts["rejected"]:
        journal.finish(reading.stamps)
    _close(reading, display)
    display.say(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in receipt.counts.items()))
    for reason, count in receipt.reasons.most_common():
        display.say(f"  {count:,} of them: {reason}")
    return _status(reading) or int(bool(receipt.counts["conflicts"] or receipt.counts["rejected"]))


def _unanswered(paths: list[str], journal: Journal) -> list[str]:
    """Logs that are not as they were when they were answered, and those of which one of them may be a copy."""
    stamps = {path: logs.stamp_of(path) for path in paths}
    new = [path for path, stamp in stamps.items() if stamp is None or not journal.is_finished(stamp)]
    begins = {logs.first_line(path) for path in new if stamps[path]}
    return [path for path in paths if path in new or logs.first_line(path) in begins]


def _close(reading: Reading, display: Display) -> None:
    for name, damage in reading.damage.items():
        display.say(f"{name} is broken off or damaged ({damage}); what came before was read")
    display.say(f"{reading.lines:,} lines read, {reading.malformed.total():,} malformed")
    for reason, count in reading.malformed.most_common():
        display.say(f"  {count:,} of them: {reason}")
        for specimen in reading.specimens[reason]:
            display.say(f"    {specimen}")
    if reading.lines > reading.malformed.total() and not reading.located:
        display.say("No address could be located. If a proxy of yours stands in front, --trusted-proxy names it.")
    if reading.known:
        display.say(f"{reading.known:,} requests were answered before, or stand in two logs")


def _status(reading: Reading) -> int:
    return int(bool(reading.damage or reading.malformed))


def _journal(given: argparse.Namespace, rules: Rules) -> Journal:
    """What a line counts for hangs on these; whom it counts for, on service and key."""
    counted = [given.account_from, given.credential_from, sorted(given.trusted_proxy), sorted(given.field)]
    series = _digest(json.dumps([*counted, rules.source.partition(" ")[0]]))
    target = A_FILE if given.output else Target(_digest(given.url.rstrip("/")), _digest(given.key))
    journal = Journal(given.journal or _default_journal(), series, target)
    if given.again:
        journal.forget_answers()
    return journal


def _default_journal() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "accounts-enforcement" / "detector.sqlite3"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _old(source: str, networks: Networks, today: date) -> Iterator[str]:
    """Addresses move: old data puts people where they are not."""
    name, _, day = source.partition(" ")
    for what, of in ((f"The geolocation data {name}", _date(day)), *_lists(networks)):
        if of is not None and today - of > _OLD:
            yield f"{what} is of {of}, {(today - of).days:,} days old: addresses have moved since. Get a newer one."


def _lists(networks: Networks) -> Iterator[tuple[str, date]]:
    return ((f"The list of {name} networks", day) for name, day in networks.dates.items())


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@contextmanager
def _output(name: str, paths: list[str]) -> Iterator[IO[str]]:
    if name == "-":
        yield sys.stdout
        return
    if os.path.exists(name) and any(path != "-" and os.path.samefile(name, path) for path in paths):
        raise LogRefused(f"{name} is one of the logs: writing to it would destroy it.")
    with Path(name).open("w", encoding="utf-8") as output:
        yield output
