"""Cases per second that a sweep suspends, each looked at again under its lock, beside the limit of the same writes and
beside a first draft with a transaction for each case.

python -m benchmarks.bench_sweep --size small|medium|large, or `./run bench sweep`. All sides meet the same cases and
the same triggers, turn by turn: what one wrote is taken back before the next begins. Each side works in one process,
then in two at once. Then the service again: beside five times as many cases that are not due, and while somebody ends
its connections.
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

from benchmarks import machine, sweep_baseline, sweep_ground, sweep_limit, sweep_service  # noqa: E402
from benchmarks.hands import Hands, Task, Worked  # noqa: E402
from enforcement.models import Case  # noqa: E402
from enforcement.services import clock  # noqa: E402

GOAL, GOAL_TIMES = 0.25, 20
GOAL_HELD = 0.1  # seconds for which the locks of 99 batches in a hundred are held at most
GOAL_CROWDED = 1.3  # times the cost beside CROWD times as many cases that are not due
CROWD = 5
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
    """Cases per second of each side; `held` is for how many seconds 99 of 100 batches of the service held locks."""

    limit: float
    sweep: float
    held: float
    baseline: float
    load: str

    @property
    def share(self) -> float:
        return self.sweep / self.limit

    @property
    def times(self) -> float:
        return self.sweep / self.baseline


def measure(size: Size, now: datetime, hands: Hands) -> list[Round]:
    hands.work(sweep_service.run, now)  # warms up, and tells the limit what is decided
    sweep_limit.learn()
    sweep_ground.take_back(now)
    return [turn(size, now, hands) for _ in range(size.rounds)]


def turn(size: Size, now: datetime, hands: Hands) -> Round:
    limit = timed(sweep_limit.run, size.cases, now, hands)
    ours = timed(sweep_service.run, size.cases, now, hands)
    draft = timed(partial(sweep_baseline.run, size.draft), size.draft, now, hands)
    held = [seconds for answer in ours.answers for seconds in answer]
    return Round(
        size.cases / limit.seconds,
        size.cases / ours.seconds,
        percentile(held),
        size.draft / draft.seconds,
        machine.load(),
    )


def timed(task: Task, cases: int, now: datetime, hands: Hands) -> Worked:
    """Afterwards nothing has happened."""
    worked = hands.work(task, now)
    expect_suspended(cases)
    sweep_ground.take_back(now)
    return worked


def percentile(seconds: Sequence[float]) -> float:
    return sorted(seconds)[max(0, -(-len(seconds) * 99 // 100) - 1)]


def expect_suspended(cases: int) -> None:
    """Each once, with all that follows: a side that does less than the others would be faster."""
    found = Case.objects.filter(reference__startswith="SW-", state="suspended", decisions__step="suspend")
    assert found.filter(restrictions__lifted_at=None, memos__kind="suspension").count() == cases


def beside_a_crowd(size: Size, now: datetime, hands: Hands) -> float:
    """How many times as long it takes beside CROWD times as many cases that are not due."""
    seconds = {}
    for crowd in (size.cases, CROWD * size.cases):
        sweep_ground.crowd(crowd, now)
        rounds = [timed(sweep_service.run, size.cases, now, hands).seconds for _ in range(size.rounds)]
        seconds[crowd] = statistics.median(rounds)
    return seconds[CROWD * size.cases] / seconds[size.cases]


def under_fire(size: Size, now: datetime, hands: Hands) -> dict[str, float]:
    """While connections are ended: every case is settled once, and how many a second."""
    with sweep_service.killer() as ended:
        worked = hands.work(sweep_service.run_again, now)
    expect_suspended(size.cases)
    sweep_ground.take_back(now)
    return {"per_second": size.cases / worked.seconds, "ended": ended[0], "lost": sum(worked.answers)}


_ROW = "{:>9} {:>7} {:>9} {:>9} {:>6} {:>9} {:>10} {:>6}"
_SIDES = ("limit", "sweep", "share", "held", "baseline", "times")


def _row(processes: int, name: object, found: Mapping[str, float]) -> str:
    printed = f"{found['limit']:,.0f}", f"{found['sweep']:,.0f}", f"{found['share']:.0%}", f"{found['held']:.3f}"
    return _ROW.format(processes, name, *printed, f"{found['baseline']:,.0f}", f"{found['times']:,.0f}x")


def report(processes: int, rounds: Sequence[Round]) -> dict[str, float]:
    for number, each in enumerate(rounds, start=1):
        print(_row(processes, number, {side: getattr(each, side) for side in _SIDES}), f" {each.load}", flush=True)
    middle = {side: statistics.median(getattr(each, side) for each in rounds) for side in _SIDES}
    print(_row(processes, "median", middle), flush=True)
    return middle


def judge(middle: Mapping[str, float], crowded: float) -> None:
    for goal, met in (
        (f"at least {GOAL:.0%} of the limit", middle["share"] >= GOAL),
        (f"at least {GOAL_TIMES} times the baseline", middle["times"] >= GOAL_TIMES),
        (f"locks held at most {GOAL_HELD} s (99 of 100)", middle["held"] <= GOAL_HELD),
        (f"at most {GOAL_CROWDED} times the cost beside {CROWD} times as many undue cases", crowded <= GOAL_CROWDED),
    ):
        print(f"goal: {goal}: {'met' if met else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small")
    name = parser.parse_args().size
    size = SIZES[name]
    call_command("migrate", verbosity=0)
    now = clock.now()
    sweep_ground.lay(size.cases, 0, now)
    sweep_ground.take_back(now)
    print(_ROW.format("processes", "round", "limit/s", "sweep/s", "share", "held p99", "baseline/s", "times"), " load")
    middles = {}
    for count in PROCESSES:
        with Hands(count) as hands:
            middles[count] = report(count, measure(size, now, hands))
    with Hands(PROCESSES[-1]) as hands:
        crowded, fire = beside_a_crowd(size, now, hands), under_fire(size, now, hands)
    print(f"beside {CROWD} times as many undue cases: {crowded:.2f} times the cost")
    print("while connections are ended: {per_second:,.0f}/s, {ended} ended, {lost} lost by a sweep".format(**fire))
    judge(middles[PROCESSES[-1]], crowded)
    circumstances = {"size": name, **vars(size), "tallies": sweep_ground.DAYS}
    found = {"sweep": middles, "crowded": crowded, "under_fire": fire}
    print(json.dumps(found | {"circumstances": circumstances | machine.describe()}))


if __name__ == "__main__":
    main()
