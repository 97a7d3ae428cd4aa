"""The small forms of the confirmation pages."""

from collections.abc import Sequence
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
)

from enforcement.admin.display import plain


class ReasonForm(forms.Form):
    """Why: kept with the decision for ever, and readable by the account."""

    reason = forms.CharField(
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="Required. Write what you looked at and what it shows; the account may read this.",
        error_messages={"required": "A reason is required: it is kept with the decision, and the account may read it."},
    )


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
    field_order = ("scope", "credentials", "reason")

    def __init__(self, *args: Any, keys: Sequence[str] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["credentials"].choices = [(key, plain(key)) for key in keys]  # type: ignore[attr-defined]
        if not keys:
            self.fields["credentials"].help_text = "The facts name no key."

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("scope") == "keys" and not found.get("credentials"):
            self.add_error("credentials", "Name at least one key.")
        if found.get("scope") == "traffic" and found.get("credentials"):
            self.add_error("credentials", "Keys are named, but all traffic is chosen. Choose one of the two.")
        return found
