"""The class of network that an address belongs to, from lists of CIDR blocks. The longest prefix wins."""

import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path

CLASSES = ("residential", "mobile", "business", "hosting", "edge", "vpn", "tor", "cgnat")

_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b", re.ASCII)
Block = ipaddress.IPv4Network | ipaddress.IPv6Network


class ListRefused(Exception):
    """A list of networks that cannot be read; the sentence names file and line."""


class Networks:
    """`lists` are pairs of class and file; of two lists with the same block the later one decides.

    A list may say of which day it is, in a comment before its first block or in its name: `dates` has that of each
    class, the oldest of its lists.
    """

    def __init__(self, lists: Iterable[tuple[str, Path]]) -> None:
        self._blocks: dict[tuple[int, int], dict[int, str]] = defaultdict(dict)
        self.dates: dict[str, date] = {}
        for network_class, file in lists:
            # Whatever the encoding, comments may hold anything; a block with another character in it is refused as
            # what it is.
            lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
            for block in _blocks(file, lines):
                self._blocks[block.version, block.prefixlen][int(block.network_address)] = network_class
            if found := _date(file, lines):
                self.dates[network_class] = min(found, self.dates.get(network_class, found))
        self._lengths = {version: _longest_first(self._blocks, version) for version in (4, 6)}
        self.class_of = lru_cache(maxsize=65536)(self._class_of)

    def _class_of(self, ip: str) -> str:
        """The class, or "" where no list has the address."""
        address = ipaddress.ip_address(ip)
        number, width = int(address), address.max_prefixlen
        for length in self._lengths[address.version]:
            found = self._blocks[address.version, length].get(number >> (width - length) << (width - length))
            if found:
                return found
        return ""


def _longest_first(blocks: Iterable[tuple[int, int]], version: int) -> Sequence[int]:
    return sorted((length for each, length in blocks if each == version), reverse=True)


def _blocks(file: Path, lines: Iterable[str]) -> Iterable[Block]:
    for number, line in enumerate(lines, 1):
        block = line.partition("#")[0].strip()
        if not block:
            continue
        try:
            yield ipaddress.ip_network(block, strict=False)
        except ValueError:
            raise ListRefused(f"{file}, line {number}: {block!r} is no CIDR block") from None


def _date(file: Path, lines: Iterable[str]) -> date | None:
    texts = [file.name]
    for line in lines:
        if not line.lstrip().startswith("#"):
            break
        texts.append(line)
    for text in _DATE.findall(" ".join(texts)):
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ListRefused(f"{file}: {text} is no day of the calendar") from None
    return None
