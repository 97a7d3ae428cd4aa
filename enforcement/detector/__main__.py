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

from enforcement.detector.lines import FORMATS, JSON_FIELDS, LogRefused, opened
from enforcement.detector.naming import RULES, RuleRefused, rule
from enforcement.detector.networks import CLASSES, ListRefused, Networks
from enforcement.detector.sending import BATCH, COUNTS, Receipt, SendingRefused, send
from enforcement.detector.summaries import Summaries
from enforcement.geolocation import Locator, bundled, from_mmdb

told = Console(stderr=True)

_EPILOG = "\n".join(
    [
        "What a JSON line calls things; the first that is there is taken:",
        *(f"  {what + ':':9}{', '.join(names)}" for what, names in JSON_FIELDS.items()),
        "A time is RFC 3339 or seconds since 1970. Status 401, 403 and 451 are requests that were refused at the door.",
        "Of several blocks that hold an address, the longest prefix names its class of network.",
        "Ids come from the day's lines: sending a log twice changes nothing, but send it when its last day is over.",
        "Exit status: 0 all fine, 1 lines were malformed or items not taken, 2 wrong use or refused.",
    ]
)


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    if bool(given.output) == bool(given.url and given.key) or bool(given.url) != bool(given.key):
        _parser().error("either --url and --key, or --output, must say where the evidence goes")
    try:
        summaries = Summaries(
            _locator(given.mmdb),
            Networks(given.networks),
            rule(given.account_from),
            rule(given.credential_from) if given.credential_from else None,
        )
        with opened(given.log) as log:
            summaries.read(log, given.format)
        receipt = _deliver(list(summaries.items()), given)
    except (RuleRefused, ListRefused, LogRefused, SendingRefused, OSError, maxminddb.InvalidDatabaseError) as refused:
        told.print(str(refused), markup=False, highlight=False)
        return 2
    _close(summaries, receipt)
    return 1 if summaries.malformed or receipt.counts["conflicts"] or receipt.counts["rejected"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m enforcement.detector",
        description="Sends what an access log shows: a summary per day, account, key, territory and class of network.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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


def _deliver(items: list[dict[str, Any]], given: argparse.Namespace) -> Receipt:
    if given.output:
        with Path(given.output).open("w", encoding="utf-8") as output:
            output.writelines(json.dumps(item) + "\n" for item in items)
        return Receipt(Counter(written=len(items)), Counter())
    batches = send(items, given.url, given.key)
    total = -(-len(items) // BATCH)
    counts, reasons = dict.fromkeys(COUNTS, 0), Counter[str]()
    for receipt in track(batches, "Sending", total, console=told, transient=True):
        counts = {name: counts[name] + receipt.counts[name] for name in COUNTS}
        reasons += receipt.reasons
    return Receipt(Counter(counts), reasons)


def _close(summaries: Summaries, receipt: Receipt) -> None:
    _say(f"{summaries.lines:,} lines read, {summaries.malformed.total():,} malformed", summaries.malformed)
    counted = (f"{count:,} {name.replace('_', ' ')}" for name, count in receipt.counts.items())
    _say(", ".join(counted), receipt.reasons)


def _say(sentence: str, reasons: Counter[str]) -> None:
    told.print(sentence, highlight=False)
    for reason, count in reasons.most_common():
        told.print(f"  {count:,} of them: {reason}", markup=False, highlight=False)


if __name__ == "__main__":
    sys.exit(main())
