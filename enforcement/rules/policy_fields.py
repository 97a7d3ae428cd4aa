"""Reading a policy document value by value: what is wrong is noted under its path, and reading goes on."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar
from urllib.parse import urlsplit

from enforcement.rules.durations import parse_duration
from enforcement.rules.policy_document import PolicyError, Tree, under
from enforcement.rules.policy_parts import Automation

T = TypeVar("T")
Reader = Callable[[Tree], T]

# No underscores, no digits but ASCII's, no NaN. Bounded, so that all sums and products of a score stay exact.
_NUMBER = re.compile(r"-?[0-9]{1,32}(\.[0-9]{1,32})?([eE][+-]?[0-9]{1,2})?")
_MOST, _PLACES = Decimal(10) ** 15, 18


class Wrong(Exception):
    """A value cannot be read; the message says why, the section knows where."""


class Section:
    """One map of the document."""

    def __init__(self, tree: Tree, path: str, errors: list[PolicyError], given: bool = True) -> None:
        self.path = path
        self._errors = errors
        self._members = tree if isinstance(tree, dict) else {}
        self._known: list[str] = []
        self.is_map = given and isinstance(tree, dict)
        if given and not isinstance(tree, dict):
            self.refuse("", f"must be a map, not {_describe(tree)}")

    def refuse(self, name: str, message: str) -> None:
        self._errors.append(PolicyError(under(self.path, name) if name else self.path, message))

    def __contains__(self, name: str) -> bool:
        return self._members.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def required(self, name: str, read: Reader[T], stand_in: T) -> T:
        """The member; `stand_in` takes its place in a document that is refused anyway."""
        self._known.append(name)
        if name in self._members:
            return self._read(name, read, stand_in)
        if self.is_map:  # of a section that is missing, the section is the error
            self.refuse(name, "is required")
        return stand_in

    def optional(self, name: str, read: Reader[T], default: T) -> T:
        self._known.append(name)
        return self._read(name, read, default) if name in self._members else default

    def nullable(self, name: str, read: Reader[T]) -> T | None:
        """The member, None where it is null or not given."""
        self._known.append(name)
        return self._read(name, read, None) if name in self else None

    def list_of(self, name: str, read: Reader[T], required: bool = False) -> list[tuple[int, T]]:
        """What can be read of a list, with its places; a member that cannot is refused under its own path."""
        take, read_list = (self.required, a_filled_list) if required else (self.optional, a_list)
        members: list[Tree] = take(name, read_list, [])
        found = []
        for i, each in enumerate(members):
            try:
                found.append((i, read(each)))
            except Wrong as wrong:
                self.refuse(f"{name}[{i}]", str(wrong))
        return found

    def _read(self, name: str, read: Reader[T], stand_in: T) -> T:
        try:
            return read(self._members[name])
        except Wrong as wrong:
            self.refuse(name, str(wrong))
            return stand_in

    @contextmanager
    def section(self, name: str, required: bool = False) -> Iterator["Section"]:
        """A map inside; its unknown keys are refused when it has been read."""
        self._known.append(name)
        given = name in self._members
        if required and self.is_map and not given:
            self.refuse(name, "is required")
        found = Section(self._members.get(name), under(self.path, name), self._errors, given)
        yield found
        found.close()

    @contextmanager
    def nullable_section(self, name: str) -> Iterator["Section | None"]:
        """A map inside, None where it is null or not given."""
        if name not in self:
            self._known.append(name)
            yield None
            return
        with self.section(name) as found:
            yield found

    def sections(self, name: str, required: bool = False) -> Iterator["Section"]:
        """The maps of a list inside, one after the other."""
        take = self.required if required else self.optional
        members: list[Tree] = take(name, a_list, [])
        for i, each in enumerate(members):
            found = Section(each, f"{under(self.path, name)}[{i}]", self._errors)
            yield found
            found.close()

    def close(self) -> None:
        """Refuse what nobody asked for."""
        for name in self._members:
            if name not in self._known:
                self.refuse(name, f"is not known here; known are {', '.join(self._known)}")


def _describe(tree: Tree) -> str:
    if tree is None:
        return "empty"
    return "a list" if isinstance(tree, list) else "a map" if isinstance(tree, dict) else repr(tree)


# -- readers -------------------------------------------------------------------------------------------------


def a_list(tree: Tree) -> list[Tree]:
    if not isinstance(tree, list):
        raise Wrong(f"must be a list, not {_describe(tree)}")
    return tree


def a_filled_list(tree: Tree) -> list[Tree]:
    members = a_list(tree)
    if not members:
        raise Wrong("must not be empty")
    return members


def plain(tree: Tree) -> str:
    if not isinstance(tree, str):
        raise Wrong(f"must be a single value, not {_describe(tree)}")
    return tree


def name(longest: int) -> Reader[str]:
    """Words that people read: something, printable, no blank at either end."""

    def read(tree: Tree) -> str:
        words = plain(tree)
        if not words or words != words.strip() or not words.isprintable():
            raise Wrong(f"{words!r} must be printable text without blanks at its ends")
        if len(words) > longest:
            raise Wrong(f"is longer than {longest} characters")
        return words

    return read


def web_address(tree: Tree) -> str:
    address = name(500)(tree)
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in address
    except ValueError:
        good = False
    if not good:
        raise Wrong(f"{address!r} is not an http or https address")
    return address


def choice(*words: T) -> Reader[T]:
    def read(tree: Tree) -> T:
        for word in words:
            if tree == word:
                return word
        raise Wrong(f"must be {' or '.join(map(str, words))}, not {_describe(tree)}")

    return read


automation: Reader[Automation] = choice("auto", "held")


def flag(tree: Tree) -> bool:
    return choice("true", "false")(tree) == "true"


def number(least: int | None = None, above: int | None = None, most: int | None = None) -> Reader[Decimal]:
    """An exact number; `least` and `most` are included, `above` is not."""

    def read(tree: Tree) -> Decimal:
        written = plain(tree)
        if not _NUMBER.fullmatch(written):
            raise Wrong(f"{written!r} is not a number")
        value = Decimal(written) or Decimal(0)
        if not -_MOST < value < _MOST or int(value.as_tuple().exponent) < -_PLACES:
            raise Wrong(f"{written} has more than 15 digits before or 18 behind the point")
        if least is not None and value < least:
            raise Wrong(f"must be at least {least}, not {written}")
        if above is not None and value <= above:
            raise Wrong(f"must be above {above}, not {written}")
        if most is not None and value > most:
            raise Wrong(f"must be at most {most}, not {written}")
        return value

    return read


def whole_number(least: int) -> Reader[int]:
    def read(tree: Tree) -> int:
        value = number(least)(tree)
        if value != value.to_integral_value():
            raise Wrong(f"must be a whole number, not {tree}")
        return int(value)

    return read


def duration(tree: Tree) -> timedelta:
    """Elapsed time above zero."""
    length = _duration(tree)
    if not length:
        raise Wrong("must be longer than nothing")
    return length


def duration_or_nothing(tree: Tree) -> timedelta:
    return _duration(tree)


def _duration(tree: Tree) -> timedelta:
    try:
        return parse_duration(plain(tree))
    except ValueError as error:
        raise Wrong(str(error)) from None


def whole_days(tree: Tree) -> int:
    length = duration(tree)
    if length % timedelta(days=1):
        raise Wrong(f"must be whole days, not {tree}")
    return length.days
