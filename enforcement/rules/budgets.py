"""The budget of the automation: so many steps an hour, and a share of all accounts a day."""

from dataclasses import dataclass
from math import ceil

from enforcement.rules.policy_parts import Safety

FREE_OF_SHARE = 19  # a share of few accounts would be no step at all, so it applies from the 20th


@dataclass(frozen=True, slots=True)
class Spent:
    """Automatic restrictions, suspensions and blocks of the last hour, and of the last 24 hours."""

    hour: int
    day: int


def allowance(spent: Spent, accounts: int, safety: Safety) -> int:
    """How many more steps may be taken now, with so many accounts in all."""
    most = limits(accounts, safety)
    return max(0, min(most.hour - spent.hour, most.day - spent.day))


def limits(accounts: int, safety: Safety) -> Spent:
    """The most that may be spent within an hour and a day, with so many accounts in all."""
    return Spent(safety.max_steps_per_hour, max(FREE_OF_SHARE, int(safety.max_share_of_accounts * accounts)))


def accounts_needed(steps: int, safety: Safety) -> int:
    """With how many accounts the share covers so many steps a day; more of them need not be counted."""
    if steps <= FREE_OF_SHARE or not safety.max_share_of_accounts:
        return 0
    return ceil(steps / safety.max_share_of_accounts)
