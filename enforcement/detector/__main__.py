"""`python -m enforcement.detector LOG --account-from RULE …`; exit status 0 = all fine, 1 = something was malformed or
not accepted, 2 = wrong use or refused.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import maxminddb
from rich.console import Console
from rich.progress import track

from enforcement.detector.lines import FORMATS, LogRefused, opened
from enforcement.detector.naming import RULES, RuleRefused, rule
from enforcement.detector.networks import CLASSES, ListRefused, Networks
from enforcement.detector.sending import BATCH, COUNTS, SendingRefused, send
from enforcement.detector.summaries import Summaries
from enforcement.geolocation import Locator, bundled, from_mmdb

told = Console(stderr=True)


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    if not given.output and not (given.url and given.key):
        _parser().error("--url and --key, or --output, must say where the evidence goes")
    try:
        summaries = Summaries(
            _locator(given.mmdb),
            Networks(given.networks),
            rule(given.account_from),
            rule(given.credential_from) if given.credential_from else None,
        )
        with opened(given.log) as log:
            summaries.read(log, given.format)
        counts = _deliver(list(summaries.items()), given)
    except (RuleRefused, ListRefused, LogRefused, SendingRefused, OSError, maxminddb.InvalidDatabaseError) as refused:
        told.print(str(refused), markup=False)
        return 2
    _close(summaries, counts)
    return 1 if summaries.malformed or counts["conflicts"] or counts["rejected"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m enforcement.detector", description="Sends what an access log shows."
    )
    parser.add_argument("log", help="a log, a .gz, or - for standard input")
    parser.add_argument("--format", choices=FORMATS, default="auto")
    parser.add_argument("--account-from", required=True, metavar="RULE", help=RULES)
    parser.add_argument("--credential-from", metavar="RULE", help="the key's public hint: the same rules")
    parser.add_argument("--mmdb", metavar="FILE", help="a MaxMind-format database instead of the bundled registry data")
    parser.add_argument(
        "--networks", action="append", default=[], type=_list, metavar="CLASS=FILE",
        help=f"CIDR blocks of a class of network: {', '.join(CLASSES)}",
    )  # fmt: skip
    parser.add_argument("--url", help="the service, such as https://enforcement.example.com")
    parser.add_argument("--key", help="a key of kind detector")
    parser.add_argument("--output", metavar="FILE", help="write NDJSON instead of sending")
    return parser


def _list(text: str) -> tuple[str, Path]:
    network_class, _, file = text.partition("=")
    if network_class not in CLASSES or not file:
        raise argparse.ArgumentTypeError(f"{text!r} is not CLASS=FILE with one of {', '.join(CLASSES)}")
    return network_class, Path(file)


def _locator(mmdb: str | None) -> Locator:
    return from_mmdb(mmdb) if mmdb else bundled()


def _deliver(items: list[dict[str, Any]], given: argparse.Namespace) -> Counter[str]:
    if given.output:
        with Path(given.output).open("w", encoding="utf-8") as output:
            output.writelines(json.dumps(item) + "\n" for item in items)
        return Counter({"written": len(items)})
    batches = send(items, given.url, given.key)
    total = -(-len(items) // BATCH)
    return sum(track(batches, "Sending", total, console=told, transient=True), Counter())


def _close(summaries: Summaries, counts: Counter[str]) -> None:
    told.print(f"{summaries.lines:,} lines read, {summaries.malformed.total():,} malformed", highlight=False)
    for reason, count in summaries.malformed.most_common():
        told.print(f"  {count:,} of them: {reason}", markup=False, highlight=False)
    named = {
        name: counts[name]
        for name in ("written", *COUNTS)
        if name in counts or (name in COUNTS and "written" not in counts)
    }
    told.print(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in named.items()), highlight=False)


if __name__ == "__main__":
    sys.exit(main())
