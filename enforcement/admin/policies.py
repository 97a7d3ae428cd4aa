"""Policy versions: the document word for word, and what it says in short."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from enforcement.admin.display import column, duration, label, person, shown
from enforcement.admin.pages import Section, Table, given
from enforcement.admin.reading import ReadOnlyAdmin
from enforcement.models import PolicyVersion
from enforcement.rules.policy import Policy, PolicyRefused
from enforcement.rules.policy_parts import Ladder, Rule


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnlyAdmin):
    why_read_only = (
        "A version never changes. Two people put another one into force, one of them a lead: "
        "./run manage load_policy FILE --activate --by NAME --by NAME"
    )
    list_display = (
        column("Policy", lambda version: version.name),
        column("Version", lambda version: version.pk),
        column("Status", lambda version: label(version.status)),
        column("Proposed by", lambda version: version.proposed_by),
        column("Approved by", lambda version: version.approved_by),
        column("Activated", lambda version: version.activated_at),
        column("Retired", lambda version: version.retired_at),
        column("Handed in", lambda version: version.created_at),
    )
    list_select_related = ("proposed_by", "approved_by")

    def sections(self, request: HttpRequest, row: PolicyVersion) -> list[Section]:
        document = Section("Document", note=format_html('<pre class="ae-words">{}</pre>', shown(row.document)))
        return [*_summary(row), document, _version(row)]


def _version(version: PolicyVersion) -> Section:
    return Section(
        "Version",
        pairs=given(
            ("Name", version.name),
            ("Version", version.pk),
            ("Status", label(version.status)),
            ("Handed in", version.created_at),
            ("Proposed by", person(version.proposed_by) if version.proposed_by else None),
            ("Approved by", person(version.approved_by) if version.approved_by else None),
            ("Activated", version.activated_at),
            ("Retired", version.retired_at),
            ("SHA-256", bytes(version.digest).hex()),
        ),
        aside=True,
    )


def _summary(version: PolicyVersion) -> list[Section]:
    try:
        policy = version.rules
    except PolicyRefused as refused:  # stored by a release that read it otherwise
        return [Section("In short", note=f"This release cannot read the document: {refused}")]
    return [_rules(policy), _kinds(policy), _territories(policy), _ladder(policy.ladder)]


def _rules(policy: Policy) -> Section:
    rows = [
        (rule.name, words, _conditions(rule), rule.automation or policy.ladder.warn.automation if asks else "a person")
        for rules, words, asks in ((policy.qualifies, "warns", True), (policy.review, "opens a review", False))
        for rule in rules
    ]
    return Section("Rules, in order", table=Table(("Rule", "What it does", "Holds if", "Decided by"), rows))


def _conditions(rule: Rule) -> list[str]:
    return [f"{name.replace('_', ' ')} {_threshold(value)}" for name, value in rule.conditions.items()]


def _threshold(value: Any) -> str:
    return duration(value) if hasattr(value, "total_seconds") else f"{value}"


def _kinds(policy: Policy) -> Section:
    rows = [
        (name, kind.points, f"per {kind.per}", kind.cap, kind.sources, kind.corroborates)
        for name, kind in policy.evidence.kinds.items()
    ]
    headers = ("Signal kind", "Points", "Counted", "Cap", "Sources", "Corroborates")
    return Section("What scores", table=Table(headers, rows))


def _territories(policy: Policy) -> Section:
    places = policy.territories
    return Section(
        "Territories",
        pairs=[
            ("Supported", f"{len(places.supported)} countries"),
            ("Supported parts", _codes(places.supported_subdivisions)),
            ("Excepted", _codes(places.excepted)),
            ("Unresolved", _codes(places.unresolved)),
            ("Sanctioned", _codes(places.sanctioned)),
            ("Inherit", [f"{child} from {parent}" for child, parent in sorted(places.inherits.items())]),
            ("At the edge", policy.edge.replace("_", " ")),
            ("Evidence of the last", duration(policy.evidence.window)),
        ],
        aside=True,
    )


def _codes(codes: Iterable[str]) -> list[str]:
    return sorted(codes)


def _ladder(ladder: Ladder) -> Section:
    later = [("After a restriction", ladder.restriction), ("After a suspension", ladder.suspension)]
    return Section(
        "Ladder",
        pairs=[
            ("Notice", duration(ladder.warn.notice)),
            ("Reminders before", [duration(each) for each in ladder.warn.reminders]),
            ("At the deadline", f"{ladder.deadline.step.replace('_', ' ')} ({ladder.deadline.automation})"),
            *((name, f"{rung.step} after {duration(rung.after)} ({rung.automation})") for name, rung in later if rung),
            ("Cure", f"after {duration(ladder.cure.quiet)} without traffic" if ladder.cure else "none"),
            ("Persons", f"steps beyond the warning: {ladder.persons}"),
        ],
        aside=True,
    )
