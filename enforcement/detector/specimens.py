"""A line that could not be read, as somebody may see it: no control characters, and nothing that is nobody's business.

Broken lines are broken anywhere, so what looks like an address, a name or a secret goes, whatever it was.
"""

import re
from typing import NamedTuple

_SEEN = 400  # characters that are looked at
_SHOWN = 120
_HIDDEN: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r'("[^"]*(?:user|account|key|token|auth|secret|cookie|mail|pass)[^"]*"\s*:\s*)(?:"[^"]*"?|[^\s",}]+)',
                re.IGNORECASE), r"\1<hidden>"),
    (re.compile(r"^(\S+ \S+ ).+?(?= \[)"), r"\1<user>"),
    (re.compile(r"(?i)\b(bearer|basic)\s+\S+"), r"\1 <hidden>"),
    (re.compile(r"[^\s\"'<>=,;:]+@[^\s\"'<>,;]+"), "<mail>"),
    (re.compile(r"\?[^\s\"]+"), "?<query>"),
    (re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|(?i:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|[0-9a-f:]*::[0-9a-f:]*)"),
                "<address>"),
    (re.compile(r"[A-Za-z0-9+_=~-]{16,}"), "<long word>"),
)  # fmt: skip


class Specimen(NamedTuple):
    """A line that could not be read, and where it stands."""

    log: str
    number: int
    reason: str
    raw: bytes

    def __str__(self) -> str:
        return f"{self.log}, line {self.number:,}: {shown(self.raw)}"


def shown(raw: bytes) -> str:
    text = raw[:_SEEN].decode("utf-8", "backslashreplace")
    for pattern, instead in _HIDDEN:
        text = pattern.sub(instead, text)
    escaped = "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)
    return escaped if len(escaped) <= _SHOWN and len(raw) <= _SEEN else f"{escaped[:_SHOWN]}…"
