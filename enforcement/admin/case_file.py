"""A case with everything that hangs on it, read in a fixed number of queries, however long the case is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Max, Model, OuterRef, Prefetch, Subquery
from django.db.models.functions import JSONObject
from django.http import Http404

from enforcement.models import (
    Account,
    Appeal,
    Case,
    Contact,
    Decision,
    Extension,
    Memo,
    MemoCopy,
    PolicyVersion,
    Restriction,
    Stop,
)
from enforcement.rules.transitions import State, Step

Part = TypeVar("Part", bound=Model)

_CONTACT = ("id", "role", "email")
_STOP = ("id", "kind", "reason", "started_at", "ended_at", "until", "end_because")
_STOPPED_BY = ("started_by", "end_proposed_by", "end_approved_by")
_EXTENSION = ("id", "old_due_at", "due_at", "reason", "extended_at")
_RESTRICTION = ("id", "scope", "value", "reason_code", "since", "lifted_at")


@dataclass(frozen=True, slots=True)
class CaseFile:
    """Everything in the order in which it came. The words of memos and messages stay where they are."""

    case: Case  # with `account`, its `score` and that one's policy, and the case's own `policy`
    contacts: list[Contact]
    decisions: list[Decision]
    memos: list[Memo]
    appeals: list[Appeal]
    stops: list[Stop]
    restrictions: list[Restriction]
    extensions: list[Extension]
    earlier_close: datetime | None  # when another case of the account was closed before

    @property
    def held(self) -> list[Decision]:
        return [each for each in self.decisions if each.status == Decision.Status.HELD]

    @property
    def disputed(self) -> list[Appeal]:
        return [each for each in self.appeals if each.status == Appeal.Status.OPEN]

    @property
    def standing_stops(self) -> list[Stop]:
        return [each for each in self.stops if each.ended_at is None]

    @property
    def is_without_notice(self) -> bool:
        """Whether the account is restricted on the path without notice, from which nothing goes on."""
        taken = {each.step for each in self.decisions if each.status == Decision.Status.APPLIED}
        return self.case.state == State.RESTRICTED and Step.RESTRICT_NOW in taken

    @property
    def was_told(self) -> bool:
        """Whether any mail server took a memo of the case."""
        return any(copy.message.accepted_at for memo in self.memos for copy in memo.copies.all())


def load(case_id: int) -> CaseFile:
    """Raises Case.DoesNotExist. What is small and never asked for alone comes with the case itself, in one row."""
    case: Any = (
        Case.objects.select_related("account__score__policy", "policy")
        .annotate(
            contacts_read=_inside(Contact, _CONTACT, account=OuterRef("account")),
            stops_read=_inside(Stop, _STOP, _STOPPED_BY, case=OuterRef("pk")),
            extensions_read=_inside(Extension, _EXTENSION, ("extended_by",), case=OuterRef("pk")),
            restrictions_read=_inside(Restriction, _RESTRICTION, case=OuterRef("pk")),
            earlier_close=Subquery(_EARLIER),
        )
        .prefetch_related(*_parts())
        .get(pk=case_id)
    )
    decisions = {each.pk: each for each in case.decisions.all()}
    appeals = list(case.appeals.all())
    for appeal in appeals:
        appeal.decision, appeal.case = decisions[appeal.decision_id], case
    return CaseFile(
        case=case,
        contacts=_read(Contact, case.contacts_read),
        decisions=list(decisions.values()),
        memos=list(case.memos.all()),
        appeals=appeals,
        stops=_read(Stop, case.stops_read),
        restrictions=_read(Restriction, case.restrictions_read),
        extensions=_read(Extension, case.extensions_read),
        earlier_close=case.earlier_close,
    )


def unopened(account: Account, policy: PolicyVersion | None) -> CaseFile:
    """The file of a case that is not there yet, and that a restriction without notice would open."""
    case = Case(account=account, policy=policy, state=State.OPEN)
    contacts = list(account.contacts.order_by("pk"))
    return CaseFile(case, contacts, [], [], [], [], [], [], earlier_close=None)


def load_of_account(account_id: int) -> CaseFile:
    """Of the case that stands, or of one that is not there. Raises Http404 where there is no such account."""
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise Http404
    standing = Case.objects.filter(account=account).exclude(state=State.CLOSED).values_list("pk", flat=True).first()
    if standing is not None:
        return load(standing)
    return unopened(account, PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).first())


def load_or_404(case_id: int) -> CaseFile:
    try:
        return load(case_id)
    except Case.DoesNotExist:
        raise Http404 from None


_EARLIER = (
    Case.objects.filter(account=OuterRef("account"), pk__lt=OuterRef("pk"), state="closed")
    .values("account")
    .annotate(latest=Max("closed_at"))
    .values("latest")
)


def _parts() -> list[Prefetch]:
    copies = MemoCopy.objects.select_related("message").defer("message__text", "message__html").order_by("pk")
    decisions = Decision.objects.select_related(
        "proposed_by", "approved_by", "seconded_by", "refused_by", "gag_end__ended_by"
    )
    memos = Memo.objects.defer("text", "html").prefetch_related(Prefetch("copies", copies))
    return [
        Prefetch("decisions", decisions.order_by("pk")),
        Prefetch("memos", memos.order_by("pk")),
        Prefetch("appeals", Appeal.objects.select_related("decided_by").order_by("pk")),
    ]


def _inside(model: type[Model], columns: tuple[str, ...], people: tuple[str, ...] = (), **which: Any) -> ArraySubquery:
    """`people` are columns that name a login: each with what it is called."""
    rows = model._default_manager.filter(**which).order_by("pk")
    logins = {name: JSONObject(id=f"{name}_id", username=f"{name}__username") for name in people}
    return ArraySubquery(rows.values(row=JSONObject(**{name: name for name in columns}, **logins)))


def _read(model: Callable[..., Part], rows: list[dict[str, Any]]) -> list[Part]:
    return [model(**{name: _value(name, value) for name, value in row.items()}) for row in rows]


def _value(name: str, value: Any) -> Any:
    """JSON knows neither moments nor people."""
    if isinstance(value, dict):
        return User(**value) if value["id"] is not None else None
    is_moment = value is not None and (name.endswith("_at") or name in ("since", "until"))
    return datetime.fromisoformat(value) if is_moment else value
