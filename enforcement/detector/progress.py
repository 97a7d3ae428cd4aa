"""How far a run is: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

_EVERY = 15.0  # seconds between lines where there is no terminal


class Display:
    """Told how far things are, it shows it on standard error; nothing of it stays on a terminal."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._lines = self._sent = 0
        self._next = clock() + _EVERY
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("Reading", total=None, told="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, name: str, size: int | None) -> None:
        self._bar.reset(self._task, description=name, total=size)

    def read(self, lines: int, position: int) -> None:
        self._lines += lines
        self._bar.update(self._task, completed=position)
        self._tell()

    def sent(self, items: int) -> None:
        self._sent += items
        self._tell()

    def say(self, sentence: str) -> None:
        self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def _tell(self) -> None:
        told = f"{self._lines:,} lines read, {self._sent:,} items answered"
        self._bar.update(self._task, told=told)
        if not self._console.is_terminal and self._clock() >= self._next:
            self._next = self._clock() + _EVERY
            self.say(f"… {told}")
