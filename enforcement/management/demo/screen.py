"""How the demo looks: a heading for each act, a line for what happens, tables for what came of it."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

# A pipe has no width of its own; tables need some.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 118)


def act(title: str, now: datetime) -> None:
    console.print()
    console.rule(f"[bold]{title}[/]  [dim]{now:%d %B %Y, %H:%M} UTC[/]", align="left")


def say(sentence: str) -> None:
    console.print(sentence, markup=False)


@contextmanager
def doing(what: str) -> Iterator[None]:
    """A spinner while something takes its time."""
    with console.status(what):
        yield


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    drawn = Table(*columns, header_style="bold", border_style="dim")
    for row in rows:
        drawn.add_row(*row)
    console.print(drawn)


def letter(subject: str, text: str) -> None:
    console.print(Panel(text.strip(), title=subject, title_align="left", border_style="dim", width=100))
