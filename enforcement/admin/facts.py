"""The facts behind a score or a decision, as parts of a page."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.html import format_html, format_html_join

from enforcement.admin.display import visible
from enforcement.admin.reading import Section, table_section

_NUMBERS = {
    "requests": "Requests",
    "unsupported_requests": "Unsupported",
    "unknown_requests": "Unknown place",
    "unresolved_requests": "Unresolved",
    "contested_requests": "Contested",
}

_MOMENTS = {"first_seen": "First seen", "last_seen": "Last seen"}


TOLD, NOW, DECIDED = "as told to the account", "as known now", "as the decision found them"


def facts_sections(facts: Mapping[str, Any], seen: str) -> list[Section]:
    """Why and what: the lines of the score, its numbers, and the table that a memo tells; `seen` says as of when."""
    if not facts:
        return [Section("Facts", note="No facts are stored: nothing was scored yet.")]
    return [
        Section(f"Why: {facts.get('points', '0.00')} points, {seen}", note=_lines(facts)),
        table_section(f"Facts, {seen}", tuple(_COLUMNS), _rows(facts), none="No request counts."),
        Section("In numbers", pairs=_pairs(facts), aside=True),
    ]


def _lines(facts: Mapping[str, Any]) -> Any:
    lines = facts.get("lines") or ["Nothing counts."]
    items = format_html_join("", "<li>{}</li>", ((visible(each),) for each in lines))
    return format_html('<ul class="ae-lines">{}</ul>', items)


_COLUMNS = {
    "Key": "credential",
    "Territory": "territory",
    "Network": "network_class",
    "Requests": "requests",
    "Days": "days",
}


def _rows(facts: Mapping[str, Any]) -> list[list[Any]]:
    return [[row[name] for name in _COLUMNS.values()] for row in facts.get("rows") or []]


def _pairs(facts: Mapping[str, Any]) -> list[tuple[str, Any]]:
    territories = [f"{code} {requests:,}" for code, requests in facts.get("territories") or []]
    return [
        ("Rule", facts.get("rule")),
        ("Share", f"{float(facts.get('share') or 0):.2%}"),
        *((words, facts.get(name)) for name, words in _NUMBERS.items()),
        ("Territories", territories),
        ("Kinds", facts.get("kinds")),
        *((words, _moment(facts.get(name))) for name, words in _MOMENTS.items()),
    ]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def keys_in(facts: Mapping[str, Any]) -> list[str]:
    """The keys that the facts name, each once."""
    return list(dict.fromkeys(row["credential"] for row in facts.get("rows") or [] if row["credential"]))
