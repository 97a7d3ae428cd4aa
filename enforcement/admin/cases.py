"""The queue, and the page of one case."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Exists, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join

from enforcement.admin.buttons import case_buttons
from enforcement.admin.case_file import CaseFile, load
from enforcement.admin.clocks import act_on_clock, clock_buttons
from enforcement.admin.display import column, in_words, label, link, moment, shown
from enforcement.admin.exemptions import exempt_buttons
from enforcement.admin.keyset import Order
from enforcement.admin.lists import SortChoice
from enforcement.admin.pages import Button, Section
from enforcement.admin.queue import (
    APPEALED,
    HELD,
    MOST_ACCOUNTS,
    SORTS,
    STOPPED,
    StateFilter,
    WaitsFilter,
    order_of,
    search,
)
from enforcement.admin.reading import ReadOnlyAdmin, waiting_at
from enforcement.admin.sheet import case_sections
from enforcement.admin.steps import take_step
from enforcement.models import Case, Now


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    why_read_only = "A case changes by decisions only. Open it to take a step; each says what it does and asks why."
    list_display = (
        column("Case", lambda case: format_html('<span class="ae-nowrap">{}</span>', case.reference)),
        column("Account", lambda case: _account(case)),
        column("State", lambda case: label(case.outcome or case.state)),
        column("Waits for", lambda case: _waits(case)),
        column("Points", lambda case: f"{case.points:.2f}"),
        column("Rule", lambda case: case.rule),
        column("Due", lambda case: _due(case)),
    )
    list_filter = (StateFilter, WaitsFilter, SortChoice)
    sorts = SORTS
    list_select_related = ("account",)
    search_fields = ("reference",)  # draws the field; the search itself is below
    search_help_text = "Case, account id, or start of a name"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        return (
            super()
            .get_queryset(request)
            .annotate(is_held=Exists(HELD), is_appealed=Exists(APPEALED), is_stopped=Exists(STOPPED), at=Now())
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Case], search_term: str
    ) -> tuple[QuerySet[Case], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found, is_cut = search(queryset, term)
        if is_cut:
            messages.warning(request, f"Only the first {MOST_ACCOUNTS} accounts whose name begins so were looked at.")
        return found, False

    def order_of(self, request: HttpRequest, rows: QuerySet[Case], search: str) -> Order:
        sort = self.chosen_sort(request.GET.get("sort"))
        if sort == "next" and request.GET.get(WaitsFilter.parameter_name) in WaitsFilter.FIRST:
            sort = "deadline"  # all that is left waits: nothing has to be told apart from it, row by row
        return order_of(rows, state=request.GET.get("state", ""), sort=sort, search=search.strip())

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:case_id>/steps/<str:step>/", view(self.step), name="enforcement_case_step"),
            path("<int:case_id>/clock/<str:act>/", view(self.clock), name="enforcement_case_clock"),
            *super().get_urls(),
        ]

    def step(self, request: HttpRequest, case_id: int, step: str) -> HttpResponse:
        return take_step(request, self.admin_site, case_id, step)

    def clock(self, request: HttpRequest, case_id: int, act: str) -> HttpResponse:
        return act_on_clock(request, self.admin_site, case_id, act)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Case | None:
        try:
            file = load(Case._meta.pk.to_python(object_id))
        except (Case.DoesNotExist, ValidationError, ValueError, OverflowError):
            return None
        request.enforcement_file = file  # type: ignore[attr-defined]
        return file.case

    def heading(self, row: Case) -> Any:
        return format_html("{} {} <small>{}</small>", shown(row.reference), label(row.state), shown(str(row.account)))

    def sections(self, request: HttpRequest, row: Case) -> list[Section]:
        return case_sections(_file(request), now=waiting_at(request).now)

    def buttons(self, request: HttpRequest, row: Case) -> list[Button]:
        file = _file(request)
        return [
            *case_buttons(request, file),
            *clock_buttons(request, file),
            *exempt_buttons(request, file.case.account),
        ]


def _file(request: HttpRequest) -> CaseFile:
    """What `get_object` read: the page has more to say than the row."""
    file: CaseFile = request.enforcement_file  # type: ignore[attr-defined]
    return file


def _account(case: Case) -> Any:
    if not case.account.name:
        return link(case.account, case.account.external_id)
    return format_html('{}<br><span class="ae-quiet">{}</span>', link(case.account), shown(case.account.external_id))


def _waits(case: Any) -> Any:
    reasons = [
        *([label("approval", "primary")] if case.is_held else []),
        *([label("appeal", "info")] if case.is_appealed else []),
        *([label("stopped", "")] if case.is_stopped and not (case.is_held or case.is_appealed) else []),
    ]
    return format_html_join(" ", "{}", ((each,) for each in reasons))


def _due(case: Any) -> Any:
    if case.due_at is None:
        return None
    away = "stopped" if case.is_stopped else in_words(case.due_at, case.at)
    return format_html('{}<br><span class="ae-quiet">{}</span>', moment(case.due_at), away)
