"""Which buttons a person sees on a case: what the table of transitions and their roles allow, and nothing else."""

from django.http import HttpRequest
from django.urls import reverse

from enforcement.admin.case_file import CaseFile
from enforcement.admin.confirmation import may_decide
from enforcement.admin.consequences import names_on
from enforcement.admin.display import noun
from enforcement.admin.pages import Button
from enforcement.admin.reading import roles_at, who
from enforcement.models import Appeal, Case, Decision
from enforcement.rules.transitions import WORSENING, State, Step, steps_from
from enforcement.services.review import BY_HAND
from enforcement.services.roles import may_approve


def case_buttons(request: HttpRequest, file: CaseFile) -> list[Button]:
    """What this person may do with the case as it stands."""
    if not may_decide(request):
        return []
    return [
        *(button for each in file.held for button in held_buttons(request, each)),
        *(button for each in file.disputed for button in appeal_buttons(request, each)),
        *(_step_button(file.case, step) for step in steps_by_hand(file.case, is_held=bool(file.held))),
    ]


def steps_by_hand(case: Case, *, is_held: bool) -> list[Step]:
    """A decision that is held has to be settled before another step forward is proposed."""
    possible = [step for step in BY_HAND if step in steps_from(State(case.state))]
    return [step for step in possible if not (is_held and step in WORSENING | {Step.WARN})]


def _step_button(case: Case, step: Step) -> Button:
    address = reverse("admin:enforcement_case_step", args=[case.pk, step])
    return Button(step.capitalize(), address, "danger" if step in WORSENING else "default")


def held_buttons(request: HttpRequest, decision: Decision) -> list[Button]:
    """For those who have not put their name to the decision yet."""
    if who(request).pk in names_on(decision):
        return []
    found = [
        Button(f"Refuse the {noun(decision.step)}", reverse("admin:enforcement_decision_refuse", args=[decision.pk]))
    ]
    if may_approve(roles_at(request), Step(decision.step), by_hand=decision.proposed_by_id is not None):
        address = reverse("admin:enforcement_decision_approve", args=[decision.pk])
        found.insert(0, Button(f"Approve the {noun(decision.step)}", address, "primary"))
    return found


def appeal_buttons(request: HttpRequest, appeal: Appeal) -> list[Button]:
    """For those who were not involved in the decision that is contested (`decision` loaded)."""
    if who(request).pk in names_on(appeal.decision):
        return []
    contested = noun(appeal.decision.step)
    return [
        Button(f"Uphold the {contested}", reverse("admin:enforcement_appeal_uphold", args=[appeal.pk])),
        Button(f"Overturn the {contested}", reverse("admin:enforcement_appeal_overturn", args=[appeal.pk]), "primary"),
    ]
