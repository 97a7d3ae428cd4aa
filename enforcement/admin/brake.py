"""The brake in the console: what is pulled and why, what the automation has spent, and the ways to pull and release."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from enforcement.admin.confirmation import check_door, may_decide
from enforcement.admin.display import column, label, link, person, plain, shown
from enforcement.admin.forms import ReasonForm
from enforcement.admin.pages import Button, Section, given, table_section
from enforcement.admin.reading import ReadOnlyAdmin, may_read, roles_at, waiting_at, who
from enforcement.models import Brake, BrakePull, PolicyVersion
from enforcement.services import brake, budget, clock
from enforcement.services.brake import ReleaseRefused
from enforcement.services.roles import NotAllowed, Role, same_person

_LAST = 10  # pulls beside the switches; the list has all
_STOPS = {
    Brake.What.ENFORCEMENT: (
        "Nobody is warned, restricted, suspended or blocked, by the automation or by hand. Every clock stands still. "
        "Evidence, appeals and reinstatements go on."
    ),
    Brake.What.MAIL: "No memo is written or sent. What waits goes out after the release.",
}
_GOES_ON = {
    Brake.What.ENFORCEMENT: (
        "Every clock goes on with what was left at the pull, or with the policy's minimum; nothing catches up. Who "
        "would have been warned meanwhile is looked at again."
    ),
    Brake.What.MAIL: "What waited goes out.",
}


class BrakeReasonForm(ReasonForm):
    reason = forms.CharField(
        max_length=2000,
        widget=ReasonForm.base_fields["reason"].widget,
        help_text="Required. What you saw or looked at; it is kept in the record of the brake.",
        error_messages={"required": "A reason is required: it is kept in the record of the brake."},
    )


def pulled_words(pulled: BrakePull) -> str:
    return f"{pulled.get_cause_display()}: {pulled.reason}"


@admin.register(BrakePull)
class BrakePullAdmin(ReadOnlyAdmin):
    """The record; the switches themselves are on a page of their own."""

    why_read_only = "The record of the brake: who pulled it and why, and the two people who released it."
    list_display = (
        column("Pull", lambda pull: f"{pull.what} #{pull.pk}"),
        column("Pulled", lambda pull: pull.pulled_at),
        column("By", lambda pull: person(pull.pulled_by)),
        column("Why", pulled_words),
        column("Released", lambda pull: pull.released_at),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[BrakePull]:
        people = ("pulled_by", "release_proposed_by", "release_approved_by")
        return super().get_queryset(request).select_related(*people)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("switches/", view(self.switches), name="enforcement_brake"),
            path("switches/<str:what>/<str:act>/", view(self.act), name="enforcement_brake_act"),
            *super().get_urls(),
        ]

    def name_of(self, row: BrakePull) -> str:
        return f"Pull #{row.pk} of the brake of {row.what}"

    def sections(self, request: HttpRequest, row: BrakePull) -> list[Section]:
        return [Section("Pull", pairs=_pairs(row))]

    def switches(self, request: HttpRequest) -> HttpResponse:
        """Both switches, the budget, and the last pulls."""
        if not may_read(request):
            raise PermissionDenied
        standing = [(Brake.What(what), pull) for what, pull in brake.status().items()]
        context = {
            **self.admin_site.each_context(request),
            "title": "Brake",
            "heading": "Brake",
            "opts": self.opts,
            "sections": [
                *(_switch(what, pull) for what, pull in standing),
                _budget(request),
                _last(),
            ],
            "buttons": [button for what, pull in standing for button in _buttons(request, what, pull)],
            "why_read_only": "A pull takes one officer or lead. A release takes two people, the second of them a lead.",
        }
        return TemplateResponse(request, "admin/enforcement/page.html", context)

    def act(self, request: HttpRequest, what: str, act: str) -> HttpResponse:
        """The page between a button and what it does."""
        check_door(request)
        if what not in Brake.What or act not in _ACTS:
            raise Http404
        switch, (words, carry_out) = Brake.What(what), _ACTS[act]
        form = BrakeReasonForm(request.POST or None)
        if act == "approve":
            del form.fields["reason"]
        if request.method == "POST" and form.is_valid():
            return _carry_out(request, lambda: carry_out(request, switch, form.cleaned_data))
        context = {
            **self.admin_site.each_context(request),
            "title": f"{words}: {what}",
            "heading": f"{words}: {what}",
            "question": {"button": words, "sections": []},
            "outcome": _outcome(switch, act),
            "tone": "danger" if act == "pull" else "primary",
            "form": form,
            "opts": self.opts,
            "back": reverse("admin:enforcement_brake"),
        }
        status = 422 if request.method == "POST" else 200
        return TemplateResponse(request, "admin/enforcement/confirmation.html", context, status=status)


# -- what is done ------------------------------------------------------------------------------------------------------


def _pull(request: HttpRequest, what: Brake.What, given: dict[str, Any]) -> str:
    cause = BrakePull.Cause.MANUAL
    pulled = brake.pull(what, cause, given["reason"].strip(), now=clock.now(), by=who(request))
    return f"The brake of {what} is pulled." if pulled else f"The brake of {what} was pulled already."


def _propose(request: HttpRequest, what: Brake.What, given: dict[str, Any]) -> str:
    brake.propose_release(what, because=given["reason"], by=who(request))
    return "Proposed. The brake stays pulled until a lead, somebody else, agrees."


def _approve(request: HttpRequest, what: Brake.What, given: dict[str, Any]) -> str:
    brake.approve_release(what, by=who(request), now=clock.now())
    return f"The brake of {what} is released."


_ACTS: dict[str, tuple[str, Callable[[HttpRequest, Brake.What, dict[str, Any]], str]]] = {
    "pull": ("Pull the brake", _pull),
    "propose": ("Propose the release", _propose),
    "approve": ("Release the brake", _approve),
}


def _carry_out(request: HttpRequest, carry_out: Callable[[], str]) -> HttpResponse:
    try:
        messages.success(request, carry_out())
    except (NotAllowed, ReleaseRefused) as refused:
        messages.error(request, plain(str(refused)))
    return HttpResponseRedirect(reverse("admin:enforcement_brake"))


# -- what is shown -----------------------------------------------------------------------------------------------------


def _outcome(what: Brake.What, act: str) -> list[tuple[str, Any]]:
    if act == "pull":
        return [("Then", shown(_STOPS[what])), ("Who decides", shown("You alone. The release takes two people."))]
    pulled = brake.status()[what]
    people = "You propose; a lead, somebody else, agrees." if act == "propose" else "You agree; somebody else proposed."
    pairs = _pairs(pulled) if pulled else []
    return [
        *((name, shown(value)) for name, value in pairs),
        ("Then", shown(_GOES_ON[what])),
        ("Who decides", shown(people)),
    ]


def _switch(what: Brake.What, pulled: BrakePull | None) -> Section:
    if pulled is None:
        return Section(what.label, pairs=[("State", label("released", "success")), ("If pulled", _STOPS[what])])
    return Section(
        what.label, pairs=[("State", label("pulled", "danger")), *_pairs(pulled), ("Meanwhile", _STOPS[what])]
    )


def _pairs(pulled: BrakePull) -> list[tuple[str, Any]]:
    return given(
        ("Pulled", pulled.pulled_at),
        ("By", person(pulled.pulled_by)),
        ("Why", pulled_words(pulled)),
        ("Release proposed by", pulled.release_proposed_by and person(pulled.release_proposed_by)),
        ("Because", pulled.release_because),
        ("Agreed to by", pulled.release_approved_by and person(pulled.release_approved_by)),
        ("Released", pulled.released_at),
    )


def _budget(request: HttpRequest) -> Section:
    """What the automation has spent, as bars; without a policy in force it takes no step."""
    active = PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).first()
    if active is None:
        return Section("Budget of the automation", note="No policy is in force.", aside=True)
    spent = budget.spent(now=waiting_at(request).now)
    limits = budget.limits(active.rules.safety)
    pairs = [("This hour", _bar(spent.hour, limits.hour)), ("This day", _bar(spent.day, limits.day))]
    note = "Automatic restrictions, suspensions and blocks. At the limit the rest waits, and the brake is pulled."
    return Section("Budget of the automation", pairs=pairs, note=note, aside=True)


def _bar(spent: int, limit: int) -> Any:
    return format_html(
        '<progress max="{}" value="{}" aria-label="{} of {} steps"></progress> {} of {}',
        max(limit, 1), min(spent, limit), spent, limit, f"{spent:,}", f"{limit:,}",
    )  # fmt: skip


def _last() -> Section:
    people = ("pulled_by", "release_proposed_by", "release_approved_by")
    rows = [
        (link(each, each.what), each.pulled_at, person(each.pulled_by), pulled_words(each), each.released_at)
        for each in BrakePull.objects.select_related(*people).order_by("-pk")[:_LAST]
    ]
    headers = ("Switch", "Pulled", "By", "Why", "Released")
    return table_section("Last pulls", headers, rows, none="Nobody has pulled it yet.")


def _buttons(request: HttpRequest, what: Brake.What, pulled: BrakePull | None) -> list[Button]:
    if not may_decide(request):
        return []
    if pulled is None:
        return [_button("Pull", what, "pull", "danger")]
    proposer = pulled.release_proposed_by
    buttons = [_button("Propose the release of", what, "propose")]
    if proposer is not None and Role.LEAD in roles_at(request) and not same_person(proposer, who(request)):
        buttons.append(_button("Release", what, "approve", "primary"))
    return buttons


def _button(words: str, what: Brake.What, act: str, tone: str = "default") -> Button:
    return Button(f"{words} {what}", reverse("admin:enforcement_brake_act", args=[what.value, act]), tone)
