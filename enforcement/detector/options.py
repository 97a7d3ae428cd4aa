"""What can be asked of the detector."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from enforcement.detector.formats import FORMATS
from enforcement.detector.json_lines import NAMES
from enforcement.detector.naming import RULES
from enforcement.detector.networks import CLASSES

KEY = "ENFORCEMENT_DETECTOR_KEY"

_DESCRIPTION = """\
Reads access logs, locates their addresses, and sends what it saw: a summary a day, account, key, territory
and class of network. It judges nothing; the service's policy does.
"""
_EPILOG = f"""\
account and key rules:
  user             who authenticated: the third field of common and combined logs
  field:NAME       a field of a JSON line; field:OUTER.INNER for one inside another
  query:NAME       a parameter of the request's query
  network/BITS     one account per network: network/16 is a /16 of IPv4 and a /32 of IPv6

what a JSON line calls things, the first that is there:
{chr(10).join(f"  {what + ':':10} {', '.join(names)}" for what, names in NAMES.items())}

examples:
  python -m enforcement.detector /var/log/nginx/access.log* --account-from field:account \\
      --url https://enforcement.example.com --key-file /run/secrets/detector-key
  zcat old/*.gz | python -m enforcement.detector - --account-from user --output evidence.ndjson

Times are RFC 3339, seconds since 1970, or those of common logs. 401, 403 and 451 count as refused at the door.
Start it as often as you like, on a log that grows or was rotated, also after a crash: each line counts once, sent
or written to files that are sent.

exit status: 0 all fine; 1 lines could not be read or items were not taken; 2 wrong use, refused, or no answer.
"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Ends the process with status 2 and a sentence where the use is wrong."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.key_file:
        given.key = _key_in(parser, given.key_file)
    sends = given.url is not None
    if sends == (given.output is not None):
        parser.error("either --url, or --output, must say where the evidence goes")
    if sends:
        given.key = given.key or os.environ.get(KEY)
        if not given.key:
            parser.error(f"--url needs a key: --key-file FILE, --key KEY, or {KEY} in the environment")
    elif given.key or given.again:
        parser.error("--key, --key-file and --again belong to --url: a file holds all of the logs each time")
    return given


def _key_in(parser: argparse.ArgumentParser, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as refused:
        parser.error(f"the key cannot be read from {file}: {getattr(refused, 'strerror', None) or 'it is no text'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m enforcement.detector",
        usage="%(prog)s LOG [LOG ...] --account-from RULE (--url URL | --output FILE) [options]",
        description=_DESCRIPTION, epilog=_EPILOG,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=28, width=110),
    )  # fmt: skip
    parser.add_argument(
        "logs", nargs="+", metavar="LOG",
        help="a log, plain or compressed (gzip, bzip2, xz); a quoted pattern; - for standard input",
    )  # fmt: skip
    _add_reading(parser.add_argument_group("reading"))
    _add_locating(parser.add_argument_group("locating"))
    _add_sending(parser.add_argument_group("sending"))
    return parser


def _add_reading(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--account-from", required=True, metavar="RULE", help=f"whose request it is: {RULES}")
    group.add_argument("--credential-from", metavar="RULE", help="the key's public hint, by the same rules")
    group.add_argument("--format", choices=FORMATS, default="auto", help="default: auto, which looks at each line")
    group.add_argument(
        "--field", action="append", default=[], type=_field, metavar="WHAT=NAME",
        help=f"what a JSON line calls {', '.join(NAMES)}: ip=client.address",
    )  # fmt: skip
    group.add_argument(
        "--trusted-proxy", action="append", default=[], metavar="CIDR",
        help="a proxy of yours: what it wrote into X-Forwarded-For is believed",
    )  # fmt: skip


def _add_locating(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--mmdb", metavar="FILE", help="a MaxMind-format database instead of the bundled registry data")
    group.add_argument(
        "--networks", action="append", default=[], type=_list, metavar="CLASS=FILE",
        help=f"CIDR blocks, one a line, of a class: {', '.join(CLASSES)}",
    )  # fmt: skip


def _add_sending(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--url", help="the service, such as https://enforcement.example.com")
    key = group.add_mutually_exclusive_group()
    key.add_argument("--key-file", type=Path, metavar="FILE", help="holds a key of kind detector")
    key.add_argument("--key", help=f"the key itself, which other users of the machine can see; or {KEY}")
    group.add_argument("--output", metavar="FILE", help="write NDJSON instead of sending; - for standard output")
    group.add_argument(
        "--journal", type=Path, metavar="FILE",
        help="what was sent or written; default: ~/.local/state/accounts-enforcement/detector.sqlite3",
    )  # fmt: skip
    group.add_argument("--again", action="store_true", help="send all again, under the same ids: to a restored service")


def _list(text: str) -> tuple[str, Path]:
    network_class, _, file = text.partition("=")
    if network_class not in CLASSES or not file:
        raise argparse.ArgumentTypeError(f"{text!r} is not CLASS=FILE with one of {', '.join(CLASSES)}")
    return network_class, Path(file)


def _field(text: str) -> tuple[str, str]:
    what, _, name = text.partition("=")
    if what not in NAMES or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not WHAT=NAME with one of {', '.join(NAMES)}")
    return what, name
