"""A memo that came back: staff copy here what the returned mail says, and pages show whose copy it was."""

from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget

from enforcement.admin.confirmation import Question, Told, ask, check_door, may_decide, turn_away
from enforcement.admin.consequences import Consequences, nothing_changes
from enforcement.admin.display import label, link, plain
from enforcement.admin.forms import ReasonForm
from enforcement.admin.pages import Button, Section
from enforcement.admin.reading import who
from enforcement.models import Case, Memo, MemoCopy
from enforcement.rules.transitions import State
from enforcement.services import bounces, clock

_MEMO = "If nobody else has this memo, it is written anew to contacts that it was not sent to yet."
_CLOCK = (
    "If nobody else has this memo, the clock stops until somebody does, and the notice runs anew. If another contact "
    "has it, the notice is counted from that one's acceptance. No date comes nearer."
)


class BounceForm(ReasonForm):
    """What the returned mail says, kept with the message."""

    reason = forms.CharField(
        label="What the returned mail says",
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="Required. Copy the code and the sentence of the mail server that returned it.",
        error_messages={"required": "Copy what the returned mail says: it is kept with the message."},
    )


def delivery_of(message: Any) -> SafeString:
    """How far a message came, as a label."""
    return label("bounced", "danger") if message.bounced_at else label(message.state)


def bounce_buttons(request: HttpRequest, memo: Memo) -> list[Button]:
    """One for each copy that a server took."""
    return [_button(copy) for copy in memo.copies.all() if _stands(copy)] if may_decide(request) else []


def _button(copy: MemoCopy) -> Button:
    address = reverse("admin:enforcement_memo_bounce", args=[copy.pk])
    return Button(f"Came back from {plain(copy.message.recipient)}", address)


def record_bounce(request: HttpRequest, site: AdminSite, copy_id: int) -> HttpResponse:
    """The confirmation page for one copy, and the record itself."""
    check_door(request)
    copies = MemoCopy.objects.select_related("message", "memo__case__account", "memo__case__policy")
    copy = copies.filter(pk=copy_id).first()
    if copy is None:
        raise Http404
    case = copy.memo.case
    if not _stands(copy):
        return turn_away(request, case, "No mail server has this copy, so it cannot come back.")
    question = Question(
        title=f"Came back from {copy.message.recipient}: {case.account}",
        case=case,
        consequences=_consequences(case),
        people="You alone record this.",
        button="Record that it came back",
        sections=[_copy(copy)],
    )
    form = BounceForm(request.POST or None)
    return ask(request, site, question, form, lambda given: _record(request, copy, given))


def _stands(copy: MemoCopy) -> bool:
    return copy.message.accepted_at is not None and copy.message.bounced_at is None


def _consequences(case: Case) -> Consequences:
    if case.state == State.CLOSED:
        return nothing_changes(case, memo="No memo: the case is over.")
    return replace(nothing_changes(case, memo=_MEMO), clock=_CLOCK)


def _record(request: HttpRequest, copy: MemoCopy, given: dict[str, Any]) -> Told:
    back = bounces.record(message_ids=[copy.message_id], words=given["reason"], by=who(request), now=clock.now())
    if not back:
        return messages.WARNING, "Somebody else has recorded this already."
    return messages.SUCCESS, f"Recorded: the copy for {plain(copy.message.recipient)} came back."


def _copy(copy: MemoCopy) -> Section:
    return Section(
        "Copy",
        pairs=[
            ("Memo", link(copy.memo, copy.memo.kind)),
            ("To", copy.message.recipient),
            ("Contact", copy.role),
            ("Accepted", copy.message.accepted_at),
            ("Last words of the mail server", copy.message.reply),
        ],
    )
