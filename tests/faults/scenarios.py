"""Lives of cases, each a cast and its acts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from enforcement.models import Account
from tests.faults import acts
from tests.faults.acts import Act


@dataclass(frozen=True, slots=True)
class Scenario:
    acts: tuple[Act, ...]
    cast: Callable[[], None] = acts.cast
    ends: tuple[str, ...] = ()  # the states of the cases, without any fault


WARNED = (acts.evidence, acts.work)
SUSPENDED = (*WARNED, acts.past_the_deadline, acts.fresh_evidence, acts.work)

SCENARIOS = {
    "to the block": Scenario((*SUSPENDED, acts.past_the_deadline, acts.work), ends=("blocked",)),
    "appeal upheld": Scenario(
        (*WARNED, acts.contest_the_warning, acts.work, acts.uphold, *SUSPENDED[2:]), ends=("suspended",)
    ),
    "appeal overturned": Scenario(
        (*SUSPENDED, acts.contest_the_suspension, acts.work, acts.overturn, acts.work), ends=("closed",)
    ),
    "appeal answered late": Scenario(
        (*SUSPENDED, acts.contest_the_suspension, acts.let_the_answer_be_late, acts.work, acts.uphold, acts.work),
        ends=("suspended",),
    ),
    "retraction": Scenario((*SUSPENDED, acts.retract, acts.work), ends=("closed",)),
    "bounce": Scenario(
        (*WARNED, acts.come_back, acts.work, acts.name_another_contact, acts.work, *SUSPENDED[2:]), ends=("suspended",)
    ),
    "reinstated by hand": Scenario(
        (*SUSPENDED, acts.approve, acts.work, acts.reinstate, acts.work),
        cast=partial(acts.cast, kind=Account.Kind.PERSON),
        ends=("closed",),
    ),
    "fifty accounts": Scenario(SUSPENDED, cast=partial(acts.cast, 50), ends=("suspended",) * 50),
    "brake": Scenario(
        (
            *WARNED,
            acts.pull_the_brake,
            *SUSPENDED[2:],
            acts.release_the_brake,
            acts.work,
            acts.past_the_deadline,
            acts.more_evidence,
            acts.work,
        ),
        ends=("suspended",),
    ),
    "restrict now": Scenario((*WARNED, acts.propose_to_restrict_now, acts.approve, acts.work), ends=("restricted",)),
}
