"""The path without notice in the console: proposed on an account or on its case, told when counsel says."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse

from enforcement.admin.buttons import is_gagged
from enforcement.admin.case_file import CaseFile, load_of_account
from enforcement.admin.confirmation import Question, ask, check_door, turn_away
from enforcement.admin.consequences import consequences_of, nothing_changes, who_agrees
from enforcement.admin.display import noun, plain
from enforcement.admin.facts import facts_sections, keys_in
from enforcement.admin.forms import ReasonForm, RestrictNowForm
from enforcement.admin.reading import who
from enforcement.admin.sheet import facts_of
from enforcement.admin.steps import told_of
from enforcement.models import Case, Decision
from enforcement.rules.transitions import Step, StepRefused
from enforcement.services import clock, restrict_now
from enforcement.services.cases import WithoutNotice

_STEP = Step.RESTRICT_NOW
_NO_NOTICE = "None. The gateway refuses the moment enough people have agreed, before the account hears of it."
_NO_POLICY = "No policy is in force, and a case rests on one."


def when_told(told_from: datetime | None, gagged: bool) -> str:
    if gagged:
        return "Not before counsel or a lead has ended the gag."
    return f"Not before {told_from:%Y-%m-%d %H:%M} UTC." if told_from else "At once, by the memo below."


def remarks_on(decision: Decision) -> list[tuple[str, str]]:
    """What the pages about a restriction without notice have to say plainly."""
    if decision.step != _STEP:
        return []
    return [
        ("Notice", _NO_NOTICE),
        ("The account is told", when_told(decision.told_from, decision.gagged)),
        ("Rests on", f"{decision.get_basis_display()}: {decision.legal_basis}"),
    ]


# -- proposing ---------------------------------------------------------------------------------------------------------


def take_without_notice(request: HttpRequest, site: AdminSite, account_id: int) -> HttpResponse:
    """The confirmation page of a restriction without notice, and the proposal itself."""
    check_door(request, _STEP)
    file = load_of_account(account_id)
    case = file.case
    if case.policy_id is None:
        return turn_away(request, case, _NO_POLICY)
    try:
        consequences = consequences_of(file, _STEP, now=clock.now())
    except StepRefused as refused:
        return turn_away(request, case, refused)
    facts, seen = facts_of(file)
    question = Question(
        title=f"Restrict without notice: {case.account}",
        case=case,
        consequences=consequences,
        people=who_agrees(case, _STEP),
        button="Propose the restriction without notice",
        sections=facts_sections(facts, seen),
        is_grave=True,
        remarks=[
            ("Notice", _NO_NOTICE),
            ("The account is told", "At once, from a date, or when a gag ends, as chosen below."),
            ("After that", "Nothing follows by itself, and nothing worse before the account was warned."),
        ],
    )
    initial = {"version": case.version} if case.pk else {}
    form = RestrictNowForm(request.POST or None, initial=initial, keys=keys_in(facts))
    return ask(request, site, question, form, lambda given: told_of(_propose(request, case, given), case))


def _propose(request: HttpRequest, case: Case, given: dict[str, Any]) -> Decision:
    return restrict_now.propose(
        account_id=case.account_id,
        grounds=WithoutNotice(
            Decision.Basis(given["basis"]), given["legal_basis"], given["told_from"], given["told"] == "gag"
        ),
        reason=given["reason"],
        by=who(request),
        now=clock.now(),
        version=given["version"],
        credentials=given["credentials"],
    )


# -- ending a gag ------------------------------------------------------------------------------------------------------


def end_gag(request: HttpRequest, site: AdminSite, decision: Decision, file: CaseFile) -> HttpResponse:
    """The confirmation page of the end of a gag, and the end itself."""
    if not is_gagged(decision):
        return turn_away(request, file.case, "No gag is on this decision.")
    question = Question(
        title=f"End the gag: {file.case.account}",
        case=file.case,
        consequences=nothing_changes(file.case, memo=f"The statement of the {noun(_STEP)} goes out at once."),
        people="You alone decide this.",
        button="End the gag and tell the account",
        sections=[],
        remarks=[("Rests on", f"{decision.get_basis_display()}: {decision.legal_basis}")],
    )

    def carry_out(given: dict[str, Any]) -> Any:
        restrict_now.end_gag(decision_id=decision.pk, reason=given["reason"], by=who(request), now=clock.now())
        return messages.SUCCESS, f"Done: {plain(str(file.case.account))} is told now."

    return ask(request, site, question, ReasonForm(request.POST or None), carry_out)
