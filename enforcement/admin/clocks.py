"""What people do to the clock of a case: hold it, let it go on before its time, move its deadline to a later one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from enforcement.admin.case_file import CaseFile, load_or_404
from enforcement.admin.confirmation import Question, Told, ask, check_door, given_at, may_decide
from enforcement.admin.consequences import Consequences, nothing_changes
from enforcement.admin.display import plain
from enforcement.admin.forms import ExtendForm, HoldForm, ReasonForm, SignForm
from enforcement.admin.pages import Button
from enforcement.admin.reading import roles_at, who
from enforcement.models import Stop
from enforcement.rules.transitions import State
from enforcement.services import clock, extensions, holds
from enforcement.services.roles import Role, is_among

ALONE = "You alone decide this."
PROPOSES = "You propose it, and a lead, somebody else, must agree: to shorten a stop brings the next step nearer."
AGREES = "Somebody else has proposed it; with you, it takes effect at once."
STANDS_STILL = "It stands still until this ends, and then goes on with what remained, or the policy's minimum."
GOES_ON = "It goes on, with what remained or the policy's minimum, unless something else stops it."
_UNTIL_AGREED = "It stands still until the second person has agreed."
_MOVES = "The deadline becomes the one below. It only ever moves to a later moment; reminders name the new date."
_NO_MEMO = "No memo is sent by this."


@dataclass(frozen=True, slots=True)
class _Act:
    """`carry_out` gets the request, the case's id and what the form holds; it answers with the sentence to show."""

    words: str
    people: str
    clock: str
    form: type[ReasonForm] | type[SignForm]
    carry_out: Callable[[HttpRequest, int, dict[str, Any]], str]


def _hold(request: HttpRequest, case_id: int, given: dict[str, Any]) -> str:
    reason, until, now = given["reason"], given["until"], clock.now()
    stop = holds.place(case_id=case_id, reason=reason, until=until, by=who(request), now=now)
    return f"Held until {stop.until:%Y-%m-%d %H:%M} UTC." if stop.until else "Held until two people end it."


def _extend(request: HttpRequest, case_id: int, given: dict[str, Any]) -> str:
    due_at, reason, now = given["due_at"], given["reason"], clock.now()
    extensions.extend(case_id=case_id, due_at=due_at, reason=reason, by=who(request), now=now)
    return f"The deadline is {due_at:%Y-%m-%d %H:%M} UTC now."


def _propose_end(request: HttpRequest, case_id: int, given: dict[str, Any]) -> str:
    holds.propose_end(case_id=case_id, because=given["reason"], by=who(request))
    return "Proposed. The case stays held until a lead, somebody else, agrees."


def _end(request: HttpRequest, case_id: int, given: dict[str, Any]) -> str:
    holds.approve_end(case_id=case_id, by=who(request), now=clock.now())
    return "The hold is over."


_ACTS = {
    "hold": _Act("Hold", ALONE, STANDS_STILL, HoldForm, _hold),
    "extend": _Act("Give more time", ALONE, _MOVES, ExtendForm, _extend),
    "propose-end": _Act("Propose to end the hold", PROPOSES, _UNTIL_AGREED, ReasonForm, _propose_end),
    "end": _Act("End the hold", AGREES, GOES_ON, SignForm, _end),
}


def act_on_clock(request: HttpRequest, site: AdminSite, case_id: int, act: str) -> HttpResponse:
    """The page between one of these buttons and what it does."""
    check_door(request)
    if act not in _ACTS:
        raise Http404
    file, wanted = load_or_404(case_id), _ACTS[act]
    question = Question(
        title=f"{wanted.words}: {file.case.account}",
        case=file.case,
        consequences=_consequences(file, wanted),
        people=wanted.people,
        button=wanted.words,
        sections=[],
        remarks=_remarks(file, act),
    )

    def carry_out(given: dict[str, Any]) -> Told:
        return messages.SUCCESS, f"{wanted.carry_out(request, case_id, given)} ({plain(str(file.case.account))})"

    return ask(request, site, question, wanted.form(given_at(request)), carry_out)


def _consequences(file: CaseFile, wanted: _Act) -> Consequences:
    return replace(nothing_changes(file.case, memo=_NO_MEMO), clock=wanted.clock)


def _remarks(file: CaseFile, act: str) -> list[tuple[str, str]]:
    """What the hold rests on, where somebody asks for its end."""
    stop = _standing(file)
    if stop is None or act not in ("propose-end", "end"):
        return []
    proposed = [("Proposed, because", stop.end_because)] if act == "end" and stop.end_because else []
    return [("Held, because", stop.reason), *proposed]


def _standing(file: CaseFile) -> Stop | None:
    return next((each for each in file.standing_stops if each.kind == Stop.Kind.HOLD), None)


def clock_buttons(request: HttpRequest, file: CaseFile) -> list[Button]:
    """For those who decide, while the case is not over."""
    if file.case.state == State.CLOSED or not may_decide(request):
        return []
    hold, found = _standing(file), []
    if hold is None:
        found.append(_button(file, "hold"))
    else:
        found.append(_button(file, "propose-end"))
        if ends_it(request, hold.end_proposed_by_id):
            found.append(_button(file, "end", "primary"))
    if file.case.due_at is not None:
        found.append(_button(file, "extend"))
    return found


def ends_it(request: HttpRequest, proposed_by: int | None) -> bool:
    """Whether this person can be the second of the two who shorten a stop."""
    return proposed_by is not None and Role.LEAD in roles_at(request) and not is_among(who(request), [proposed_by])


def _button(file: CaseFile, act: str, tone: str = "default") -> Button:
    return Button(_ACTS[act].words, reverse("admin:enforcement_case_clock", args=[file.case.pk, act]), tone)
