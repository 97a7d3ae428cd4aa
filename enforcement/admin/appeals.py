"""Appeals: what accounts say against a decision, and the two answers."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path

from enforcement.admin.buttons import appeal_buttons
from enforcement.admin.case_file import load_or_404
from enforcement.admin.confirmation import Question, ask, check_door, may_decide, turn_away
from enforcement.admin.consequences import APPEAL_ALONE, answering
from enforcement.admin.display import column, label, link, noun, person
from enforcement.admin.facts import DECIDED, facts_sections
from enforcement.admin.forms import ReasonForm
from enforcement.admin.lists import ByAccount, choice_filter
from enforcement.admin.pages import Button, Section
from enforcement.admin.reading import ReadOnlyAdmin, who
from enforcement.models import Appeal
from enforcement.services import appeals, clock


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
        column("Status", lambda each: label(each.status)),
        column("Stops the clock", lambda each: each.suspensive),
        column("Filed", lambda each: each.filed_at),
        column("Decide before", lambda each: _decide_before(each)),
    )
    list_filter = (choice_filter("status", Appeal.Status.values),)
    list_select_related = ("case__account", "decision__policy")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Appeal]:
        return super().get_queryset(request).select_related("case__account", "decision__policy", "decided_by")

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
        return [_appeal(row), *facts_sections(row.decision.facts, DECIDED)]

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


def _find(appeal_id: int) -> Appeal:
    rows = Appeal.objects.select_related("case__account", "decision__policy", "decided_by")
    found = rows.filter(pk=appeal_id).first()
    if found is None:
        raise Http404
    return found


def _decide_before(appeal: Appeal) -> Any:
    return appeal.filed_at + appeal.decision.policy.rules.appeals.decide_within


def _appeal(appeal: Appeal) -> Section:
    decided = [("Decided", appeal.decided_at), ("By", person(appeal.decided_by)), ("Answer", appeal.reason)]
    return Section(
        "Appeal",
        pairs=[
            ("Account", link(appeal.case.account)),
            ("Case", link(appeal.case)),
            ("Against", link(appeal.decision)),
            ("Status", label(appeal.status)),
            ("What the account says", appeal.statement),
            ("Stops the clock", appeal.suspensive),
            ("Filed", appeal.filed_at),
            ("Decide before", _decide_before(appeal)),
            *(decided if appeal.decided_at else []),
        ],
    )
