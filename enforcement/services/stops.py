"""Stopping and resuming the clocks of cases whose accounts are locked. Overlapping stops are one.

A pulled brake stops every clock without a word in the rows: it must work at once, however many cases run. What is
frozen meanwhile counts from the pull, nothing thaws before the release, and the release writes it all down.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db.models import Max

from enforcement.models import Brake, BrakePull, Case, Stop
from enforcement.rules import deadlines
from enforcement.rules.decisions import rung_of
from enforcement.rules.transitions import State
from enforcement.services import switches
from enforcement.services.rows import update_rows

CLOCK_FIELDS = ("due_at", "remaining", "look_at")


def stop(cases: Sequence[Case], kind: Stop.Kind, reason: str, *, now: datetime) -> None:
    """Stop the clocks; a second stop of the same kind changes nothing."""
    place([Stop(case=case, kind=kind, reason=reason, started_at=now) for case in cases], now=now)


def place(placed: Sequence[Stop], *, now: datetime) -> None:
    """The same, with stops that say more of themselves."""
    if not placed:
        return
    Stop.objects.bulk_create(placed, ignore_conflicts=True)  # stop_one_of_a_kind_at_a_time
    pulled_at = switches.pulled_at(Brake.What.ENFORCEMENT)
    running = [each.case for each in placed if each.case.remaining is None]
    for case in running:
        freeze(case, now=min(now, pulled_at or now))
    update_rows(running, CLOCK_FIELDS)


def resume(cases: Sequence[Case], kinds: Collection[Stop.Kind], *, now: datetime) -> None:
    """End stops of these kinds; where none is left, the clock goes on with what remained, or the policy's minimum."""
    stopped = stopped_by(cases, *kinds)
    if not stopped:
        return
    Stop.objects.filter(case__among=stopped, ended_at__isnull=True, kind__in=kinds).update(ended_at=now)
    go_on([case for case in cases if case.pk in stopped], now=now)


def go_on(cases: Sequence[Case], *, now: datetime) -> None:
    """Thaw the clocks of those of which a stop has ended and that nothing stops any more.

    Waiting for approval is no stop of the step that waits: behind it the deadline moves as if the clock went on, so
    that who agrees at once does not eat the time that the other stop gave back.
    """
    if switches.pulled_at(Brake.What.ENFORCEMENT) is not None:
        return
    stopped, besides = _with_a_stop(cases), _with_a_stop(cases, besides=Stop.Kind.APPROVAL)
    moved = [case for case in cases if case.pk not in besides]
    for case in moved:
        thaw(case, now=now)
        if case.pk in stopped:
            freeze(case, now=now)
    update_rows(moved, CLOCK_FIELDS)


def last_ends(cases: Sequence[Case]) -> dict[int, datetime]:
    """By case: when the last of its stops that have ended did, so that a clock goes on from there and no earlier."""
    ended = Stop.objects.filter(case__among=cases, ended_at__isnull=False).values_list("case_id")
    return dict(ended.annotate(Max("ended_at")))


def ended_since(case: Case, moment: datetime) -> list[tuple[datetime, datetime]]:
    """The stops of a case that ended after a moment, from when to when; those that wait for a reader are none of its.

    A pull of the brake is one of every case, whether or not its clock had started then.
    """
    waited = (Stop.Kind.BOUNCE, Stop.Kind.UNREACHABLE)
    stood = Stop.objects.filter(case=case, ended_at__gt=moment).exclude(kind__in=waited)
    pulled = BrakePull.objects.filter(what=Brake.What.ENFORCEMENT, released_at__gt=moment)
    spans = [*stood.values_list("started_at", "ended_at"), *pulled.values_list("pulled_at", "released_at")]
    return [(start, end) for start, end in spans if end is not None]


def end(cases: Sequence[Case], *, now: datetime) -> None:
    """End every stop: the case moves on, and its clock with it."""
    Stop.objects.filter(case__among=cases, ended_at__isnull=True).update(ended_at=now)


def stopped_cases(cases: Sequence[Case], *, besides: Stop.Kind | None = None) -> set[int]:
    """The ids of those that something stops at present, other than `besides`."""
    if switches.pulled_at(Brake.What.ENFORCEMENT) is not None:
        return {case.pk for case in cases}
    return _with_a_stop(cases, besides=besides)


def stopped_by(cases: Sequence[Case], *kinds: Stop.Kind) -> set[int]:
    """The ids of those that a stop of one of these kinds stops at present."""
    standing = Stop.objects.filter(case__among=cases, ended_at__isnull=True, kind__in=kinds)
    return set(standing.values_list("case_id", flat=True))


def _with_a_stop(cases: Sequence[Case], *, besides: Stop.Kind | None = None) -> set[int]:
    standing = Stop.objects.filter(case__among=cases, ended_at__isnull=True).exclude(kind=besides)
    return set(standing.values_list("case_id", flat=True))


def freeze(case: Case, *, now: datetime) -> None:
    """Remember what is left of the notice; `due_at` stays as the date that was told."""
    case.remaining = deadlines.remaining(case.due_at, now) if case.due_at else None
    case.look_at = None


def thaw(case: Case, *, now: datetime) -> None:
    """Set the new deadline: never earlier than the one told before."""
    if case.due_at is None or case.remaining is None:
        return
    policy = case.policy.rules
    resumed = deadlines.resumed(now, case.remaining, policy.appeals.minimum_remaining)
    case.due_at, case.remaining = max(case.due_at, resumed), None
    rung = rung_of(State(case.state), policy)
    case.look_at = deadlines.next_look(case.due_at, rung.reminders if rung else (), now)
