"""How many steps the automation may take by itself within an hour and a day, reserved by those who decide."""

from datetime import datetime

from django.db import transaction

from enforcement.models import Brake, BrakePull
from enforcement.rules import budgets
from enforcement.rules.budgets import Spent, accounts_needed, allowance
from enforcement.rules.policy import Policy
from enforcement.rules.policy_parts import Safety
from enforcement.rules.transitions import NEEDS_NOTICE
from enforcement.services import brake, cursors
from enforcement.services.switches import NoSwitch
from faultpoints import faultpoint

_TAKE = "UPDATE enforcement_budget SET steps = steps + %s"
_COUNTED = f"""
SELECT count(*) FILTER (WHERE settled_at > %(now)s::timestamptz - interval '1 hour'), count(*)
  FROM enforcement_decision
 WHERE status = 'applied' AND people = 0 AND step IN ({", ".join(f"'{step}'" for step in sorted(NEEDS_NOTICE))})
   AND settled_at > %(now)s::timestamptz - interval '1 day'
"""
# Counted no further than matters: a million accounts take as long as a third of a batch.
_ACCOUNTS = "SELECT count(*) FROM (SELECT FROM enforcement_account LIMIT %s) AS enough"


def reserve(steps: int, *, policy: Policy, now: datetime) -> int:
    """How many of these automatic steps may be taken in this transaction.

    The UPDATE is a queue: whoever reserves waits until those before have committed, and then counts what they did, in a
    statement of its own. A rollback gives everything back. Where not all are granted, the brake is pulled after the
    commit, and what was not taken stays due.
    """
    _take(steps)
    found = spent(now=now)
    granted = min(steps, allowance(found, _accounts(found.day + steps, policy.safety), policy.safety))
    if granted < steps:
        _take(granted - steps)
        transaction.on_commit(lambda: _pull(policy.safety, now))
    faultpoint("budget.reserved")
    return granted


def spent(*, now: datetime) -> Spent:
    """What the automation has done within the last hour and day."""
    with cursors.prepared() as cursor:
        cursor.execute(_COUNTED, {"now": now})
        hour, day = cursor.fetchone() or (0, 0)
        return Spent(hour, day)


def limits(safety: Safety) -> Spent:
    """The most that may be spent; of a day no more than its hours allow."""
    by_hours = 24 * safety.max_steps_per_hour
    most = budgets.limits(_accounts(by_hours, safety), safety)
    return Spent(most.hour, min(most.day, by_hours))


def _take(steps: int) -> None:
    with cursors.prepared() as cursor:
        cursor.execute(_TAKE, [steps])
        if cursor.rowcount != 1:  # without its row nobody would wait for anybody
            raise NoSwitch("budget")


def _accounts(steps: int, safety: Safety) -> int:
    with cursors.prepared() as cursor:
        cursor.execute(_ACCOUNTS, [accounts_needed(steps, safety)])
        (accounts,) = cursor.fetchone() or (0,)
        return int(accounts)


def _pull(safety: Safety, now: datetime) -> None:
    limits = f"{safety.max_steps_per_hour} an hour, {safety.max_share_of_accounts:%} of the accounts a day"
    brake.pull(
        Brake.What.ENFORCEMENT,
        BrakePull.Cause.BUDGET,
        f"The automation has spent its budget ({limits}).",
        now=now,
    )
