"""Tables for spreadsheets, which would calculate whatever begins like a formula."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

# As ASVS 1.2.10 lists them, and their full-width twins.
_STARTS = ("=", "+", "-", "@", "\t", "\n", "\0", "＝", "＋", "－", "＠")  # noqa: RUF001


class Out(Protocol):
    def write(self, words: str, /) -> object: ...


def write_sheet(out: Out, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """CSV with a header. An apostrophe goes before words that a spreadsheet would calculate; numbers stay numbers."""
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: inert(value) for name, value in row.items()})


def inert(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    words = value.replace("\r\n", "\n").replace("\r", "\n")  # the writer leaves a bare CR unquoted: a new line to some
    return f"'{words}" if words.startswith(_STARTS) else words
