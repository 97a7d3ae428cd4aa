"""What detectors saw, row by row and summed by day."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from enforcement.admin.display import column, label, link, shown
from enforcement.admin.lists import ByAccount
from enforcement.admin.narrowing import NARROWED
from enforcement.admin.pages import Section
from enforcement.admin.reading import ReadOnlyAdmin
from enforcement.models import DayTally, Evidence, Retraction

_WHY = "Evidence is a detector's word. It is never edited; the detector withdraws what was wrong."


def place(row: Any) -> str:
    """The territory as it was received."""
    return " ".join(each for each in (row.country, row.subdivision) if each) or "?"


_ABOUT = (
    column("Account", lambda row: link(row.account, row.account.external_id)),
    column("Kind", lambda row: row.kind),
    column("Territory", place),
    column("Network", lambda row: row.network_class or "unknown"),
    column("Key", lambda row: row.credential),
)
_END = (column("Requests", lambda row: _requests(row)), column("Source", lambda row: _source(row)))


def _requests(row: Any) -> Any:
    """What does not count says why."""
    why = ["refused"] * row.refused + ["withdrawn"] * (getattr(row, "retracted_at", None) is not None)
    labels = format_html_join(" ", "{}", ((label(word),) for word in why))
    return format_html("{} {}", shown(row.requests), labels) if why else row.requests


def _source(row: Any) -> Any:
    return format_html('{}<br><span class="ae-quiet">{}</span>', shown(row.source), shown(row.detector.name))


def _about(row: Any) -> list[tuple[str, Any]]:
    return [
        ("Account", link(row.account)),
        ("Detector", link(row.detector)),
        ("Kind", row.kind),
        ("Country", row.country),
        ("Subdivision", row.subdivision),
        ("Network class", row.network_class or "unknown"),
        ("Key", row.credential),
        ("Source", row.source),
        ("Outcome", "refused" if row.refused else "served"),
    ]


@admin.register(Evidence)
class EvidenceAdmin(ByAccount, ReadOnlyAdmin):
    why_read_only = _WHY
    list_display = (column("Observed", lambda row: row.observed_at), *_ABOUT, *_END)
    list_filter = NARROWED
    list_select_related = ("account", "detector")
    newest_of_account = (F("observed_at"), F("pk"))

    def sections(self, request: HttpRequest, row: Evidence) -> list[Section]:
        return [
            Section("Evidence", pairs=[("Id of the detector", row.external_id), *_about(row)]),
            *([_withdrawn(row.retraction)] if row.retraction else []),
            Section("What it says", pairs=_said(row)),
            Section("Details", note=_details(row.details)),
        ]


def _withdrawn(retraction: Retraction) -> Section:
    pairs = [("Withdrawn", retraction.retracted_at), ("Because", retraction.reason)]
    return Section("Withdrawn by its detector: it counts nowhere", pairs=pairs)


def _said(row: Evidence) -> list[tuple[str, Any]]:
    return [
        ("Observed", row.observed_at),
        ("Until", row.observed_until),
        ("Received", row.received_at),
        ("Requests", row.requests),
        ("Confidence", row.confidence),
        ("Address", row.ip),
        ("Autonomous system", str(row.asn) if row.asn is not None else None),
        ("End user (hash)", row.end_user),
        ("Digest of the body", bytes(row.body_digest).hex()),
    ]


def _details(details: Any) -> Any:
    if details is None:
        return "None were sent."
    text = json.dumps(details, indent=2, ensure_ascii=False, sort_keys=True)
    return format_html('<pre class="ae-words">{}</pre>', shown(text))


@admin.register(DayTally)
class DayTallyAdmin(ByAccount, ReadOnlyAdmin):
    why_read_only = "Day tallies are summed from evidence, and can be rebuilt from it."
    list_display = (column("Day", lambda row: row.day), *_ABOUT, column("Items", lambda row: row.items), *_END)
    list_filter = NARROWED
    list_select_related = ("account", "detector")
    newest_of_account = (F("day"), F("pk"))

    def sections(self, request: HttpRequest, row: DayTally) -> list[Section]:
        return [Section("Day tally", pairs=[("Day", row.day), *_about(row)]), Section("Sums", pairs=_sums(row))]


def _sums(row: DayTally) -> list[tuple[str, Any]]:
    return [
        ("Items", row.items),
        ("Requests", row.requests),
        ("Items, weighed by confidence", row.weighted_items),
        ("Requests, weighed by confidence", row.weighted_requests),
        ("Highest confidence", row.confidence),
        ("First", row.first_at),
        ("Last", row.last_at),
    ]
