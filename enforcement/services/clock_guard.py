"""The database's clock against the uptime of this machine: a clock that somebody set makes deadlines come early."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.db import transaction

from enforcement.models import Brake, BrakePull, ClockReading
from enforcement.services import brake, clock

JUMP = timedelta(minutes=10)
_SLIP = timedelta(seconds=1)  # backwards, as clocks that are kept by a server may move
# Read from the kernel: what a process asks for by itself can be faked for it.
_BOOT_ID, _UPTIME = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/uptime")


@dataclass(frozen=True, slots=True)
class Here:
    """This machine since it was started: its uptime runs on while it sleeps, and nobody can set it."""

    boot_id: UUID
    uptime: timedelta


def check(*, now: datetime) -> bool:
    """Whether decisions may be taken. A jump ahead pulls the brake; a clock behind its last reading lets them wait.

    It is the real clock that is looked at: moving the test clock never matters.
    """
    ahead = _ahead()
    if ahead > JUMP:
        reason = f"The database's clock is {ahead} ahead of what it should be."
        brake.pull(Brake.What.ENFORCEMENT, BrakePull.Cause.CLOCK, reason, now=now)
    return ahead >= -_SLIP


def here() -> Here:
    return Here(UUID(_BOOT_ID.read_text().strip()), timedelta(seconds=float(_UPTIME.read_text().split()[0])))


@transaction.atomic
def _ahead() -> timedelta:
    """How far the clock is ahead of what the last reading lets expect; a reading that is in doubt is not noted."""
    newest = ClockReading.objects.select_for_update().order_by("-read_at").first()
    machine, read_at = here(), clock.real_now()  # under the lock: another sweeper's later reading is no step back
    ahead = _since(newest, machine, read_at) if newest else timedelta(0)
    if -_SLIP <= ahead <= JUMP:
        noted = {"uptime": machine.uptime, "read_at": read_at}
        ClockReading.objects.update_or_create(boot_id=machine.boot_id, defaults=noted)
    return ahead


def _since(newest: ClockReading, machine: Here, read_at: datetime) -> timedelta:
    passed = read_at - newest.read_at
    if newest.boot_id == machine.boot_id:
        return passed - (machine.uptime - newest.uptime)
    return passed  # another machine, or this one started anew: nobody knows how much of it was real
