"""The tables of docs/access.md, read; and how their cells are tried one after the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

PAGE = Path(__file__).parent.parent.parent / "docs" / "access.md"


@dataclass(frozen=True)
class Row:
    """What is done on which object, and what each column's person or key gets."""

    what: str
    which: str
    cells: dict[str, str]

    def __str__(self) -> str:
        return f"{self.what}: {self.which}" if self.which else self.what


def table(first: str) -> list[Row]:
    """The rows of the table whose first header is this."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(f"| {first} |"))
    columns = _cells(lines[start])[2:]
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        what, which, *cells = _cells(line)
        rows.append(Row(what.strip("`"), which, dict(zip(columns, cells, strict=True))))
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside has not happened."""
    point = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(point)
