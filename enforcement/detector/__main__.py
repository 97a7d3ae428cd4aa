"""`python -m enforcement.detector LOG … --account-from RULE`; exit status 0 = all fine, 1 = something was malformed or
not accepted, 2 = wrong use, refused, or no answer.
"""

import sys
from collections.abc import Sequence

import maxminddb
from rich.console import Console

from enforcement.detector.addresses import ProxyRefused
from enforcement.detector.journal import JournalRefused
from enforcement.detector.logs import LogRefused
from enforcement.detector.naming import RuleRefused
from enforcement.detector.networks import ListRefused
from enforcement.detector.options import parse
from enforcement.detector.runs import run
from enforcement.detector.sending import SendingRefused

_REFUSALS = (
    JournalRefused, ListRefused, LogRefused, OSError, ProxyRefused, RuleRefused, SendingRefused,
    maxminddb.InvalidDatabaseError,
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    told = Console(stderr=True)
    try:
        return run(given, told)
    except _REFUSALS as refused:
        told.print(_sentence(refused), markup=False, highlight=False, soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        told.print("Stopped. Start it again as it was: nothing is lost, and nothing counts twice.", highlight=False)
        return 130


def _sentence(refused: Exception) -> str:
    if isinstance(refused, OSError) and refused.strerror:
        return ": ".join(str(part) for part in (refused.filename, refused.strerror) if part)
    return str(refused)


if __name__ == "__main__":
    sys.exit(main())
