"""Logs in, parts of days out: each line counts once, however often a log is read and however far it has grown."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date
from typing import Any

from enforcement.detector.journal import Cut, Journal
from enforcement.detector.lines import Malformed, Read
from enforcement.detector.logs import LONGEST, Log, Stamp
from enforcement.detector.overlaps import Overlaps, Repeat, in_order
from enforcement.detector.progress import Display
from enforcement.detector.specimens import Specimen
from enforcement.detector.summaries import Part, Rules, Sums, add

LARGEST = 200_000  # groups in memory; with more, parts end
_EVERY = 8192  # lines between looks at that, and at the clock
_SPECIMENS = 3  # of each reason


class Day:
    """A day of one log, while it is read."""

    def __init__(self, day: date, ends: Container[int]) -> None:
        self.day = day
        self.ends = ends  # after how many lines parts of the day are known to have ended, in whatever log
        self.lines = self.begins = 0
        self.sums: Sums = {}
        self._chain: Any = hashlib.sha256()

    def follow(self, raw: bytes) -> None:
        self.lines += 1
        self._chain.update(raw)
        self._chain.update(b"\n")

    def cut(self) -> Cut:
        return Cut(self.day, self.lines, self._chain.copy().hexdigest())

    def end_part(self, cut: Cut) -> Part:
        """What was summed up since the last cut; the next part begins here."""
        part = Part(cut, self.begins, self.sums)
        self.begins, self.sums = self.lines, {}
        return part


class Reading:
    """Reads logs and yields the parts that are to be sent; what else it met is counted in its attributes.

    A day of a log is one part, unless the log goes on later that day: then the next part begins where the last one
    ended. The journal knows the ends, by a digest of the day's lines, so that they are found in a log that was
    renamed, compressed or copied too.
    """

    def __init__(
        self,
        read: Read,
        rules: Rules,
        journal: Journal,
        display: Display,
        is_stored: Callable[[Part], bool] = lambda _: False,
    ) -> None:
        """`is_stored` asks the service whether it has a part under our key."""
        self._read, self._rules, self._journal, self._display = read, rules, journal, display
        self._is_stored = is_stored
        self._is_new_here = False
        self._overlaps = Overlaps(())
        self._taken: set[Cut] = set()
        self.lines = 0
        self.located = False  # any of them
        self.known = 0  # requests that were answered before, or stand in two of the logs
        self.malformed: Counter[str] = Counter()
        self.specimens = defaultdict[str, list[Specimen]](list)  # by reason
        self.damage: dict[str, str] = {}  # of logs that could not be read to their ends
        self.stamps: list[Stamp] = []  # of those that were

    def all_parts(self, paths: Sequence[str]) -> Iterator[Part]:
        """The journal knows a part before it is yielded."""
        begun = in_order(paths, self._read)
        self._overlaps = Overlaps(begun)
        for each in begun:
            with closing(Log(each.path)) as log:
                self._overlaps.begin(each)
                self._display.begin(log.name, log.stamp.size if log.stamp else None)
                yield from self._parts(log)
            if log.damage:
                self.damage[log.name] = log.damage
            elif log.stamp:
                self.stamps.append(log.stamp)

    def _parts(self, log: Log) -> Iterator[Part]:
        """In the order of their ends."""
        days: dict[date, Day] = {}
        number = 0
        for number, raw in enumerate(log, 1):
            yield from self._line(log, days, number, raw)
            if number % _EVERY == 0:
                self._display.read(_EVERY, log.position())
                if sum(len(day.sums) for day in days.values()) >= LARGEST and not self._overlaps.may_repeat():
                    # Where a known part still goes on, its end is waited for: other ends would count it twice.
                    yield from self._end(day for day in days.values() if not self._journal.goes_on(day.day, day.lines))
        self._display.read(number % _EVERY, log.position())
        yield from self._end(days.values())

    def _line(self, log: Log, days: dict[date, Day], number: int, raw: bytes) -> Iterator[Part]:
        if not raw.strip():
            return
        self.lines += 1
        try:
            if len(raw) > LONGEST:
                raise Malformed(f"longer than {LONGEST // 1024} KiB")
            line = self._read(raw)
            group = self._rules.group(line)
        except Malformed as malformed:
            self._put_aside(Specimen(log.name, number, str(malformed), raw))
            self._overlaps.repeats(raw, None)
            return
        self.located = self.located or group.country != ""
        at = line.at.date()
        day = days.get(at) or days.setdefault(at, Day(at, self._journal.ends(at)))
        if log.unfinished:
            # The line may be completed later; what stands before it is known by then.
            yield from self._end([day])
        day.follow(raw)
        add(day.sums, group, line)
        if repeat := self._overlaps.repeats(raw, line.at):
            self._drop(days.values(), repeat)
        elif day.lines in day.ends and self._journal.is_cut(cut := day.cut()):
            yield from self._pass(day.end_part(cut))

    def _drop(self, days: Iterable[Day], repeat: Repeat) -> None:
        """All of a log so far stood in an earlier one. A run that has only this log must know it too."""
        parts = [day.end_part(day.cut()) for day in days if day.sums]
        if repeat is Repeat.AT_AN_END:  # a log that began alike went on here, in a part that must stay what it is
            self._journal.cut(part.cut for part in parts)
        self._journal.answer(part.cut for part in parts)
        self.known += sum(part.requests() for part in parts)

    def _pass(self, part: Part) -> Iterator[Part]:
        """A part that ended here before: answered, in another of the logs, or left over by a run that was stopped."""
        if part.cut in self._taken or self._is_answered(part):
            self.known += part.requests()
        else:
            self._taken.add(part.cut)
            yield part

    def _is_answered(self, part: Part) -> bool:
        """A new key may be a detector's next one, or that of a service that was set up anew: it is asked once."""
        if self._journal.is_answered(part.cut):
            return True
        if self._is_new_here or not self._journal.is_answered_to_another_key(part.cut):
            return False
        self._is_new_here = not self._is_stored(part)
        if not self._is_new_here:
            self._journal.adopt()
        return not self._is_new_here

    def _end(self, days: Iterable[Day]) -> Iterator[Part]:
        ended = [day.end_part(day.cut()) for day in sorted(days, key=lambda each: each.day) if day.sums]
        parts = [part for part in ended if not self._journal.is_answered(part.cut)]  # the beginning of a longer log
        self.known += sum(part.requests() for part in ended) - sum(part.requests() for part in parts)
        self._journal.cut(part.cut for part in parts)
        self._taken.update(part.cut for part in parts)
        yield from parts

    def _put_aside(self, specimen: Specimen) -> None:
        self.malformed[specimen.reason] += 1
        if self.malformed[specimen.reason] <= _SPECIMENS:
            self.specimens[specimen.reason].append(specimen)
