"""Cases per second that a sweep suspends, each looked at again under its lock, beside the limit of the same writes and
beside a first draft with a transaction for each case.

python -m benchmarks.bench_sweep --size small|medium|large, or `./run bench sweep`. All sides meet the same cases, turn
by turn: what one wrote is taken back before the next begins.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import django
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accounts_enforcement.settings")
django.setup()

from benchmarks import machine, sweep_baseline, sweep_ground, sweep_limit  # noqa: E402
from enforcement.models import Case  # noqa: E402
from enforcement.services import clock, sweep  # noqa: E402

GOAL, GOAL_TIMES = 0.3, 20


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


def measure(size: Size, now: datetime) -> list[Round]:
    swept(size, now)  # warms up, and tells the limit what is decided
    sweep_limit.learn()
    sweep_ground.take_back(now)
    return [turn(size, now) for _ in range(size.rounds)]


def turn(size: Size, now: datetime) -> Round:
    limit = sweep_limit.run(now)
    expect_suspended(size.cases)
    sweep_ground.take_back(now)
    ours = swept(size, now)
    sweep_ground.take_back(now)
    draft = sweep_baseline.run(now, size.draft)
    expect_suspended(size.draft)
    sweep_ground.take_back(now)
    return Round(size.cases / limit, size.cases / ours, size.draft / draft, machine.load())


def swept(size: Size, now: datetime) -> float:
    began = time.perf_counter()
    done = sweep.sweep(now=now)["looked"]
    seconds = time.perf_counter() - began
    assert (done.done, done.failed) == (size.cases, 0), done
    expect_suspended(size.cases)
    return seconds


def expect_suspended(cases: int) -> None:
    """A side that does less than the others would be faster."""
    found = Case.objects.filter(reference__startswith="SW-", state="suspended", decisions__step="suspend")
    assert found.filter(restrictions__lifted_at=None, memos__kind="suspension").count() == cases


_ROW = "{:>7} {:>9} {:>9} {:>6} {:>10} {:>6}"


def _row(name: object, limit: float, ours: float, share: float, baseline: float, times: float) -> str:
    return _ROW.format(name, f"{limit:,.0f}", f"{ours:,.0f}", f"{share:.0%}", f"{baseline:,.0f}", f"{times:,.0f}x")


def report(name: str, size: Size, rounds: Sequence[Round]) -> None:
    names = ("limit", "sweep", "share", "baseline", "times")
    middle = {name: statistics.median(getattr(each, name) for each in rounds) for name in names}
    print(_ROW.format("round", "limit/s", "sweep/s", "share", "baseline/s", "times"), " load")
    for number, each in enumerate(rounds, start=1):
        print(_row(number, *(getattr(each, name) for name in names)), f" {each.load}")
    print(_row("median", *middle.values()))
    print(f"goal: at least {GOAL:.0%} of the limit: {'met' if middle['share'] >= GOAL else 'MISSED'}")
    print(f"goal: at least {GOAL_TIMES} times the baseline: {'met' if middle['times'] >= GOAL_TIMES else 'MISSED'}")
    circumstances = {"size": name, **vars(size), "tallies": sweep_ground.DAYS}
    print(json.dumps({"sweep": middle, "circumstances": circumstances | machine.describe()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small")
    name = parser.parse_args().size
    call_command("migrate", verbosity=0)
    now = clock.now()
    sweep_ground.lay(SIZES[name].cases, now)
    sweep_ground.take_back(now)
    report(name, SIZES[name], measure(SIZES[name], now))


if __name__ == "__main__":
    main()
