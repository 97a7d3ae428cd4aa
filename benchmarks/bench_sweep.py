"""Cases per second that a sweep suspends, each looked at again under its lock, beside the limit of the same writes and
beside a first draft with a transaction for each case.

python -m benchmarks.bench_sweep --size small|medium|large, or `./run bench sweep`. All sides meet the same cases, turn
by turn: what one wrote is taken back before the next begins. Each side works in one process, then in two at once.
"""

import argparse
import json
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import django
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accounts_enforcement.settings")
django.setup()

from benchmarks import machine, sweep_baseline, sweep_ground, sweep_limit  # noqa: E402
from benchmarks.hands import Hands, Task  # noqa: E402
from enforcement.models import Case  # noqa: E402
from enforcement.services import clock, sweep  # noqa: E402

GOAL, GOAL_TIMES = 0.3, 20
PROCESSES = (1, 2)


@dataclass(frozen=True)
class Size:
    """Cases that are due, how many of them the first draft settles, and rounds."""

    cases: int
    draft: int
    rounds: int


SIZES = {"small": Size(2_000, 200, 3), "medium": Size(20_000, 500, 3), "large": Size(100_000, 1_000, 3)}


@dataclass(frozen=True)
class Round:
    """Cases per second of each side."""

    limit: float
    sweep: float
    baseline: float
    load: str

    @property
    def share(self) -> float:
        return self.sweep / self.limit

    @property
    def times(self) -> float:
        return self.sweep / self.baseline


def measure(size: Size, now: datetime, hands: Hands) -> list[Round]:
    hands.work(service, now)  # warms up, and tells the limit what is decided
    sweep_limit.learn()
    sweep_ground.take_back(now)
    return [turn(size, now, hands) for _ in range(size.rounds)]


def turn(size: Size, now: datetime, hands: Hands) -> Round:
    limit = timed(sweep_limit.run, size.cases, now, hands)
    ours = timed(service, size.cases, now, hands)
    draft = timed(partial(sweep_baseline.run, size.draft), size.draft, now, hands)
    return Round(limit, ours, draft, machine.load())


def timed(task: Task, cases: int, now: datetime, hands: Hands) -> float:
    """Cases per second; afterwards nothing has happened."""
    seconds = hands.work(task, now)
    expect_suspended(cases)
    sweep_ground.take_back(now)
    return cases / seconds


def service(now: datetime, hand: int, hands: int) -> None:
    done = sweep.sweep(now=now)["looked"]
    assert not done.failed, done


def expect_suspended(cases: int) -> None:
    """A side that does less than the others would be faster."""
    found = Case.objects.filter(reference__startswith="SW-", state="suspended", decisions__step="suspend")
    assert found.filter(restrictions__lifted_at=None, memos__kind="suspension").count() == cases


_ROW = "{:>9} {:>7} {:>9} {:>9} {:>6} {:>10} {:>6}"
_SIDES = ("limit", "sweep", "share", "baseline", "times")


def _row(processes: int, name: object, found: Mapping[str, float]) -> str:
    printed = f"{found['limit']:,.0f}", f"{found['sweep']:,.0f}", f"{found['share']:.0%}"
    return _ROW.format(processes, name, *printed, f"{found['baseline']:,.0f}", f"{found['times']:,.0f}x")


def report(processes: int, rounds: Sequence[Round]) -> dict[str, float]:
    for number, each in enumerate(rounds, start=1):
        print(_row(processes, number, {side: getattr(each, side) for side in _SIDES}), f" {each.load}")
    middle = {side: statistics.median(getattr(each, side) for each in rounds) for side in _SIDES}
    print(_row(processes, "median", middle), flush=True)
    return middle


def judge(middle: Mapping[str, float]) -> None:
    print(f"goal: at least {GOAL:.0%} of the limit: {'met' if middle['share'] >= GOAL else 'MISSED'}")
    print(f"goal: at least {GOAL_TIMES} times the baseline: {'met' if middle['times'] >= GOAL_TIMES else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small")
    name = parser.parse_args().size
    size = SIZES[name]
    call_command("migrate", verbosity=0)
    now = clock.now()
    sweep_ground.lay(size.cases, now)
    sweep_ground.take_back(now)
    print(_ROW.format("processes", "round", "limit/s", "sweep/s", "share", "baseline/s", "times"), " load")
    middles = {}
    for count in PROCESSES:
        with Hands(count) as hands:
            middles[count] = report(count, measure(size, now, hands))
    judge(middles[PROCESSES[-1]])
    circumstances = {"size": name, **vars(size), "tallies": sweep_ground.DAYS}
    print(json.dumps({"sweep": middles, "circumstances": circumstances | machine.describe()}))


if __name__ == "__main__":
    main()
