"""The queue, and the page of one case."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, F, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join

from enforcement.admin.buttons import case_buttons
from enforcement.admin.display import column, in_words, label, link, moment, shown
from enforcement.admin.facts import points_of
from enforcement.admin.pages import Button, Section
from enforcement.admin.reading import ReadOnlyAdmin
from enforcement.admin.sheet import case_sections, load
from enforcement.admin.steps import take_step
from enforcement.models import Appeal, Case, Decision, Now, Stop
from enforcement.rules.transitions import State
from enforcement.services import clock

_HELD = Decision.objects.filter(case=OuterRef("pk"), status=Decision.Status.HELD)
_APPEALED = Appeal.objects.filter(case=OuterRef("pk"), status=Appeal.Status.OPEN)
_STOPPED = Stop.objects.filter(case=OuterRef("pk"), ended_at=None)


class StateFilter(SimpleListFilter):
    """In progress unless something else is asked for: closed cases grow for ever."""

    title = "state"
    parameter_name = "state"
    ALL = "all"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((state.value, state.value) for state in State), (self.ALL, "all")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [first | {"display": "in progress"}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        if self.value() in list(State):
            return queryset.filter(state=self.value())
        # A person who searches wants what there is.
        return queryset if self.value() == self.ALL or request.GET.get("q") else queryset.exclude(state=State.CLOSED)


class WaitsFilter(SimpleListFilter):
    title = "what it waits for"
    parameter_name = "waits"
    _QUESTIONS = {"approval": _HELD, "appeal": _APPEALED, "stopped": _STOPPED}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("approval", "somebody's agreement"), ("appeal", "an appeal"), ("stopped", "its clock is stopped")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        question = self._QUESTIONS.get(self.value() or "")
        return queryset if question is None else queryset.filter(Exists(question))


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    why_read_only = "A case changes by decisions only. Open it to take a step; each says what it does and asks why."
    list_display = (
        column("Case", lambda case: format_html('<span class="ae-nowrap">{}</span>', case.reference)),
        column("Account", lambda case: _account(case)),
        column("State", lambda case: label(case.outcome or case.state)),
        column("Waits for", lambda case: _waits(case)),
        column("Points", lambda case: points_of(case.account)),
        column("Rule", lambda case: case.rule),
        column("Due", lambda case: _due(case)),
    )
    list_filter = (StateFilter, WaitsFilter)
    list_select_related = ("account__score",)
    search_fields = ("reference__exact", "account__external_id__exact", "account__name__icontains")
    search_help_text = "A case's number, an account's id, or part of a name"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        return (
            super()
            .get_queryset(request)
            .annotate(is_held=Exists(_HELD), is_appealed=Exists(_APPEALED), is_stopped=Exists(_STOPPED), at=Now())
        )

    def list_order(self, request: HttpRequest) -> Sequence[Any]:
        """What waits for a person first, then what is due first; what is over, newest first."""
        if request.GET.get("state") in (State.CLOSED, StateFilter.ALL):
            return ("-pk",)
        return ("-is_held", "-is_appealed", F("due_at").asc(nulls_last=True), "pk")

    def get_urls(self) -> list[URLPattern]:
        step = self.admin_site.admin_view(self.step)
        return [path("<int:case_id>/steps/<str:step>/", step, name="enforcement_case_step"), *super().get_urls()]

    def step(self, request: HttpRequest, case_id: int, step: str) -> HttpResponse:
        return take_step(request, self.admin_site, case_id, step)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Case | None:
        found = super().get_object(request, object_id, from_field)
        return load(found.pk) if found else None

    def heading(self, row: Case) -> Any:
        return format_html("{} {} <small>{}</small>", shown(row.reference), label(row.state), shown(str(row.account)))

    def sections(self, request: HttpRequest, row: Case) -> list[Section]:
        return case_sections(row, now=clock.now())

    def buttons(self, request: HttpRequest, row: Case) -> list[Button]:
        return case_buttons(request, row)


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
