"""Which buttons a person sees on a case: what the table of transitions and their roles allow, and nothing else."""

from django.http import HttpRequest
from django.urls import reverse

from enforcement.admin.case_file import CaseFile
from enforcement.admin.confirmation import may_decide
from enforcement.admin.consequences import names_on
from enforcement.admin.display import noun
from enforcement.admin.pages import Button
from enforcement.admin.reading import roles_at, who
from enforcement.models import Account, Appeal, Case, Decision
from enforcement.rules.transitions import WORSENING, State, Step, steps_from
from enforcement.services.appeals import involved
from enforcement.services.restrict_now import ENDING_GAGS
from enforcement.services.review import BY_HAND
from enforcement.services.roles import is_among, may_approve


def case_buttons(request: HttpRequest, file: CaseFile) -> list[Button]:
    """What this person may do with the case as it stands."""
    case, proposed = file.case, any(each.proposed_by_id for each in file.held)
    return [
        *(button for each in file.held for button in held_buttons(request, each)),
        *(button for each in file.disputed for button in appeal_buttons(request, each)),
        *(_step_button(case, step) for step in steps_by_hand(file) if may_decide(request, step)),
        *restrict_now_buttons(request, case.account, State(case.state), proposed=proposed),
        *(button for each in file.decisions for button in gag_buttons(request, each)),
    ]


def steps_by_hand(file: CaseFile) -> list[Step]:
    """A held decision has to be settled before another step forward, and nothing goes on without a notice."""
    possible = [step for step in BY_HAND if step in steps_from(State(file.case.state))]
    stays = bool(file.held) or file.is_without_notice
    return [step for step in possible if not (stays and step in WORSENING | {Step.WARN})]


def _step_button(case: Case, step: Step) -> Button:
    address = reverse("admin:enforcement_case_step", args=[case.pk, step])
    return Button(step.capitalize(), address, "danger" if step in WORSENING else "default")


def held_buttons(request: HttpRequest, decision: Decision) -> list[Button]:
    """For those who have not put their name to the decision yet."""
    step = Step(decision.step)
    if not may_decide(request, step) or is_among(who(request), names_on(decision)):
        return []
    found = [
        Button(f"Refuse the {noun(decision.step)}", reverse("admin:enforcement_decision_refuse", args=[decision.pk]))
    ]
    if may_approve(roles_at(request), step, by_hand=decision.proposed_by_id is not None):
        address = reverse("admin:enforcement_decision_approve", args=[decision.pk])
        found.insert(0, Button(f"Approve the {noun(decision.step)}", address, "primary"))
    return found


def appeal_buttons(request: HttpRequest, appeal: Appeal) -> list[Button]:
    """For those who put their name to no step of the case (`decision` loaded)."""
    if not may_decide(request) or is_among(who(request), involved(appeal.case.decisions.all())):
        return []
    contested = noun(appeal.decision.step)
    return [
        Button(f"Uphold the {contested}", reverse("admin:enforcement_appeal_uphold", args=[appeal.pk])),
        Button(f"Overturn the {contested}", reverse("admin:enforcement_appeal_overturn", args=[appeal.pk]), "primary"),
    ]


def restrict_now_buttons(request: HttpRequest, account: Account, state: State, *, proposed: bool) -> list[Button]:
    """For officers, leads and counsel, while nothing of the account is restricted and no person's proposal is held."""
    if proposed or Step.RESTRICT_NOW not in steps_from(state) or not may_decide(request, Step.RESTRICT_NOW):
        return []
    address = reverse("admin:enforcement_account_restrict_now", args=[account.pk])
    return [Button("Restrict without notice", address, "danger")]


def gag_buttons(request: HttpRequest, decision: Decision) -> list[Button]:
    """For leads and counsel, on a decision whose gag holds (`gag_end` loaded)."""
    if not is_gagged(decision) or not roles_at(request) & ENDING_GAGS:
        return []
    return [Button("End the gag", reverse("admin:enforcement_decision_end_gag", args=[decision.pk]), "primary")]


def is_gagged(decision: Decision) -> bool:
    return decision.gagged and decision.status == Decision.Status.APPLIED and not hasattr(decision, "gag_end")
