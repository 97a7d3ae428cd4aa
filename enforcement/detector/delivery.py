"""Parts of days out: written to a file, or sent until the service has answered for every item."""

import json
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from enforcement.detector.journal import Cut, Journal
from enforcement.detector.progress import Display
from enforcement.detector.sending import COUNTS, Receipt, Sender, batches
from enforcement.detector.summaries import Item, Part, Rules

NOTHING = Receipt(0, Counter(dict.fromkeys(COUNTS, 0)), Counter())


def write(parts: Iterable[Part], rules: Rules, output: IO[str]) -> int:
    """A line an item; how many there were."""
    count = 0
    for part in parts:
        for item in rules.items(part):
            output.write(json.dumps(item) + "\n")
            count += 1
    return count


@dataclass(slots=True)
class _Waiting:
    """A part of which not all items have been answered."""

    cut: Cut
    items: int
    spoiled: bool = False  # an item was rejected: it may be right another day, so the part is not done with


class Delivery:
    """Sends parts, in batches that hold the end of one and the beginning of the next, and notes which are answered."""

    def __init__(self, sender: Sender, rules: Rules, journal: Journal, display: Display) -> None:
        self._sender, self._rules, self._journal, self._display = sender, rules, journal, display
        self._waiting: deque[_Waiting] = deque()
        self.receipt = NOTHING

    def send(self, parts: Iterable[Part]) -> None:
        for batch in batches(self._items(parts)):
            receipt = self._sender.send(batch)
            self._note(receipt)
            self._display.sent(receipt.items)

    def is_stored(self, part: Part) -> bool:
        """Sends the beginning of the part: who has it already answers with duplicates, and nothing has changed."""
        receipt = self._sender.send(next(batches(self._rules.items(part))))
        return receipt.counts["duplicates"] + receipt.counts["conflicts"] > 0

    def _items(self, parts: Iterable[Part]) -> Iterator[Item]:
        for part in parts:
            self._waiting.append(_Waiting(part.cut, len(part.sums)))
            yield from self._rules.items(part)

    def _note(self, receipt: Receipt) -> None:
        counts = Counter({name: self.receipt.counts[name] + receipt.counts[name] for name in COUNTS})
        self.receipt = Receipt(self.receipt.items + receipt.items, counts, self.receipt.reasons + receipt.reasons)
        left, answered = receipt.items, []
        while left:
            first = self._waiting[0]
            taken = min(left, first.items)
            first.items, left = first.items - taken, left - taken
            first.spoiled |= receipt.counts["rejected"] > 0
            if not first.items:
                answered += [] if first.spoiled else [first.cut]
                self._waiting.popleft()
        self._journal.answer(answered)
