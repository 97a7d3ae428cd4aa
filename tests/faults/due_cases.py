"""Cases whose deadline has come, the sweepers that settle them, and what must have come of it whatever happened."""

import sys
import threading
from collections.abc import Callable

from django.db.models import Count

from benchmarks.sweep_ground import lay
from devservices.supervisor import Family
from enforcement.models import Case, Decision, Memo, Restriction
from enforcement.services import clock, invariants

PATIENCE = 60.0  # seconds after which what does not happen has failed
DUE = 300  # cases: more than a batch of the sweeper


def lay_due() -> None:
    """Under a policy whose budget lets all of them be settled at once."""
    lay(DUE, 0, clock.now())


def wait_until(holds: Callable[[], bool], what: str) -> None:
    waiting = threading.Event()
    for _ in range(int(PATIENCE * 20)):
        if holds():
            return
        waiting.wait(0.05)
    raise AssertionError(f"{what}: not within {PATIENCE:.0f} seconds")


def start_sweeper(family: Family, name: str = "sweeper") -> None:
    family.add(name, sys.executable, "manage.py", "sweep", "--loop")


def suspended() -> int:
    return Case.objects.filter(state="suspended").count()


def each_was_decided_once() -> None:
    """Everybody who was due, with one decision, one restriction and one memo each; and nothing else is wrong."""
    decided = Decision.objects.filter(step="suspend", status=Decision.Status.APPLIED)
    assert set(decided.values("case").annotate(times=Count("pk")).values_list("times", flat=True)) == {1}
    assert suspended() == decided.count() == Restriction.objects.count() == DUE
    assert Memo.objects.filter(kind="suspension").count() == DUE
    broken = {each.invariant.name for each in invariants.check(now=clock.now())}
    assert broken <= {"I5"}  # which judges by evidence, and this ground has its tallies only
