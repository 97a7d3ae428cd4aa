"""The facts behind a score or a decision, as parts of a page."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils.html import format_html, format_html_join

from enforcement.admin.display import visible
from enforcement.admin.pages import Section, table_section
from enforcement.models import Account, Score

_NUMBERS = {
    "requests": "Requests",
    "unsupported_requests": "Unsupported",
    "unknown_requests": "Unknown place",
    "unresolved_requests": "Unresolved",
    "contested_requests": "Contested",
}
_MOMENTS = {"first_seen": "First seen", "last_seen": "Last seen"}
_COLUMNS = {
    "Key": "credential",
    "Territory": "territory",
    "Network": "network_class",
    "Requests": "requests",
    "Days": "days",
}
_MOST = 100  # an account with thousands of keys still has a page

TOLD, NOW, DECIDED = "as told to the account", "as known now", "as the decision found them"


def facts_sections(facts: Mapping[str, Any], seen: str) -> list[Section]:
    """Why and what: the lines of the score, its numbers, and the table that a memo tells; `seen` says as of when."""
    if not facts:
        return [Section("Facts", note="No facts are stored: nothing was scored yet.")]
    return [_why(facts, seen), table_of(facts, seen), numbers_section(facts)]


def told_sections(facts: Mapping[str, Any], seen: str) -> list[Section]:
    """The same, folded: for a page that tells first what is known now."""
    return [replace(each, folded=True) for each in (_why(facts, seen), table_of(facts, seen))] if facts else []


def numbers_section(facts: Mapping[str, Any]) -> Section:
    return Section("In numbers", pairs=_pairs(facts), aside=True)


def _why(facts: Mapping[str, Any], seen: str) -> Section:
    return Section(f"Why: {facts.get('points', '0.00')} points, {seen}", note=lines_of(facts))


def lines_of(facts: Mapping[str, Any]) -> Any:
    lines = facts.get("lines") or ["Nothing counts."]
    items = format_html_join("", "<li>{}</li>", ((visible(each),) for each in lines))
    return format_html('<ul class="ae-lines">{}</ul>', items)


def table_of(facts: Mapping[str, Any], seen: str) -> Section:
    rows = [[row[name] for name in _COLUMNS.values()] for row in facts.get("rows") or []]
    found = table_section(f"Facts, {seen}", tuple(_COLUMNS), rows[:_MOST], none="No request counts.")
    return (
        found
        if len(rows) <= _MOST
        else replace(found, note=f"The first {_MOST} of {len(rows):,}, most requests first.")
    )


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


def score_of(account: Account) -> Score | None:
    """The last assessment; an account that was never assessed has none."""
    return getattr(account, "score", None)


def points_of(account: Account) -> str | None:
    score = score_of(account)
    return f"{score.points:.2f}" if score else None
