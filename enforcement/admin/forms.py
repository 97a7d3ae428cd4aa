"""The small forms of the confirmation pages."""

from collections.abc import Sequence
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from enforcement.admin.display import plain
from enforcement.models import Decision


def _moment() -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})


class ReasonForm(forms.Form):
    """Why: kept with the decision for ever, and readable by the account."""

    reason = forms.CharField(
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="Required. Write what you looked at and what it shows; the account may read this.",
        error_messages={"required": "A reason is required: it is kept with the decision, and the account may read it."},
    )


class SignForm(forms.Form):
    """For the second of two people: the first has said why."""


class HoldForm(ReasonForm):
    """How long a case is held."""

    until = forms.DateTimeField(
        required=False,
        widget=_moment(),
        label="Until, in UTC",
        help_text="Leave it empty to hold the case until two people end that.",
    )
    field_order = ("until", "reason")


class ExtendForm(ReasonForm):
    """The new deadline."""

    due_at = forms.DateTimeField(
        widget=_moment(),
        label="The new deadline, in UTC",
        error_messages={"required": "Name the new deadline."},
    )
    field_order = ("due_at", "reason")


class ExemptForm(ReasonForm):
    """What is exempt, and until when."""

    scope = forms.ChoiceField(
        choices=[
            ("account", "The whole account"),
            ("territory", "Traffic from one territory"),
            ("credential", "Traffic with one key"),
        ],
        initial="account",
        widget=UnfoldAdminRadioSelectWidget,
        label="What is exempt",
    )
    value = forms.CharField(
        required=False,
        max_length=128,
        widget=UnfoldAdminTextInputWidget,
        label="Territory or key",
        help_text="A country or a part of one, as CN or UA-43, or the hint of a key. Empty for the whole account.",
    )
    ends_at = forms.DateTimeField(
        widget=_moment(), label="Until, in UTC", error_messages={"required": "Name the end of the exemption."}
    )
    field_order = ("scope", "value", "ends_at", "reason")


class StepForm(ReasonForm):
    """`version` is the case's as the person saw it: a page that is out of date is refused."""

    version = forms.IntegerField(
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(
            ("required", "invalid"), "This page does not say which case you saw; open it again."
        ),
    )


class RestrictForm(StepForm):
    """What is restricted: the traffic from unsupported territories, or single keys that the evidence names."""

    scope = forms.ChoiceField(
        choices=[("traffic", "All requests from unsupported territories"), ("keys", "All requests with these keys")],
        initial="traffic",
        widget=UnfoldAdminRadioSelectWidget,
        label="What the gateway refuses",
    )
    credentials = forms.MultipleChoiceField(
        required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget, label="Keys that the evidence names"
    )
    field_order: tuple[str, ...] = ("scope", "credentials", "reason")

    def __init__(self, *args: Any, keys: Sequence[str] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["credentials"].choices = [(key, plain(key)) for key in keys]  # type: ignore[attr-defined]
        if not keys:
            self.fields["credentials"].help_text = "The facts name no key."

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if found.get("scope") == "keys" and not found.get("credentials"):
            self.add_error("credentials", "Name at least one key.")
        if found.get("scope") == "traffic" and found.get("credentials"):
            self.add_error("credentials", "Keys are named, but all traffic is chosen. Choose one of the two.")
        return found


class RestrictNowForm(RestrictForm):
    """On what a restriction without notice rests, and when the account is told. `version` is empty without a case."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    basis = forms.ChoiceField(choices=Decision.Basis.choices, widget=UnfoldAdminRadioSelectWidget, label="Basis")
    legal_basis = forms.CharField(
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        label="Legal basis",
        help_text="Required. The order, the law or the danger, as the account will read it.",
    )
    told = forms.ChoiceField(
        choices=[("now", "At once"), ("date", "From a date"), ("gag", "When a gag ends")],
        initial="now",
        widget=UnfoldAdminRadioSelectWidget,
        label="The account is told",
    )
    told_from = forms.DateTimeField(
        required=False,
        widget=_moment(),
        label="The date, in UTC",
    )
    field_order = ("basis", "legal_basis", "scope", "credentials", "told", "told_from", "reason")

    def clean(self) -> dict[str, Any]:
        found = super().clean()
        if found.get("told") == "date" and not found.get("told_from"):
            self.add_error("told_from", "Name the date from which the account is told.")
        if found.get("told") != "date" and found.get("told_from"):
            self.add_error("told_from", "A date is named, but another moment is chosen. Choose one of the two.")
        return found
