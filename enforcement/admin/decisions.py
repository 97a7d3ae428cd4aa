"""Decisions: taken, held, refused or lapsed, and the two buttons on one that is held."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path

from enforcement.admin.buttons import held_buttons
from enforcement.admin.case_file import load_or_404
from enforcement.admin.confirmation import Question, ask, check_door, may_decide, turn_away
from enforcement.admin.consequences import REFUSED_ALONE, approving, names_on, people_left, refusing
from enforcement.admin.display import column, label, link, noun, person
from enforcement.admin.facts import DECIDED, facts_sections
from enforcement.admin.forms import ReasonForm
from enforcement.admin.lists import ByAccount, choice_filter
from enforcement.admin.pages import Button, Section, given
from enforcement.admin.reading import ReadOnlyAdmin, who
from enforcement.admin.steps import told_of
from enforcement.models import Decision
from enforcement.rules.transitions import WORSENING
from enforcement.services import clock, review


@admin.register(Decision)
class DecisionAdmin(ByAccount, ReadOnlyAdmin):
    why_read_only = (
        "A decision is written once, with its reasons and the facts as they were. A held one is approved or refused; "
        "one that was taken is answered by another decision, never edited."
    )
    account_path = "case__account"
    list_display = (
        column("Decision", lambda each: f"#{each.pk}"),
        column("Account", lambda each: link(each.case.account)),
        column("Case", lambda each: link(each.case)),
        column("Step", lambda each: label(each.step)),
        column("Status", lambda each: label(each.status)),
        column("Proposed by", lambda each: person(each.proposed_by)),
        column("People", lambda each: f"{len(names_on(each))} of {each.people}" if each.people else None),
        column("Decided", lambda each: each.decided_at),
    )
    list_filter = (choice_filter("status", Decision.Status.values),)
    list_select_related = ("case__account", "proposed_by")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Decision]:
        people = ("proposed_by", "approved_by", "seconded_by", "refused_by")
        return super().get_queryset(request).select_related("case__account", "case__policy", *people)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:decision_id>/approve/", view(self.approve), name="enforcement_decision_approve"),
            path("<int:decision_id>/refuse/", view(self.refuse), name="enforcement_decision_refuse"),
            *super().get_urls(),
        ]

    def name_of(self, row: Decision) -> str:
        return f"Decision #{row.pk}: the {noun(row.step)}"

    def sections(self, request: HttpRequest, row: Decision) -> list[Section]:
        return [_decision(row), *facts_sections(row.facts, DECIDED)]

    def buttons(self, request: HttpRequest, row: Decision) -> list[Button]:
        is_held = row.status == Decision.Status.HELD
        return held_buttons(request, row) if is_held and may_decide(request) else []

    def approve(self, request: HttpRequest, decision_id: int) -> HttpResponse:
        """Agree to a held decision."""
        return self._settle(request, decision_id, "Approve", review.approve)

    def refuse(self, request: HttpRequest, decision_id: int) -> HttpResponse:
        """Decline a held decision."""
        return self._settle(request, decision_id, "Refuse", review.refuse)

    def _settle(
        self, request: HttpRequest, decision_id: int, word: str, service: Callable[..., Decision]
    ) -> HttpResponse:
        check_door(request)
        decision = _find(decision_id)
        file = load_or_404(decision.case_id)
        case = file.case
        if decision.status != Decision.Status.HELD:
            return turn_away(request, case, f"This decision is {decision.status} already.")
        approves = word == "Approve"
        question = Question(
            title=f"{word} the {noun(decision.step)}: {case.account}",
            case=case,
            consequences=approving(file, decision, now=clock.now()) if approves else refusing(file),
            people=people_left(decision) if approves else REFUSED_ALONE,
            button=f"{word} the {noun(decision.step)}",
            sections=[_decision(decision), *facts_sections(decision.facts, DECIDED)],
            is_grave=approves and decision.step in WORSENING,
        )

        def settle(given: dict[str, Any]) -> Any:
            settled = service(decision_id=decision.pk, reason=given["reason"], by=who(request), now=clock.now())
            return told_of(settled, case)

        return ask(request, self.admin_site, question, ReasonForm(request.POST or None), settle)


def _find(decision_id: int) -> Decision:
    decision = (
        Decision.objects.select_related("case__account", "case__policy", "proposed_by").filter(pk=decision_id).first()
    )
    if decision is None:
        raise Http404
    return decision


def _decision(each: Decision) -> Section:
    return Section(
        "Decision",
        pairs=given(
            ("Account", link(each.case.account)),
            ("Case", link(each.case)),
            ("Step", label(each.step)),
            ("Status", label(each.status)),
            ("From", label(each.from_state)),
            ("Rule", each.rule),
            ("Reason", each.reason),
            ("Keys", each.credentials),
            ("Proposed by", person(each.proposed_by)),
            ("Agreed by", [person(name) for name in (each.approved_by, each.seconded_by) if name]),
            ("Agreed because", each.agreed_because),
            ("Refused by", person(each.refused_by) if each.refused_by else None),
            ("People needed", each.people),
            ("Refused because", each.refused_because),
            ("Answers", each.override_of and link(each.override_of)),
            ("Decided", each.decided_at),
            ("Settled", each.settled_at),
            ("Policy", f"version {each.policy_id}"),
        ),
    )
