"""Appeals: what accounts say against a decision, and the two answers. What waits longest comes first."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import F, Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path

from enforcement.admin.answers import standing_of, who_may_decide, why_not
from enforcement.admin.buttons import appeal_buttons
from enforcement.admin.case_file import load_or_404
from enforcement.admin.confirmation import Question, ask, check_door, may_decide, turn_away
from enforcement.admin.consequences import APPEAL_ALONE, answering
from enforcement.admin.display import column, link, noun, person
from enforcement.admin.facts import DECIDED, facts_sections
from enforcement.admin.forms import ReasonForm
from enforcement.admin.keyset import Order, Stretch
from enforcement.admin.lists import ByAccount
from enforcement.admin.pages import Button, Section, given
from enforcement.admin.reading import ReadOnlyAdmin, who
from enforcement.models import Appeal, Decision
from enforcement.services import appeals, clock

WAITING = Appeal.Status.OPEN.value
_LATEST_FIRST = (F("decide_by"), F("pk"))  # whoever has waited longest for what was promised


class StatusFilter(admin.SimpleListFilter):
    """Open unless something else is asked for: decided appeals grow for ever."""

    title = "status"
    parameter_name = "status"
    ALL = "all"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((each, each) for each in Appeal.Status.values if each != WAITING), (self.ALL, "all")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [first | {"display": "open", "selected": self.value() in (None, WAITING)}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Appeal]) -> QuerySet[Appeal]:
        return queryset.filter(status=self.value()) if self.value() in Appeal.Status.values else queryset


@admin.register(Appeal)
class AppealAdmin(ByAccount, ReadOnlyAdmin):
    why_read_only = (
        "An appeal is the account's word and stays as it was filed. Somebody who was not involved in the decision "
        "upholds or overturns it."
    )
    account_path = "case__account"
    list_display = (
        column("Appeal", lambda each: f"against the {noun(each.decision.step)}"),
        column("Account", lambda each: link(each.case.account)),
        column("Case", lambda each: link(each.case)),
        column("Status", standing_of),
        column("Stops the clock", lambda each: each.suspensive),
        column("Filed", lambda each: each.filed_at),
        column("Decide before", lambda each: each.decide_by),
    )
    list_filter = (StatusFilter,)
    list_select_related = ("case__account", "decision__policy")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Appeal]:
        return with_people(super().get_queryset(request))

    def order_of(self, request: HttpRequest, rows: QuerySet[Any], search: str) -> Order:
        if search or request.GET.get(StatusFilter.parameter_name, WAITING) != WAITING:
            return super().order_of(request, rows, search)
        return Order([Stretch(rows.filter(status=WAITING), _LATEST_FIRST)], name="waiting", descending=False)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:appeal_id>/uphold/", view(self.uphold), name="enforcement_appeal_uphold"),
            path("<int:appeal_id>/overturn/", view(self.overturn), name="enforcement_appeal_overturn"),
            *super().get_urls(),
        ]

    def name_of(self, row: Appeal) -> str:
        return f"Appeal against the {noun(row.decision.step)}: {row.case.account}"

    def sections(self, request: HttpRequest, row: Appeal) -> list[Section]:
        return [_appeal(row, why_not(request, row)), *facts_sections(row.decision.facts, DECIDED)]

    def buttons(self, request: HttpRequest, row: Appeal) -> list[Button]:
        is_open = row.status == Appeal.Status.OPEN
        return appeal_buttons(request, row) if is_open and may_decide(request) else []

    def uphold(self, request: HttpRequest, appeal_id: int) -> HttpResponse:
        """The decision stands."""
        return self._decide(request, appeal_id, overturn=False)

    def overturn(self, request: HttpRequest, appeal_id: int) -> HttpResponse:
        """The decision falls, and every effect of the case with it."""
        return self._decide(request, appeal_id, overturn=True)

    def _decide(self, request: HttpRequest, appeal_id: int, *, overturn: bool) -> HttpResponse:
        check_door(request)
        appeal = _find(appeal_id)
        file = load_or_404(appeal.case_id)
        case = file.case
        if appeal.status != Appeal.Status.OPEN:
            return turn_away(request, case, f"This appeal is {appeal.status} already.")
        word = "Overturn" if overturn else "Uphold"
        question = Question(
            title=f"{word} the {noun(appeal.decision.step)}: {case.account}",
            case=case,
            consequences=answering(file, overturn=overturn, now=clock.now()),
            people=APPEAL_ALONE,
            button=f"{word} the {noun(appeal.decision.step)}",
            sections=[_appeal(appeal), *facts_sections(appeal.decision.facts, DECIDED)],
        )

        def decide(given: dict[str, Any]) -> Any:
            reason, by, now = given["reason"], who(request), clock.now()
            done = appeals.decide(appeal_id=appeal.pk, overturn=overturn, reason=reason, by=by, now=now)
            return messages.SUCCESS, f"The appeal is decided: {done.get_status_display()}."

        return ask(request, self.admin_site, question, ReasonForm(request.POST or None), decide)


def with_people(rows: QuerySet[Appeal]) -> QuerySet[Appeal]:
    """Appeals with everybody who signed something on their cases."""
    signed = Decision.objects.select_related("proposed_by", "approved_by", "seconded_by").defer("facts")
    rows = rows.select_related("case__account", "decision__policy", "decided_by")
    return rows.prefetch_related(Prefetch("case__decisions", signed))


def _find(appeal_id: int) -> Appeal:
    found = with_people(Appeal.objects.all()).filter(pk=appeal_id).first()
    if found is None:
        raise Http404
    return found


def _appeal(appeal: Appeal, why_not: str = "") -> Section:
    decided = [("Decided", appeal.decided_at), ("By", person(appeal.decided_by)), ("Answer", appeal.reason)]
    return Section(
        "Appeal",
        pairs=[
            ("Account", link(appeal.case.account)),
            ("Case", link(appeal.case)),
            ("Against", link(appeal.decision)),
            ("Status", standing_of(appeal)),
            ("What the account says", appeal.statement),
            ("Stops the clock", appeal.suspensive),
            ("Filed", appeal.filed_at),
            ("Decide before", appeal.decide_by),
            *given(("Overdue since", appeal.escalated_at)),
            *(decided if appeal.decided_at else [("Who may decide", who_may_decide(appeal))]),
            *given(("You", why_not)),
        ],
    )
