"""Marked accounts per second that an assessment scores, and warns or puts before a person where a rule holds, beside
the limit of the same reads and writes and beside a first draft with a transaction for each account.

python -m benchmarks.bench_assess --size small|medium|large, or `./run bench assess`. All sides meet the same accounts,
turn by turn: what one wrote is taken back before the next begins.
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

from benchmarks import assess_baseline, assess_ground, assess_limit, machine  # noqa: E402
from enforcement.models import AssessmentMark, Case, Score, Stop  # noqa: E402
from enforcement.services import assessment, clock  # noqa: E402

GOAL, GOAL_TIMES = 0.3, 20


@dataclass(frozen=True)
class Size:
    """Accounts that are marked, how many of them the first draft assesses (both in hundreds), and rounds."""

    accounts: int
    draft: int
    rounds: int


SIZES = {"small": Size(2_000, 200, 3), "medium": Size(20_000, 500, 3), "large": Size(100_000, 1_000, 3)}


@dataclass(frozen=True)
class Round:
    """Accounts per second of each side."""

    limit: float
    assess: float
    baseline: float
    load: str

    @property
    def share(self) -> float:
        return self.assess / self.limit

    @property
    def times(self) -> float:
        return self.assess / self.baseline


def measure(size: Size, now: datetime) -> list[Round]:
    assessed(size, now)  # warms up, and tells the limit what is judged
    assess_limit.learn()
    assess_ground.take_back(size.accounts, now)
    return [turn(size, now) for _ in range(size.rounds)]


def turn(size: Size, now: datetime) -> Round:
    limit = assess_limit.run(now)
    expect_assessed(size.accounts, now)
    assess_ground.take_back(size.accounts, now)
    ours = assessed(size, now)
    assess_ground.take_back(size.accounts, now)
    draft = assess_baseline.run(now, size.draft)
    expect_assessed(size.draft, now)
    assess_ground.take_back(size.accounts, now)
    return Round(size.accounts / limit, size.accounts / ours, size.draft / draft, machine.load())


def assessed(size: Size, now: datetime) -> float:
    began = time.perf_counter()
    done = assessment.assess(now=now)
    seconds = time.perf_counter() - began
    assert (done.done, done.failed) == (size.accounts, 0), done
    assert not AssessmentMark.objects.filter(look_at__lte=now).exists()
    expect_assessed(size.accounts, now)
    return seconds


def expect_assessed(accounts: int, now: datetime) -> None:
    """A side that does less than the others would be faster."""
    hundreds = accounts // 100
    opened = Case.objects.filter(account__external_id__startswith="assess-", opened_at=now)
    assert Score.objects.filter(account__external_id__startswith="assess-", assessed_at=now).count() == accounts
    assert opened.filter(state="warned", decisions__step="warn", memos__kind="warning").count() == 19 * hundreds
    assert opened.filter(state="open").count() == 11 * hundreds
    assert Stop.objects.filter(case__in=opened, kind="unreachable", ended_at=None).count() == hundreds


_ROW = "{:>7} {:>9} {:>9} {:>6} {:>10} {:>6}"


def _row(name: object, limit: float, ours: float, share: float, baseline: float, times: float) -> str:
    return _ROW.format(name, f"{limit:,.0f}", f"{ours:,.0f}", f"{share:.0%}", f"{baseline:,.0f}", f"{times:,.0f}x")


def report(name: str, size: Size, rounds: Sequence[Round]) -> None:
    names = ("limit", "assess", "share", "baseline", "times")
    middle = {name: statistics.median(getattr(each, name) for each in rounds) for name in names}
    print(_ROW.format("round", "limit/s", "assess/s", "share", "baseline/s", "times"), " load")
    for number, each in enumerate(rounds, start=1):
        print(_row(number, *(getattr(each, name) for name in names)), f" {each.load}")
    print(_row("median", *middle.values()))
    print(f"goal: at least {GOAL:.0%} of the limit: {'met' if middle['share'] >= GOAL else 'MISSED'}")
    print(f"goal: at least {GOAL_TIMES} times the baseline: {'met' if middle['times'] >= GOAL_TIMES else 'MISSED'}")
    circumstances = {"size": name, **vars(size), "days": assess_ground.DAYS}
    print(json.dumps({"assess": middle, "circumstances": circumstances | machine.describe()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small")
    name = parser.parse_args().size
    call_command("migrate", verbosity=0)
    now = clock.now()
    assess_ground.lay(SIZES[name].accounts, now)
    assess_ground.take_back(SIZES[name].accounts, now)
    report(name, SIZES[name], measure(SIZES[name], now))


if __name__ == "__main__":
    main()
