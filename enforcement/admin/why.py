"""Why a case is there: what counts, what was seen and does not count, and how each rule stands."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Model
from django.utils.html import format_html, format_html_join

from enforcement.admin.display import address_of_list, duration, link, moment
from enforcement.admin.pages import Section, Table, table_section
from enforcement.models import Account, DayTally, Evidence
from enforcement.rules.outcomes import Condition, RuleResult
from enforcement.rules.score_lines import ScoreLine
from enforcement.rules.scoring import Score
from enforcement.services.explanations import Explanation

APART = {
    "contested_requests": "Contested: sources disagree about the same traffic",
    "unresolved_requests": "Unresolved: from a place that the list cannot decide",
    "unknown_requests": "Unknown: without an assigned territory",
}
_ASKED = {
    "min_points": "points",
    "min_requests": "requests, each weighed",
    "min_share": "of the traffic",
    "min_days": "days with such traffic",
    "min_weeks": "weeks with such traffic",
    "min_kinds": "kinds of signal",
    "min_sources": "sources",
}


def why_sections(account: Account, found: Explanation, score: Score) -> list[Section]:
    return [_counts(account, found, score), _not_counted(account, score)]


def _counts(account: Account, found: Explanation, score: Score) -> Section:
    lines = [line for line in score.lines if line.counted]
    rows = [(f"{line.points:.2f}", line.text, _evidence(account, line)) for line in lines]
    title = f"Why: {score.points:.2f} points"
    section = table_section(title, ("Points", "What counts", "Evidence"), rows, none="Nothing counts.")
    return Section(section.title, table=section.table, note=_as_of(found, section.note))


def _as_of(found: Explanation, nothing: str) -> Any:
    """Which rules say so, and as of when."""
    since = (
        format_html(" Only what was observed after {} counts: an earlier case was closed then.", moment(found.since))
        if found.since
        else ""
    )
    return format_html(
        '{} <p class="ae-quiet">By {}, as of {}.{}</p>', nothing, link(found.version), moment(found.at), since
    )


def _evidence(account: Account, line: ScoreLine) -> Any:
    """The rows and the day sums behind a line."""
    narrowed = {"kind": line.kind}
    if line.network_class:
        narrowed["network"] = line.network_class
    if len(line.territories) == 1:
        narrowed["territory"] = line.territories[0]
    return rows_and_days(account, **narrowed)


def rows_and_days(account: Account, **narrowed: str) -> Any:
    return format_html("{} · {}", *(_list(noun, words, account, **narrowed) for noun, words in _NOUNS))


_NOUNS: tuple[tuple[type[Model], str], ...] = ((Evidence, "rows"), (DayTally, "days"))


def _list(noun: type[Model], words: str, account: Account, **narrowed: str) -> Any:
    address = address_of_list(noun, q=account.external_id, **narrowed)
    return format_html('<a class="ae-link" href="{}">{}</a>', address, words)


# -- what does not count -----------------------------------------------------------------------------------------


def _not_counted(account: Account, score: Score) -> Section:
    rows: list[tuple[Any, ...]] = [
        (f"{getattr(score, name):,}", words, rows_and_days(account))
        for name, words in APART.items()
        if getattr(score, name)
    ]
    silent = [line for line in score.lines if not line.counted and line.network_class]
    rows += [(f"{line.count:,}", line.text, _evidence(account, line)) for line in silent]
    headers = ("Requests", "What does not count against the account", "Evidence")
    return table_section(
        "Seen, but not counted", headers, rows, none="Nothing is contested, unresolved or of an unknown place."
    )


# -- rules -------------------------------------------------------------------------------------------------------


def rules_section(found: Explanation, score: Score) -> Section:
    """How each rule stands, with what it asks beside what was found."""
    rows = [(_holds(each.met), each.rule, _brings(each), _conditions(each, found.at)) for each in found.results]
    note = (
        "Traffic from a sanctioned territory was seen: this case is for counsel, whatever the rules below say."
        if score.sanctioned
        else ""
    )
    return Section("Rules, in their order", table=Table(("Holds", "Rule", "Brings", "Conditions"), rows), note=note)


def _brings(result: RuleResult) -> str:
    return "a warning" if result.of == "qualifies" else "a review"


def _holds(met: bool) -> Any:
    return format_html(
        '<span class="ae-met ae-met-{}">{}</span>', "yes" if met else "no", "holds" if met else "does not"
    )


def _conditions(result: RuleResult, at: datetime) -> Any:
    drawn = ((_mark(each.met), _words(each, at)) for each in result.conditions)
    return format_html('<ul class="ae-conditions">{}</ul>', format_html_join("", "<li>{} {}</li>", drawn))


def _mark(met: bool) -> Any:
    """The sign is drawn by the style sheet; who hears the page hears the word."""
    word, sign = ("met:", "yes") if met else ("not met:", "no")
    return format_html('<span class="ae-met ae-met-{}"><span class="ae-unseen-label">{}</span></span>', sign, word)


def _words(each: Condition, at: datetime) -> Any:
    """What was asked, and what was found."""
    if isinstance(each.threshold, timedelta):
        last = moment(each.value) if isinstance(each.value, datetime) else "never"
        return format_html("seen within {}; last {}", duration(each.threshold), last)
    found = each.value if isinstance(each.value, Decimal | int) else 0
    if each.name == "min_share":
        return f"at least {_percent(each.threshold)} {_ASKED[each.name]}; found {_percent(found)}"
    return f"at least {_number(each.threshold)} {_ASKED[each.name]}; found {_number(found)}"


def _number(value: Decimal | int) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".removesuffix(".00")


def _percent(share: Decimal | int) -> str:
    """As exactly as the backtest prints it."""
    return f"{_number(round(Decimal(share) * 100, 2))} %"
