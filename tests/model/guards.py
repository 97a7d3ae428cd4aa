"""The conditions that services put around the rules, one sentence each. Mutants take them away, one at a time."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from enforcement.rules import decisions
from enforcement.rules.budgets import Spent, allowance
from enforcement.rules.outcomes import Outcome
from enforcement.rules.policy_parts import Safety
from enforcement.rules.transitions import NEEDS_NOTICE, State, Step
from tests.model.state import Account, Case, Memo, Worker, World
from tests.model.terms import TOLD, Terms

PRECEDENCE = ("owner", "legal", "security", "billing")
# Two log-ins of one human being count as one person.
PERSON_OF = {"ana": "ana", "ana again": "ana", "bo": "bo", "cy": "cy"}
COUNSEL = frozenset({"cy"})
# What the automation spends of the hourly budget; a warning restricts nobody.
BUDGETED = NEEDS_NOTICE
MAIL = frozenset({"bounce", "unreachable"})  # stops that the acceptance of a memo ends
_ACCOUNTS = 2  # so few that the share of a day does not apply
WINDOW = timedelta(minutes=3)  # stands for the hour of `max_steps_per_hour`


def role_of(address: str) -> str:
    """An address that was corrected keeps its role: owner, owner', owner''."""
    return address.rstrip("'")


def persons(names: Collection[str]) -> set[str]:
    return {PERSON_OF[name] for name in names}


def enough(step: Step, people: int, names: Sequence[str], counsel: bool) -> bool:
    """As many different people as must agree, counsel among them where the table asks for it."""
    return len(persons(names)) >= people and (not counsel or bool(set(names) & COUNSEL))


def may_sign(name: str, names: Sequence[str]) -> bool:
    return PERSON_OF[name] not in persons(names)


def involved(case: Case, version: int) -> set[str]:
    """Who may not decide an appeal against this decision."""
    return persons(case.decisions[version - 1].names)


# -- clocks ------------------------------------------------------------------------------------------------------


def stopped(case: Case, besides: str = "") -> bool:
    return bool(case.stops - {besides})


def stands_still(case: Case, besides: str = "") -> bool:
    """What a decider asks of the stops before it acts."""
    return stopped(case, besides)


def braked(world: World) -> bool:
    """What a decider reads of the switch, inside its transaction."""
    return world.pulled_at is not None


def exempt(account: Account, now: datetime) -> bool:
    return account.exempt_until is not None and now < account.exempt_until


def appeal_open(case: Case) -> bool:
    """An open appeal that stops the clock."""
    return any(each.suspensive for each in case.appeals)


def reception(memo: Memo) -> tuple[datetime | None, bool]:
    """When the memo was accepted by whose word counts most, and whether everybody refused it."""
    by_role: dict[str, list[tuple[str, datetime | None]]] = {}
    for copy in memo.copies:
        by_role.setdefault(role_of(copy.address), []).append((copy.status, copy.accepted_at))
    for role in PRECEDENCE:
        copies = by_role.get(role, [])
        accepted = [at for status, at in copies if status == "accepted" and at]
        if accepted:
            return min(accepted), False
        if any(status in ("queued", "claimed") for status, _ in copies):
            return None, False
    return None, bool(memo.copies)


def holds_bounces(_: Case) -> bool:
    """A memo that came back stops the clock, whatever the case waits for."""
    return True


def counts_from(_: Memo, accepted_at: datetime) -> datetime:
    """The notice runs from the acceptance, not from the rendering, and not from when we heard of it."""
    return accepted_at


def early(account: Account, now: datetime) -> bool:
    """Whether a step comes before its notice has run, or while something stops the clock."""
    case = account.case
    assert case is not None
    return (
        not due(case, now)
        or not notice_proved(case, now)
        or stands_still(case, besides="approval")
        or appeal_open(case)
        or exempt(account, now)
    )


def due(case: Case, now: datetime) -> bool:
    return case.due_at is not None and case.due_at <= now


def notice_proved(case: Case, now: datetime) -> bool:
    """The memo that announced the present state was accepted the promised notice ago, and did not come back."""
    accepted_at = reception(case.memo)[0] if case.memo else None
    return accepted_at is not None and case.notice is not None and accepted_at + case.notice <= now


def went_on_at(case: Case, ended_at: datetime) -> datetime:
    """Overlapping stops are one: it ends with the last of them, in whatever order we come to see their ends."""
    return max(ended_at, case.last_end or ended_at)


def extended(due_at: datetime, by: timedelta) -> datetime:
    return due_at + by


# -- evidence ----------------------------------------------------------------------------------------------------


def counting(account: Account, seen: Sequence[datetime]) -> tuple[datetime, ...]:
    """What was seen before the last case closed is used up."""
    return tuple(at for at in seen if account.closed_at is None or at > account.closed_at)


def new_since(case: Case) -> datetime | None:
    """Since when traffic is new: the acceptance of the memo, or a person's refusal of the step."""
    moments = [each for each in (case.accepted_at, case.refused_at) if each is not None]
    return max(moments, default=None)


def judged_again(case: Case) -> tuple[tuple[datetime | None, datetime | None], ...]:
    """As of which moments a retraction judges a case, and since when traffic had to be new then; None is now.

    It rests on the decision that warned and on the step at the deadline; a warned one has to hold now as well. A step
    without notice rests on its legal basis: there is nothing to judge.
    """
    at = {each.step: each for each in case.decisions}
    if Step.WARN not in at or Step.RESTRICT_NOW in at:
        return ()
    warned = (at[Step.WARN].at, None)
    if case.state is State.WARNED:
        return (warned, (None, None))
    step = next(each for each in case.decisions if each.step in NEEDS_NOTICE)
    return (warned, (step.at, step.told_at))


def still_unsupported(terms: Terms, active: int, step: Step) -> bool:
    """A restricting step needs the territory to be unsupported under both versions, whoever takes it."""
    pinned, now = terms.pinned.territories, terms.versions[active].territories
    return step not in NEEDS_NOTICE or decisions.still_unsupported(TOLD, pinned, now)


def still_warns(outcome: Outcome | None) -> bool:
    """A warning that waited for a person is looked at again when that person agrees."""
    return outcome is not None and outcome.outcome != "review"


# -- the brake ---------------------------------------------------------------------------------------------------


def left(automatic: Sequence[datetime], now: datetime, safety: Safety) -> int:
    """How many automatic steps the window still has room for."""
    spent = Spent(hour=sum(1 for at in automatic if at > now - WINDOW), day=len(automatic))
    return allowance(spent, _ACCOUNTS, safety)


def frozen_from(pulled_at: datetime | None, now: datetime) -> datetime:
    """A clock that is stopped during a pull has not run since the pull."""
    return now if pulled_at is None else min(now, pulled_at)


def clock(world: World) -> datetime:
    """Everybody reads the database's."""
    return world.now


def to_give_back(world: World, i: int) -> datetime | None:
    """Since when the brake has kept this clock; an earlier release that was interrupted may have set it on once."""
    return dict(world.set_on).get(i, world.pulled_at)


# -- locks -------------------------------------------------------------------------------------------------------

BUDGET_IS_LOCKED = True  # from the reservation to the commit


def lockable(world: World, i: int) -> bool:
    """Nobody else holds this account."""
    return not any(each is not None and each.account == i and each.phase != "picked" for each in world.workers)


def look_again(worker: Worker, world: World) -> Account:
    """What a decider reads after it got the lock: the account as it is, not as it was when it was picked."""
    return world.accounts[worker.account]


def brake_again(_: Worker, world: World) -> bool:
    return braked(world)
