"""What a page is made of: sections of pairs and tables, and buttons that lead to confirmation pages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from enforcement.admin.display import shown


@dataclass(frozen=True, slots=True)
class Table:
    """Cells are values of any kind; they are drawn when they are put in."""

    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]

    @property
    def cells(self) -> list[list[tuple[str, Any]]]:
        """Every cell with its header, which a narrow screen shows beside it."""
        return [[(header, shown(cell)) for header, cell in zip(self.headers, row, strict=True)] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a page: pairs, a table, a note, or a template of its own (`part`, which draws `content`).

    `aside` puts it into the narrow column, `wide` below both; `folded` shows its title until somebody opens it.
    """

    title: str
    pairs: Sequence[tuple[str, Any]] = ()
    table: Table | None = None
    note: Any = ""
    aside: bool = False
    wide: bool = False
    part: str = ""
    content: Any = None
    folded: bool = False

    @property
    def drawn(self) -> list[tuple[str, Any]]:
        return [(name, shown(value)) for name, value in self.pairs]

    @property
    def remark(self) -> Any:
        return shown(self.note) if self.note else ""


def wide(*sections: Section) -> list[Section]:
    """The same, below both columns."""
    return [replace(each, wide=True) for each in sections]


def given(*pairs: tuple[str, Any]) -> list[tuple[str, Any]]:
    """The pairs that say something."""
    return [(name, value) for name, value in pairs if value not in (None, "", [])]


def table_section(title: str, headers: Sequence[str], rows: Sequence[Sequence[Any]], *, none: str) -> Section:
    """A table, or the sentence that says there is nothing in it."""
    return Section(title, table=Table(headers, rows)) if rows else Section(title, note=none)


@dataclass(frozen=True, slots=True)
class Button:
    """A way to a confirmation page. It decides nothing itself."""

    words: str
    address: str
    tone: str = "default"  # as the console's buttons: default, primary, danger
