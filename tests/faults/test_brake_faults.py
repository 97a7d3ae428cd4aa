"""F19, F44, F72: a detector gone mad, a clock that jumped, a lock that somebody holds. Late is allowed, early never."""

from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.db.models import Count

from benchmarks.sweep_ground import lay
from enforcement import metrics
from enforcement.management.seeding import stage
from enforcement.models import Account, Brake, BrakePull, Case, Client, ClockReading, Memo, PolicyVersion, Restriction
from enforcement.services import appeals, brake, clock, clock_guard, gauges, policies, sweep, switches
from tests.stage import DAY, see, sighting, the_case, warned

pytestmark = pytest.mark.django_db(transaction=True)
ENFORCEMENT = Brake.What.ENFORCEMENT
MAD = 3_000  # accounts; the sweep takes a dozen batches for them
AN_HOUR = 100


def release(officer: User, lead: User) -> None:
    brake.propose_release(ENFORCEMENT, because="We have looked.", by=officer)
    brake.approve_release(ENFORCEMENT, by=lead, now=clock.now())


def states() -> dict[str, int]:
    return dict(Case.objects.values_list("state").annotate(Count("pk")))


def test_f72_a_detector_gone_mad_is_stopped_at_the_budget_and_nothing_is_lost(officer: User, lead: User) -> None:
    lay(MAD, 0, clock.now())
    document = stage.recommended().replace("max_share_of_accounts: 0.005", "max_share_of_accounts: 1")
    draft = policies.draft(document, now=clock.now())
    policies.activate(draft.pk, proposed_by=officer, approved_by=lead, now=clock.now())
    told = dict(Case.objects.values_list("pk", "due_at"))

    sweep.sweep(now=clock.now())
    sweep.sweep(now=clock.now())

    assert states() == {"suspended": AN_HOUR, "warned": MAD - AN_HOUR}
    assert Restriction.objects.count() == Memo.objects.filter(kind="suspension").count() == AN_HOUR
    pulled = BrakePull.objects.get()
    assert pulled.cause == "budget"
    assert gauges.read()[metrics.BRAKE_PULLED] == {"enforcement": 1.0, "mail": 0.0}
    waiting = Case.objects.filter(state="warned")
    assert all(case.due_at == told[case.pk] and case.remaining is None for case in waiting)

    clock.advance(2 * DAY)
    sweep.sweep(now=clock.now())
    assert states() == {"suspended": AN_HOUR, "warned": MAD - AN_HOUR}
    release(officer, lead)
    pulled.refresh_from_db()
    later = set(waiting.values_list("due_at", flat=True))
    assert all(due_at >= pulled.released_at + 7 * DAY for due_at in later)
    assert not waiting.filter(look_at=None).exists()


def test_f44_a_database_clock_that_jumps_a_month_makes_nothing_come_due(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    case = warned(account_outside, detector)
    clock.move_to(case.due_at)  # type: ignore[arg-type]
    see(detector, sighting(account_outside, clock.now()))
    here = clock_guard.here()
    ClockReading.objects.update_or_create(
        boot_id=here.boot_id, defaults={"uptime": here.uptime, "read_at": clock.real_now() - 30 * DAY}
    )
    sweep.sweep(now=clock.now())
    assert the_case(account_outside).state == "warned"
    assert BrakePull.objects.get().cause == "clock"
    release(officer, lead)
    released = clock.now()
    sweep.sweep(now=released)
    assert the_case(account_outside).due_at >= released  # type: ignore[operator]
    assert the_case(account_outside).state == "warned"


class TestF19:
    @pytest.fixture
    def somebody_else(self) -> Iterator[psycopg.Connection]:
        """A session of psql, in a transaction that nobody ends."""
        named = connection.get_connection_params()
        named = {each: named[each] for each in ("dbname", "user", "password", "host", "port") if each in named}
        with psycopg.connect(**named) as session:
            yield session
            session.rollback()

    @pytest.fixture
    def impatient(self) -> Iterator[None]:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        yield
        connection.close()

    @pytest.fixture
    def due(self, account_outside: Account, detector: Client, policy: PolicyVersion) -> Case:
        case = warned(account_outside, detector)
        clock.move_to(case.due_at)  # type: ignore[arg-type]
        see(detector, sighting(account_outside, clock.now()))
        return case

    def test_a_lock_on_the_row_of_the_brake_stops_nobody(
        self, somebody_else: psycopg.Connection, impatient: None, due: Case
    ) -> None:
        somebody_else.execute("SELECT FROM enforcement_brake FOR UPDATE")
        sweep.sweep(now=clock.now())
        assert the_case(due.account).state == "suspended"

    @pytest.mark.parametrize(
        "lock",
        [
            "SELECT pg_advisory_xact_lock(hashtext('enforcement.brake'), hashtext('enforcement'))",
            "SELECT FROM enforcement_budget FOR UPDATE",
        ],
    )
    def test_a_lock_on_the_switch_or_the_budget_makes_steps_late_and_nothing_else(
        self, somebody_else: psycopg.Connection, impatient: None, due: Case, lock: str
    ) -> None:
        somebody_else.execute(lock)
        with suppress(OperationalError):  # of the switch: nothing was claimed yet
            sweep.sweep(now=clock.now())
        assert the_case(due.account).state == "warned"
        appeals.file(decision_id=due.decisions.get().pk, statement="We were travelling.", now=clock.now())
        assert the_case(due.account).remaining is not None
        somebody_else.rollback()
        sweep.sweep(now=clock.now())
        assert the_case(due.account).state == "warned"  # the appeal came in time, since the step was late

    def test_a_step_that_waited_for_a_lock_comes_when_it_is_free(
        self, somebody_else: psycopg.Connection, impatient: None, due: Case
    ) -> None:
        somebody_else.execute("SELECT pg_advisory_xact_lock(hashtext('enforcement.brake'), hashtext('enforcement'))")
        with pytest.raises(OperationalError, match="lock timeout"):
            sweep.sweep(now=clock.now())
        somebody_else.rollback()
        sweep.sweep(now=clock.now())
        assert the_case(due.account).state == "suspended"
        assert switches.pulled_at(ENFORCEMENT) is None
