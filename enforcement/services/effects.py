"""What a step brings about beside the new state: restrictions and memos, written in its transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from enforcement.models import Case, Decision, Memo, Restriction
from enforcement.rules.transitions import Effect, Scope, State, Step, Transition, standing_of
from enforcement.services import memos
from enforcement.services.rows import insert_rows, update_rows

_WHEN_THE_GAG_ENDS = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(slots=True)
class Taken:
    """A step on its way through the writers; `told` is whether the account heard of the case before."""

    case: Case
    transition: Transition
    decision: Decision
    told: bool

    @property
    def felt(self) -> State:
        return standing_of(self.transition.target, narrowed=self.transition.step is Step.NARROW)


def write(taken: Sequence[Taken], *, now: datetime) -> None:
    """Everything that the steps bring about; restrictions come before the memo that tells of them."""
    for effect, writer in _WRITERS.items():
        writer([each for each in taken if effect in each.transition.effects], now)


_RESTRICTION = {
    State.RESTRICTED: (Scope.TERRITORY_TRAFFIC, Restriction.Reason.TERRITORY),
    State.SUSPENDED: (Scope.ACCOUNT, Restriction.Reason.SUSPENDED),
    State.BLOCKED: (Scope.ACCOUNT, Restriction.Reason.BLOCKED),
}


def _restrict(taken: Sequence[Taken], now: datetime) -> None:
    """The restrictions of the new state take the place of those of the old one, where there were any."""
    _lift([each for each in taken if each.decision.from_state in _RESTRICTION], now)
    restrictions = [
        Restriction(
            account_id=each.case.account_id,
            case_id=each.case.pk,
            decision_id=each.decision.pk,
            scope=scope,
            value=value,
            reason_code=reason,
            since=now,
        )
        for each in taken
        for scope, value, reason in _restrictions(each)
    ]
    insert_rows(Restriction, restrictions)


def _restrictions(each: Taken) -> list[tuple[Scope, str, Restriction.Reason]]:
    if each.decision.credentials:
        return [(Scope.CREDENTIAL, key, Restriction.Reason.CREDENTIAL) for key in each.decision.credentials]
    scope, reason = _RESTRICTION[each.felt]
    return [(scope, "", reason)]


def _lift(taken: Sequence[Taken], now: datetime) -> None:
    by_case = {each.case.pk: each.decision for each in taken}
    standing = list(Restriction.objects.filter(case__among=by_case, lifted_at__isnull=True)) if by_case else []
    for restriction in standing:
        restriction.lifted_at, restriction.lifted_by = now, by_case[restriction.case_id]
    update_rows(standing, ("lifted_at", "lifted_by"))


_MEMO_OF_STATE = {
    State.WARNED: Memo.Kind.WARNING,
    State.RESTRICTED: Memo.Kind.RESTRICTION,
    State.SUSPENDED: Memo.Kind.SUSPENSION,
    State.BLOCKED: Memo.Kind.BLOCK,
}


def _send_memo(taken: Sequence[Taken], now: datetime) -> None:
    """Queue the memo of each step. What was still on its way is withdrawn; who never heard of a case hears nothing."""
    free = _free_to_tell(taken, now)
    if not free:
        return
    memos.cancel([each.case.pk for each in free], now=now)
    unsure = [each.case.pk for each in free if each.transition.target is State.CLOSED and not each.told]
    heard = memos.heard_of(unsure) if unsure else set()
    queued = [
        Memo(
            case_id=each.case.pk,
            decision_id=each.decision.pk,
            kind=_kind(each),
            created_at=now,
            render_at=_told_from(each.decision, now),
        )
        for each in free
        if each.transition.target is not State.CLOSED or each.told or each.case.pk in heard
    ]
    insert_rows(Memo, queued)


def _free_to_tell(taken: Sequence[Taken], now: datetime) -> list[Taken]:
    """An end is not told while its beginning must not be; the statement that is sent later tells of both."""
    ended = [each.case.pk for each in taken if each.decision.from_state == State.RESTRICTED]
    withheld = memos.withheld(ended, now=now) if ended else set()
    return [each for each in taken if each.case.pk not in withheld]


def _kind(each: Taken) -> Memo.Kind:
    if each.transition.step is Step.CURE:
        return Memo.Kind.CURE
    return _MEMO_OF_STATE.get(each.transition.target, Memo.Kind.REINSTATEMENT)


def _told_from(decision: Decision, now: datetime) -> datetime:
    """At once, save where counsel has said when an account may hear of a step without notice."""
    return _WHEN_THE_GAG_ENDS if decision.gagged else max(decision.told_from or now, now)


def _in_the_row(_: Sequence[Taken], __: datetime) -> None:
    """Deadlines are columns of the case, which `cases` has written."""


# A new effect without a writer fails here, at import.
_WRITER_OF: dict[Effect, Callable[[Sequence[Taken], datetime], None]] = {
    Effect.RESTRICT: _restrict,
    Effect.LIFT: _lift,
    Effect.SEND_MEMO: _send_memo,
    Effect.AWAIT_ACCEPTANCE: _in_the_row,
    Effect.CLEAR_DEADLINE: _in_the_row,
}
_WRITERS = {effect: _WRITER_OF[effect] for effect in (*_WRITER_OF, *Effect)}
