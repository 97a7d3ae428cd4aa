"""What the properties remember beside the rows, so that they need not trust the rules: what was promised, what ran.

Durations come from the policy document, moments from what happened; no rule of ours is asked.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from enforcement.rules.transitions import State
from tests.model.guards import MAIL
from tests.model.state import TICK, Account, Case, Copy, World
from tests.model.terms import Terms

_NOTHING = timedelta(0)
RUNS = (State.WARNED, State.RESTRICTED, State.SUSPENDED)  # the states whose memo starts a clock


def notice_of(terms: Terms, state: State) -> timedelta:
    """What the policy and the contract promise in this state."""
    ladder = terms.pinned.ladder
    if state is State.WARNED:
        return max(ladder.warn.notice, terms.min_notice)
    later = ladder.restriction if state is State.RESTRICTED else ladder.suspension
    assert later is not None
    return later.after


def remember(terms: Terms, before: World, after: World, spent: tuple[int, ...]) -> World:
    """Carry what was promised and how long the clock ran; and what came from outside so far."""
    accounts = after.accounts
    for i, account in enumerate(accounts):
        was, case = before.accounts[i], account.case
        if case is None or case.state not in RUNS or (was is account and before.pulled_at == after.pulled_at):
            continue
        promised = max(_promises(terms, was, account, before, after), default=None)
        ran = case.ran if have_it(case) else _NOTHING
        if promised != case.promised or ran != case.ran:
            account = account._replace(case=case._replace(promised=promised, ran=ran))
            accounts = (*accounts[:i], account, *accounts[i + 1 :])
    if accounts is after.accounts and spent == after.spent:
        return after
    return after._replace(accounts=accounts, spent=spent)


def _promises(terms: Terms, was: Account, account: Account, before: World, after: World) -> Iterator[datetime]:
    case = account.case
    assert case is not None
    for each in (case.promised, case.due_at):
        if each is not None:
            yield each
    memo = case.memo
    if memo is None or memo.rendered_at is None:
        return
    notice = notice_of(terms, case.state)
    for copy in memo.copies:
        if memo.told_due_at and (copy.accepted_at or copy.in_doubt):
            yield memo.told_due_at
    if have_it(case):
        yield min(have_it(case)) + notice
    if after.pulled_at is None and have_it(case) and _goes_on(was, account, before):
        yield _ended_at(was, account, after) + terms.pinned.appeals.minimum_remaining


def _goes_on(old: Account, new: Account, before: World) -> bool:
    """Whether this action ended the last stop; a step that waits for a person is bound by the clock too."""
    was, case = old.case, new.case
    if was is None or case is None or was.version != case.version or _standing(new, before.now) - {"approval"}:
        return False
    return before.pulled_at is not None or bool(was.stops - case.stops - MAIL)


def _standing(account: Account, now: datetime) -> frozenset[str]:
    """An exemption is over at the moment that was said, whoever has seen it."""
    assert account.case is not None
    over = account.exempt_until is not None and account.exempt_until <= now
    return account.case.stops - {"exemption"} if over else account.case.stops


def _ended_at(old: Account, new: Account, after: World) -> datetime:
    assert old.case is not None
    assert new.case is not None
    late = old.case.stops - new.case.stops == {"exemption"} and old.exempt_until is not None
    return min(old.exempt_until, after.now) if late and old.exempt_until else after.now


def have_it(case: Case) -> list[datetime]:
    """When servers accepted copies that did not come back."""
    copies: tuple[Copy, ...] = case.memo.copies if case.memo else ()
    return [copy.accepted_at for copy in copies if copy.status == "accepted" and copy.accepted_at]


def let_run(terms: Terms, account: Account, braked: bool, now: datetime) -> Account:
    """A tick of the clock of this account's case, unless something stops it."""
    case = account.case
    if (
        case is None
        or case.state not in RUNS
        or _standing(account, now) - {"approval", "bounce", "unreachable"}
        or braked
        or not have_it(case)
    ):
        return account  # the date stands while a step waits for a person, and binds that step
    ran = min(case.ran + TICK, notice_of(terms, case.state))  # more of it tells nothing new
    return account if ran == case.ran else account._replace(case=case._replace(ran=ran))
