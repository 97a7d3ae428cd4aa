"""Why a case is there when its evidence is too much to score while somebody waits: what was found when it last was."""

from typing import Any

from django.utils.html import format_html

from enforcement.admin.case_file import CaseFile
from enforcement.admin.display import link, moment
from enforcement.admin.facts import lines_of, score_of
from enforcement.admin.heat import in_part
from enforcement.admin.pages import Section, table_section
from enforcement.admin.why import APART, rows_and_days
from enforcement.models import Decision
from enforcement.rules.transitions import State
from enforcement.services.explanations import Explanation
from enforcement.services.heaviest import MOST_SCORED

ASSESSED, CLOSED = "as last assessed", "as the last decision found them"


def last_known(file: CaseFile) -> tuple[dict[str, Any], str]:
    """The facts that are stored, and as of when: of a case that is over those of its last decision."""
    decision = _last_decision(file)
    if decision:
        return decision.facts, CLOSED
    score = score_of(file.case.account)
    return (score.facts if score else {}), ASSESSED


def _last_decision(file: CaseFile) -> Decision | None:
    applied = [each for each in file.decisions if each.status == Decision.Status.APPLIED and each.facts]
    return applied[-1] if applied and file.case.state == State.CLOSED else None


def stored_sections(file: CaseFile, found: Explanation) -> list[Section]:
    facts, seen = last_known(file)
    note = format_html('{}<p class="ae-quiet">{}</p>', lines_of(facts), _as_of(file, found))
    return [Section(f"Why: {facts.get('points', '0.00')} points, {seen}", note=note), _apart(file, facts)]


def _as_of(file: CaseFile, found: Explanation) -> Any:
    """Which rules said so and when, and why they are not asked again here."""
    size = in_part(found).partition(" of ")[2]
    why = f"There are {size} in the window; a page scores {MOST_SCORED:,} at most."
    decision, score = _last_decision(file), score_of(file.case.account)
    if decision:
        return format_html("As of {}. {}", moment(decision.settled_at or decision.decided_at), why)
    if score is None:
        return f"Nothing was assessed yet. {why}"
    held = f"Rule {score.rule} held" if score.rule else "No rule held"
    return format_html("{} by {}, as of {}. {}", held, link(score.policy), moment(score.assessed_at), why)


def _apart(file: CaseFile, facts: dict[str, Any]) -> Section:
    doors = rows_and_days(file.case.account)
    rows = [(f"{facts[name]:,}", words, doors) for name, words in APART.items() if facts.get(name)]
    headers = ("Requests", "What does not count against the account", "Evidence")
    return table_section("Seen, but not counted", headers, rows, none="Nothing is contested, unresolved or unknown.")
