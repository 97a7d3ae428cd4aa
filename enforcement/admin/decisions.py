"""Decisions: taken, held, refused or lapsed, and the two buttons on one that is held."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html

from enforcement.admin.buttons import gag_buttons, held_buttons
from enforcement.admin.case_file import load_or_404
from enforcement.admin.confirmation import Question, ask, check_door, turn_away
from enforcement.admin.consequences import REFUSED_ALONE, approving, names_on, people_left, refusing
from enforcement.admin.display import column, label, link, noun, person
from enforcement.admin.facts import DECIDED, facts_sections
from enforcement.admin.forms import ReasonForm
from enforcement.admin.lists import ByAccount, choice_filter
from enforcement.admin.pages import Button, Section, given
from enforcement.admin.reading import ReadOnlyAdmin, roles_at, who
from enforcement.admin.restrict_now import end_gag, remarks_on, when_told
from enforcement.admin.steps import told_of
from enforcement.models import Decision
from enforcement.rules.transitions import WORSENING, Step
from enforcement.services import clock, review
from enforcement.services.restrict_now import ENDING_GAGS


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
        people = ("proposed_by", "approved_by", "seconded_by", "refused_by", "gag_end__ended_by")
        return super().get_queryset(request).select_related("case__account", "case__policy", *people)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:decision_id>/approve/", view(self.approve), name="enforcement_decision_approve"),
            path("<int:decision_id>/refuse/", view(self.refuse), name="enforcement_decision_refuse"),
            path("<int:decision_id>/end-gag/", view(self.end_gag), name="enforcement_decision_end_gag"),
            *super().get_urls(),
        ]

    def name_of(self, row: Decision) -> str:
        return f"Decision #{row.pk}: the {noun(row.step)}"

    def sections(self, request: HttpRequest, row: Decision) -> list[Section]:
        return [_decision(row), *facts_sections(row.facts, DECIDED)]

    def buttons(self, request: HttpRequest, row: Decision) -> list[Button]:
        is_held = row.status == Decision.Status.HELD
        return held_buttons(request, row) if is_held else gag_buttons(request, row)

    def approve(self, request: HttpRequest, decision_id: int) -> HttpResponse:
        """Agree to a held decision."""
        return self._settle(request, decision_id, "Approve", review.approve)

    def refuse(self, request: HttpRequest, decision_id: int) -> HttpResponse:
        """Decline a held decision."""
        return self._settle(request, decision_id, "Refuse", review.refuse)

    def end_gag(self, request: HttpRequest, decision_id: int) -> HttpResponse:
        """Let the account hear of a restriction without notice."""
        if not roles_at(request) & ENDING_GAGS:
            raise PermissionDenied
        decision = _find(decision_id)
        return end_gag(request, self.admin_site, decision, load_or_404(decision.case_id))

    def _settle(
        self, request: HttpRequest, decision_id: int, word: str, service: Callable[..., Decision]
    ) -> HttpResponse:
        check_door(request, Step.RESTRICT_NOW)  # who may do that may come in; what it is is looked at next
        decision = _find(decision_id)
        check_door(request, Step(decision.step))
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
            remarks=remarks_on(decision) if approves else (),
        )

        def settle(given: dict[str, Any]) -> Any:
            settled = service(decision_id=decision.pk, reason=given["reason"], by=who(request), now=clock.now())
            return told_of(settled, case)

        return ask(request, self.admin_site, question, ReasonForm(request.POST or None), settle)


def _find(decision_id: int) -> Decision:
    decision = (
        Decision.objects.select_related("case__account", "case__policy", "proposed_by", "gag_end")
        .filter(pk=decision_id)
        .first()
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
            ("Basis", each.get_basis_display()),
            ("Legal basis", each.legal_basis),
            ("The account is told", when_told(each.told_from, each.gagged) if each.basis else ""),
            *_gag_end(each),
            ("Proposed by", _signed(each.proposed_by, each.proposed_as)),
            ("Agreed by", _agreed(each)),
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


def _signed(by: User | None, role: str) -> Any:
    return format_html("{}, {}", person(by), role) if role else person(by)


def _agreed(each: Decision) -> list[Any]:
    signed = ((each.approved_by, each.approved_as), (each.seconded_by, each.seconded_as))
    return [_signed(by, role) for by, role in signed if by]


def _gag_end(each: Decision) -> list[tuple[str, Any]]:
    if not hasattr(each, "gag_end"):
        return []
    end = each.gag_end
    return [("Gag ended", end.ended_at), ("Ended by", _signed(end.ended_by, end.ended_as)), ("Because", end.reason)]
