"""What is left of an hour and of a day; the share of few accounts begins with the 20th step."""

import pytest

from enforcement.rules.budgets import Spent, accounts_needed, allowance
from enforcement.rules.policy_parts import Safety

USUAL = Safety(max_steps_per_hour=100, max_share_of_accounts=0.005)


@pytest.mark.parametrize(
    ("hour", "day", "accounts", "left"),
    [
        (0, 0, 1_000_000, 100),  # the hour
        (99, 99, 1_000_000, 1),
        (100, 100, 1_000_000, 0),
        (120, 120, 1_000_000, 0),  # a policy with less of it came into force
        (0, 4_990, 1_000_000, 10),  # the day
        (0, 0, 100, 19),  # half a step would be the share: it applies from the 20th
        (5, 18, 100, 1),
        (0, 19, 100, 0),
        (0, 19, 4_000, 1),  # the 20th step takes 4,000 accounts
        (0, 19, 3_999, 0),
        (0, 20, 4_000, 0),
    ],
)
def test_the_smaller_of_what_the_hour_and_the_day_leave(hour: int, day: int, accounts: int, left: int) -> None:
    assert allowance(Spent(hour, day), accounts, USUAL) == left


@pytest.mark.parametrize("steps", [1, 19, 20, 21, 100, 777])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.005, 1.0])
def test_accounts_that_are_not_counted_would_change_nothing(steps: int, share: float) -> None:
    """Counting stops where the share covers all the steps that are asked for."""
    safety = Safety(max_steps_per_hour=1_000, max_share_of_accounts=share)
    counted = accounts_needed(steps, safety)
    asked = min(steps, allowance(Spent(0, 0), counted, safety))
    assert asked == min(steps, allowance(Spent(0, 0), counted + 1_000_000, safety)) or not share
