"""Accounts as OpenAPI shows them."""

from enum import StrEnum
from typing import Any

from rest_framework import serializers as s

from enforcement.api.shapes.bodies import Body
from enforcement.api.shapes.forms import ACCOUNT_ID, LANGUAGE, LINE
from enforcement.api.shapes.problems import FieldError
from enforcement.models import Account, Contact
from enforcement.rules.capabilities import FINISH_WITHIN, Credit, Jobs, Requests
from enforcement.rules.durations import format_duration
from enforcement.rules.transitions import Scope

POLICY_STEPS = [(each, each) for each in ("restrict_territory", "suspend", "block")]  # as a policy names them
STANDINGS = [(each, each) for each in ("clear", "warned", "restricted", "suspended", "blocked")]
SCOPES = [(each.value, each.name) for each in Scope]


def _values(words: type[StrEnum]) -> list[str]:
    return [each.value for each in words]


class AccountContact(Body):
    email = s.EmailField()
    role = s.ChoiceField(Contact.Role.choices)


class AccountTerms(Body):
    """What was agreed with this account."""

    min_notice = s.CharField(required=False, allow_null=True, help_text="ISO 8601, such as P60D.")
    no_suspension = s.BooleanField(required=False, help_text="Suspensions and blocks wait for a person.")


class AccountChange(Body):
    """Only named fields change; contacts that are named replace the old ones."""

    external_id = s.RegexField(ACCOUNT_ID, required=False, help_text="Required in an array.")
    name = s.RegexField(LINE, required=False, allow_null=True, max_length=200)
    kind = s.ChoiceField(Account.Kind.choices, required=False)
    language = s.RegexField(LANGUAGE, required=False, help_text="BCP 47; memos are written in it.")
    timezone = s.CharField(required=False, help_text="IANA, such as Europe/Berlin.")
    home_country = s.RegexField(
        r"^([A-Z]{2})?$", required=False, allow_null=True, help_text="ISO 3166-1 alpha-2, an assigned code."
    )
    contacts = AccountContact(many=True, required=False)
    plan = s.RegexField(LINE, required=False, allow_null=True, max_length=64)
    protected = s.BooleanField(required=False, help_text="One more person must agree to every step.")
    terms = AccountTerms(required=False)
    serves_third_parties = s.BooleanField(required=False)


class AccountAnswer(s.Serializer[Any]):
    index = s.IntegerField()
    external_id = s.CharField(allow_null=True)
    status = s.ChoiceField(["rejected"])
    errors = FieldError(many=True)  # type: ignore[assignment]


class AccountReceipt(s.Serializer[Any]):
    accepted = s.IntegerField()
    rejected = s.IntegerField()
    items = AccountAnswer(many=True)


class AccountScore(s.Serializer[Any]):
    points = s.FloatField()
    lines = s.ListField(child=s.CharField())


class AccountRestriction(s.Serializer[Any]):
    id = s.IntegerField()
    scope = s.ChoiceField(SCOPES)
    value = s.CharField(allow_null=True, help_text="The credential, where one is restricted.")
    reason_code = s.CharField()
    since = s.DateTimeField()


class AccountNotice(s.Serializer[Any]):
    """The step that is announced."""

    case = s.CharField()
    step = s.ChoiceField(POLICY_STEPS)
    due_at = s.DateTimeField(allow_null=True, help_text="null until a mail server took the memo.")
    stopped = s.BooleanField(help_text="Something stops the clock, such as an appeal.")


class AccountCapabilities(s.Serializer[Any]):
    """What the account can do in its standing. Lengths are ISO 8601, counted from the step; null is without end."""

    requests = s.ChoiceField(
        _values(Requests), help_text="narrowed: refused from unsupported territories, or with the named keys."
    )
    jobs = s.ChoiceField(
        _values(Jobs),
        help_text=f"Those that were accepted before. finish: within {format_duration(FINISH_WITHIN)}.",
    )
    results = s.CharField(allow_null=True, help_text="How long results of earlier jobs can be read.")
    self_service = s.CharField(
        allow_null=True, help_text="How long log-in, key deletion, invoices, export and appeal work; then on request."
    )
    top_up = s.BooleanField(help_text="Whether automatic top-up is on.")
    credit = s.ChoiceField(_values(Credit), help_text="What becomes of credit that was paid.")


class AccountStanding(s.Serializer[Any]):
    external_id = s.CharField()
    standing = s.ChoiceField(STANDINGS)
    score = AccountScore()
    capabilities = AccountCapabilities()
    case = s.CharField(allow_null=True)
    restrictions = AccountRestriction(many=True)
    exemptions = s.ListField(child=s.DictField())
    notice = AccountNotice(allow_null=True)


class TimelineEvent(s.Serializer[Any]):
    at = s.DateTimeField()
    what = s.CharField(help_text="Such as case.warned, memo.accepted, appeal.filed.")
    case = s.CharField()
    reason = s.CharField(allow_blank=True)


class TimelinePage(s.Serializer[Any]):
    results = TimelineEvent(many=True)
    next = s.URLField(allow_null=True)
