"""Exemptions: what is not enforced for an account, for how long, why, and by whom."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from enforcement.admin.case_file import load_of_account
from enforcement.admin.clocks import AGREES, ALONE, GOES_ON, PROPOSES, STANDS_STILL, ends_it
from enforcement.admin.confirmation import Question, Told, ask, check_door, given_at, may_decide, turn_away
from enforcement.admin.consequences import nothing_changes
from enforcement.admin.display import column, label, link, person, plain
from enforcement.admin.forms import ExemptForm, ReasonForm, SignForm
from enforcement.admin.lists import ByAccount
from enforcement.admin.pages import Button, Section, given, table_section
from enforcement.admin.reading import ReadOnlyAdmin, waiting_at, who
from enforcement.models import Account, Case, Exemption
from enforcement.services import clock, exemptions

_PASSES = "Requests that are exempt are answered, unless they were restricted without notice. All else stays as it is."
_NO_MEMO = "No memo is sent by this."


@admin.register(Exemption)
class ExemptionAdmin(ByAccount, ReadOnlyAdmin):
    why_read_only = (
        "An exemption is granted on the page of its account and ends by itself. To end it early takes two people."
    )
    list_display = (
        column("Exemption", lambda each: f"#{each.pk}"),
        column("Account", lambda each: link(each.account)),
        column("Exempt", lambda each: what_of(each)),
        column("From", lambda each: each.starts_at),
        column("Until", lambda each: each.ended_at or each.ends_at),
        column("Granted by", lambda each: person(each.approved_by)),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Exemption]:
        people = ("approved_by", "end_proposed_by", "end_approved_by")
        return super().get_queryset(request).select_related("account", *people)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.act)
        return [path("<int:exemption_id>/<str:act>-end/", view, name="enforcement_exemption_end"), *super().get_urls()]

    def name_of(self, row: Exemption) -> str:
        return f"Exemption #{row.pk}: {row.account}"

    def sections(self, request: HttpRequest, row: Exemption) -> list[Section]:
        state = label("in force", "success") if _is_in_force(request, row) else label("over")
        return [Section("Exemption", pairs=[("State", state), *_pairs(row)])]

    def buttons(self, request: HttpRequest, row: Exemption) -> list[Button]:
        if not may_decide(request) or not _is_in_force(request, row):
            return []
        found = [_button(row, "propose")]
        return [*found, _button(row, "approve", "primary")] if ends_it(request, row.end_proposed_by_id) else found

    def act(self, request: HttpRequest, exemption_id: int, act: str) -> HttpResponse:
        """Propose that it ends now, or agree to that."""
        check_door(request)
        row = self.get_queryset(request).filter(pk=exemption_id).first()
        if row is None or act not in _ACTS:
            raise Http404
        case = load_of_account(row.account_id).case
        if not _is_in_force(request, row):
            return turn_away(request, case, "This exemption is not in force any more.")
        words, people, goes_on, gateway, form, carry_out = _ACTS[act]
        question = _question(f"{words}: {row.account}", case, words, people, goes_on, gateway)
        page = reverse("admin:enforcement_exemption_change", args=[row.pk])
        question = replace(question, sections=[Section("Exemption", pairs=_pairs(row))], lands=page)
        return ask(request, self.admin_site, question, form(given_at(request)), lambda it: carry_out(request, row, it))


def what_of(exemption: Exemption) -> str:
    return "the whole account" if exemption.scope == Exemption.Scope.ACCOUNT else f"{exemption.scope} {exemption.value}"


def _is_in_force(request: HttpRequest, row: Exemption) -> bool:
    return row.ended_at is None and row.ends_at > waiting_at(request).now


def _pairs(row: Exemption) -> list[tuple[str, Any]]:
    return given(
        ("Account", link(row.account)),
        ("Exempt", what_of(row)),
        ("Because", row.reason),
        ("Granted by", person(row.approved_by)),
        ("As", row.approved_as),
        ("From", row.starts_at),
        ("Until", row.ends_at),
        ("End proposed by", row.end_proposed_by and person(row.end_proposed_by)),
        ("To end, because", row.end_because),
        ("Agreed to by", row.end_approved_by and person(row.end_approved_by)),
        ("Ended early", row.ended_at),
    )


def _question(title: str, case: Case, words: str, people: str, goes_on: str, gateway: str) -> Question:
    consequences = replace(nothing_changes(case, memo=_NO_MEMO), gateway=gateway)
    if case.due_at is not None:
        consequences = replace(consequences, clock=goes_on)
    return Question(title, case, consequences, people, words, [], without_case="None is open.")


# -- granting ----------------------------------------------------------------------------------------------------------


def grant(request: HttpRequest, site: AdminSite, account_id: int) -> HttpResponse:
    """The page that asks what is exempt, until when and why, and the grant itself."""
    check_door(request)
    case = load_of_account(account_id).case
    still = f"For the whole account: {STANDS_STILL[0].lower()}{STANDS_STILL[1:]} For a part of it, it goes on."
    question = _question(f"Exempt: {case.account}", case, "Exempt", ALONE, still, _PASSES)
    return ask(request, site, question, ExemptForm(given_at(request)), lambda it: _granted(request, case.account, it))


def _granted(request: HttpRequest, account: Account, it: dict[str, Any]) -> Told:
    scope, by, now = Exemption.Scope(it["scope"]), who(request), clock.now()
    granted = exemptions.grant(
        account_id=account.pk,
        scope=scope,
        value=it["value"],
        reason=it["reason"],
        ends_at=it["ends_at"],
        by=by,
        now=now,
    )
    until = f"{granted.ends_at:%Y-%m-%d %H:%M} UTC"
    return messages.SUCCESS, f"Exempt until {until}: {what_of(granted)} ({plain(str(account))})."


def exempt_buttons(request: HttpRequest, account: Account) -> list[Button]:
    if not may_decide(request):
        return []
    return [Button("Exempt", reverse("admin:enforcement_account_exempt", args=[account.pk]))]


def exemptions_section(request: HttpRequest, account: Account) -> Section:
    """What is in force on an account."""
    standing = exemptions.standing(now=waiting_at(request).now).filter(account=account).select_related("approved_by")
    rows = [
        (link(each, what_of(each)), each.reason, person(each.approved_by), each.starts_at, each.ends_at)
        for each in standing.order_by("pk")
    ]
    headers = ("What is exempt", "Because", "Granted by", "From", "Until")
    return table_section("Exemptions in force", headers, rows, none="None.")


# -- ending early ------------------------------------------------------------------------------------------------------


def _propose(request: HttpRequest, row: Exemption, it: dict[str, Any]) -> Told:
    exemptions.propose_end(exemption_id=row.pk, because=it["reason"], by=who(request), now=clock.now())
    return messages.SUCCESS, "Proposed. The exemption stays in force until a lead, somebody else, agrees."


def _approve(request: HttpRequest, row: Exemption, it: dict[str, Any]) -> Told:
    exemptions.approve_end(exemption_id=row.pk, by=who(request), now=clock.now())
    return messages.SUCCESS, "The exemption is over."


# Its words, who decides, what becomes of the clock and of requests, what is asked, and what is done.
_Ends = tuple[
    str, str, str, str, type[ReasonForm] | type[SignForm], Callable[[HttpRequest, Exemption, dict[str, Any]], Told]
]
_UNTIL_AGREED = "It stands still until the second person has agreed."
_STILL_PASSES = "Requests that are exempt are answered until the second person has agreed."
_PASSES_NO_MORE = "Requests that were exempt are refused again where a restriction stands."
_ACTS: dict[str, _Ends] = {
    "propose": ("Propose to end the exemption", PROPOSES, _UNTIL_AGREED, _STILL_PASSES, ReasonForm, _propose),
    "approve": ("End the exemption", AGREES, GOES_ON, _PASSES_NO_MORE, SignForm, _approve),
}


def _button(row: Exemption, act: str, tone: str = "default") -> Button:
    return Button(_ACTS[act][0], reverse("admin:enforcement_exemption_end", args=[row.pk, act]), tone)
