"""Proposing a step on a case by hand."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse

from enforcement.admin.case_file import load_or_404
from enforcement.admin.confirmation import Question, Told, ask, check_door, turn_away
from enforcement.admin.consequences import consequences_of, who_agrees
from enforcement.admin.display import noun, plain
from enforcement.admin.facts import facts_sections, keys_in
from enforcement.admin.forms import RestrictForm, StepForm
from enforcement.admin.reading import who
from enforcement.admin.sheet import facts_of
from enforcement.models import Case, Decision
from enforcement.rules.transitions import WORSENING, Step, StepRefused
from enforcement.services import clock, review
from enforcement.services.review import BY_HAND


def take_step(request: HttpRequest, site: AdminSite, case_id: int, step: str) -> HttpResponse:
    """The confirmation page of one step, and the step itself."""
    check_door(request)
    file, wanted = load_or_404(case_id), _step(step)
    case = file.case
    try:
        consequences = consequences_of(file, wanted, now=clock.now())
    except StepRefused as refused:
        return turn_away(request, case, refused)
    facts, seen = facts_of(file)
    question = Question(
        title=f"{wanted.capitalize()}: {case.account}",
        case=case,
        consequences=consequences,
        people=who_agrees(case, wanted),
        button=wanted.capitalize(),
        sections=facts_sections(facts, seen),
        is_grave=wanted in WORSENING,
    )
    form = _form(request, case, wanted, keys_in(facts))
    return ask(request, site, question, form, lambda given: told_of(_propose(request, case, wanted, given), case))


def _form(request: HttpRequest, case: Case, step: Step, keys: list[str]) -> StepForm:
    given: dict[str, Any] = {"data": request.POST or None, "initial": {"version": case.version}}
    return RestrictForm(**given, keys=keys) if step is Step.RESTRICT else StepForm(**given)


def _propose(request: HttpRequest, case: Case, step: Step, given: dict[str, Any]) -> Decision:
    return review.propose(
        case_id=case.pk,
        step=step,
        reason=given["reason"],
        by=who(request),
        now=clock.now(),
        version=given["version"],
        credentials=given.get("credentials", ()),
    )


def _step(step: str) -> Step:
    if step not in BY_HAND:
        raise Http404
    return Step(step)


def told_of(decision: Decision, case: Case) -> Told:
    """What came of it, as the message that follows."""
    account = plain(str(case.account))
    match decision.status:
        case Decision.Status.APPLIED:
            return messages.SUCCESS, f"Done: the {noun(decision.step)} of {account}."
        case Decision.Status.HELD:
            return messages.INFO, f"The {noun(decision.step)} of {account} is held until enough people agree."
        case Decision.Status.REFUSED:
            return messages.SUCCESS, f"Refused: {account} is not taken further, and the clock goes on."
    return messages.WARNING, "On another look the decision no longer held, so it has lapsed. Nothing happened."
