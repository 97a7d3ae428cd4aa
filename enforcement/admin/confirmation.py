"""The page between a button and what it does: says what will happen, asks why, and makes one service call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from psycopg import errors

from enforcement.admin.consequences import Consequences
from enforcement.admin.display import label, link, plain, shown, visible
from enforcement.admin.pages import Section
from enforcement.admin.reading import roles_at
from enforcement.models import Account, Case
from enforcement.rules.transitions import Step, StepRefused
from enforcement.services.appeals import AppealRefused
from enforcement.services.exemptions import ExemptionRefused
from enforcement.services.extensions import ExtensionRefused
from enforcement.services.holds import HoldRefused
from enforcement.services.notice_rule import NoticeNotOver
from enforcement.services.review import ReviewRefused
from enforcement.services.roles import DECIDING, NotAllowed, roles_for
from enforcement.services.switches import BrakePulled

# Sentences for the person who asked; nothing was written.
REFUSALS = (ReviewRefused, AppealRefused, NotAllowed, NoticeNotOver, BrakePulled, StepRefused)
# The same, of what was typed: the page is drawn again, and nothing typed is lost.
MENDABLE = (HoldRefused, ExtensionRefused, ExemptionRefused)
Told = tuple[int, str]  # the level of a message, and its words
_BUSY = "Somebody else is deciding about this account at this moment. Nothing was done; try again."


@dataclass(frozen=True, slots=True)
class Question:
    """What the page says."""

    title: str
    case: Case
    consequences: Consequences
    people: str
    button: str
    sections: list[Section]
    is_grave: bool = False
    remarks: Sequence[tuple[str, str]] = ()  # what has to be said beside the consequences
    without_case: str = "A new one is opened."
    lands: str = ""  # where one is afterwards, if not on the page of the case


def ask(
    request: HttpRequest,
    site: AdminSite,
    question: Question,
    form: Form,
    carry_out: Callable[[dict[str, Any]], Told],
) -> HttpResponse:
    """Draw the page, or carry out what was confirmed with what the form holds."""
    back = question.lands or address_of(question.case)
    if request.method == "POST" and form.is_valid() and _settled(request, form, carry_out):
        return HttpResponseRedirect(back)
    context = {
        **site.each_context(request),
        "title": plain(question.title),
        "heading": visible(question.title),
        "question": question,
        "outcome": _outcome(question),
        "tone": "danger" if question.is_grave else "primary",
        "form": form,
        "opts": question.case._meta if question.case.pk else Account._meta,
        "back": back,
    }
    status = 422 if request.method == "POST" else 200
    return TemplateResponse(request, "admin/enforcement/confirmation.html", context, status=status)


def _settled(request: HttpRequest, form: Form, carry_out: Callable[[dict[str, Any]], Told]) -> bool:
    """Whether nothing is left to mend on the page; what came of it is a message on the next one."""
    try:
        messages.add_message(request, *carry_out(form.cleaned_data))
    except MENDABLE as refused:
        form.add_error(refused.field if refused.field in form.fields else None, plain(refused.why))
        return False
    except REFUSALS as refused:
        messages.error(request, plain(str(refused)))
    except OperationalError as failed:
        if not isinstance(failed.__cause__, errors.LockNotAvailable | errors.DeadlockDetected):
            raise
        messages.error(request, _BUSY)
    return True


def _outcome(question: Question) -> list[tuple[str, Any]]:
    found, case = question.consequences, question.case
    account = format_html('{} <span class="ae-quiet">{}</span>', link(case.account), shown(case.account.external_id))
    return [
        ("Account", account),
        ("Case", link(case) if case.pk else question.without_case),
        ("State", _state(found)),
        ("Who decides", shown(question.people)),
        *((name, shown(words)) for name, words in question.remarks),
        ("Memo", shown(found.memo)),
        ("At the gateway", shown(found.gateway)),
        *([("Also", shown("\n".join(found.account)))] if found.account else []),
        ("Clock", shown(found.clock)),
    ]


def _state(found: Consequences) -> Any:
    if found.source == found.target:
        return format_html("{} as before", label(found.target))
    return format_html("{} becomes {}", label(found.source), label(found.target))


def turn_away(request: HttpRequest, case: Case, why: Exception | str) -> HttpResponse:
    """The step is not to be had; the case's page says why."""
    messages.error(request, plain(str(why)))
    return HttpResponseRedirect(address_of(case))


def address_of(case: Case) -> str:
    """The page of the case, or of the account that has none yet."""
    if case.pk is None:
        return reverse("admin:enforcement_account_change", args=[case.account_id])
    return reverse("admin:enforcement_case_change", args=[case.pk])


def given_at(request: HttpRequest) -> QueryDict | None:
    """What a form was filled with; empty is filled, too, where a form asks for nothing."""
    return request.POST if request.method == "POST" else None


def may_decide(request: HttpRequest, step: Step | None = None) -> bool:
    """As the services ask; here it says which buttons are drawn."""
    return bool(roles_at(request) & (roles_for(step) if step else DECIDING))


def check_door(request: HttpRequest, step: Step | None = None) -> None:
    """Nobody without a deciding role comes as far as a service."""
    if not may_decide(request, step):
        raise PermissionDenied
