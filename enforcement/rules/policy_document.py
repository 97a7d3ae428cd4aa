"""A policy document as text, read into strings, lists, maps and null, and nothing else that YAML knows.

YAML 1.1 reads `NO` as false and `1_0` as ten, lets the last of two equal keys win, and lets ten lines of
aliases grow to gigabytes; here scalars stay strings, duplicate keys are errors, and anchors, aliases and
tags are refused.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

MAX_CHARACTERS = 256 * 1024
MAX_DEPTH = 12

Tree: TypeAlias = "str | list[Tree] | dict[str, Tree] | None"


@dataclass(frozen=True, slots=True)
class PolicyError:
    """One thing that is wrong, and where: `territories.supported[3]`; the path "" is the document itself."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class Unreadable(Exception):
    """The text is no document at all; the message says where it breaks."""


class _Pairs(list[tuple[str, Any]]):
    """A map as it is written, so that a key which stands twice can be told."""


def read_document(text: str) -> tuple[Tree, list[PolicyError]]:
    """Read YAML or JSON text; returns the tree and one error for each duplicate key, or raises Unreadable."""
    if len(text) > MAX_CHARACTERS:
        raise Unreadable(f"The document is longer than {MAX_CHARACTERS} characters.")
    errors: list[PolicyError] = []
    return _plain(_parse(text), "", errors), errors


def under(path: str, key: str) -> str:
    """The path of a member; a key that would not print is quoted."""
    shown = key if key and len(key) <= 64 and key.isprintable() else repr(key[:64])
    return f"{path}.{shown}" if path else shown


def _parse(text: str) -> Any:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(
                text, object_pairs_hook=_Pairs, parse_int=str, parse_float=str, parse_constant=_no_constant
            )
        except (ValueError, RecursionError):
            pass  # a YAML map may begin with a brace too, and its reader says where the text breaks
    return _parse_yaml(text)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _plain(raw: Any, path: str, errors: list[PolicyError], depth: int = 0) -> Tree:
    if depth > MAX_DEPTH:
        raise Unreadable(f"The document is nested more than {MAX_DEPTH} deep.")
    if isinstance(raw, _Pairs):
        return _plain_map(raw, path, errors, depth)
    if isinstance(raw, list):
        return [_plain(each, f"{path}[{i}]", errors, depth + 1) for i, each in enumerate(raw)]
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return None if raw is None else str(raw)


def _plain_map(pairs: _Pairs, path: str, errors: list[PolicyError], depth: int) -> dict[str, Tree]:
    found: dict[str, Tree] = {}
    for key, value in pairs:
        where = under(path, key)
        if key in found:
            errors.append(PolicyError(where, "stands twice; each key may be given once"))
        else:
            found[key] = _plain(value, where, errors, depth + 1)
    return found


# -- YAML, event by event: below the point where it would guess at types -------------------------------------


def _parse_yaml(text: str) -> Any:
    try:
        return _document(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Unreadable(f"The document is no YAML{where}: {error.problem or error.context}.") from None
    except yaml.YAMLError as error:
        raise Unreadable(f"The document is no YAML: {str(error).splitlines()[0]}.") from None


def _document(events: Iterator[yaml.Event]) -> Any:
    found: Any = None
    documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise Unreadable(f"The text holds a second document{_at(event)}; a policy is one.")
            found = _node(events, next(events), 0)
    return found


def _node(events: Iterator[yaml.Event], event: yaml.Event, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise Unreadable(f"The document is nested more than {MAX_DEPTH} deep{_at(event)}.")
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise Unreadable(f"Anchors and aliases are not read{_at(event)}; write the value out.")
    if getattr(event, "tag", None) is not None:
        raise Unreadable(f"Tags are not read{_at(event)}; every value is plain text.")
    if isinstance(event, yaml.ScalarEvent):
        return None if event.style is None and event.value in ("", "~", "null") else event.value
    if isinstance(event, yaml.SequenceStartEvent):
        return _sequence(events, depth)
    return _mapping(events, depth)


def _sequence(events: Iterator[yaml.Event], depth: int) -> list[Any]:
    found = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        found.append(_node(events, event, depth + 1))
    return found


def _mapping(events: Iterator[yaml.Event], depth: int) -> _Pairs:
    found = _Pairs()
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        if not isinstance(event, yaml.ScalarEvent):
            raise Unreadable(f"A key is not plain text{_at(event)}.")
        _node(events, event, depth)  # a key has no anchor and no tag either
        found.append((event.value, _node(events, next(events), depth + 1)))
    return found


def _at(event: yaml.Event) -> str:
    return f" at line {event.start_mark.line + 1}" if event.start_mark else ""
