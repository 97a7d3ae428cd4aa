"""F17, F18, F25: single connections end, hang up unheard, or wait for a lock. Late, and nothing else."""

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from django.db import OperationalError, connection

from devservices.service import free_port, is_ready, start_web
from devservices.supervisor import Family
from enforcement.models import Account, Client, Decision, Evidence, PolicyVersion, Restriction
from enforcement.services import clock, intake, invariants, keys, sweep
from tests.checks import tallies_equal_evidence
from tests.faults.cutter import Cutter
from tests.faults.due_cases import DUE, PATIENCE, each_was_decided_once, lay_due, start_sweeper, suspended, wait_until
from tests.faults.theatre import ROOT
from tests.stage import see, sighting, the_case, warned

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def here(transactional_db: None) -> dict[str, str]:
    """The environment of processes on the tests' database; they say who they are."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    return {**os.environ, "DATABASE_URL": url, "PGAPPNAME": "sweeper", "LOG_LEVEL": "WARNING"}


def test_F17_backends_that_are_terminated_at_random_settle_each_case_once(here: dict[str, str], tmp_path: Path) -> None:
    lay_due()
    with Family(tmp_path, here) as family:
        for name in ("one", "two"):
            start_sweeper(family, name)
        ended, looks = 0, itertools.count()

        def settled() -> bool:
            nonlocal ended
            if next(looks) % 5 == 0:  # more often, and the two would do nothing but connect
                ended += _terminate_one("sweeper")
            return suspended() == DUE and ended > 5

        wait_until(settled, "all that is due is settled")
        family.check()
    each_was_decided_once()


def _terminate_one(application: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database() ORDER BY random() LIMIT 1) AS one",
            [application],
        )
        return int(cursor.fetchone()[0])


def _through(cutter: Cutter, environment: dict[str, str]) -> dict[str, str]:
    name = connection.settings_dict["NAME"]
    return environment | {"DATABASE_URL": f"postgresql://postgres@127.0.0.1:{cutter.port}/{quote(name)}"}


@pytest.fixture
def upstream(transactional_db: None) -> str:
    directory = connection.get_connection_params()["host"]
    assert directory.startswith("/"), "the tests' engine is reached by a unix socket"
    return f"{directory}/.s.PGSQL.{connection.settings_dict['PORT'] or 5432}"


def test_F18_a_decision_whose_commit_was_acknowledged_to_nobody_is_not_taken_again(
    here: dict[str, str], upstream: str, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    clock.move_to(case.due_at)  # type: ignore[arg-type]
    see(detector, sighting(account_outside, clock.now()))
    with Cutter(upstream, b'INSERT INTO "enforcement_decision"') as cutter:
        _sweep_once(_through(cutter, here))
        assert cutter.cut.is_set()
        wait_until(lambda: suspended() == 1, "what was committed is there")
        assert _sweep_once(here) == 0
    case.refresh_from_db()
    assert (case.state, case.version) == ("suspended", 2)
    assert Decision.objects.filter(case=case, step="suspend").count() == Restriction.objects.count() == 1
    assert invariants.check(now=clock.now()) == []


def _sweep_once(environment: dict[str, str]) -> int:
    words = [sys.executable, "manage.py", "sweep"]
    return subprocess.run(words, env=environment, cwd=ROOT, timeout=PATIENCE, capture_output=True).returncode


def test_F18_evidence_whose_commit_was_acknowledged_to_nobody_is_a_duplicate_when_it_comes_again(
    here: dict[str, str], upstream: str, account_outside: Account, tmp_path: Path
) -> None:
    key, port = keys.issue("edge-logs", Client.Kind.DETECTOR, lasts=None), free_port()
    item = sighting(account_outside, clock.now())
    marked = b"INSERT INTO enforcement_evidence"
    with Cutter(upstream, marked) as cutter, Family(tmp_path, _through(cutter, here)) as family:
        start_web(family, port)
        family.wait_until(lambda: is_ready(port), "the web server is ready")

        def post() -> httpx.Response:
            headers = {"Authorization": f"Bearer {key}"}
            return httpx.post(f"http://127.0.0.1:{port}/api/v1/evidence", json=item, headers=headers, timeout=PATIENCE)

        assert post().status_code == 503
        assert cutter.cut.is_set()
        wait_until(Evidence.objects.exists, "what was committed is there")
        said: dict[str, Any] = post().json()
    assert (said["accepted"], said["duplicates"]) == (0, 1)
    assert Evidence.objects.count() == 1
    assert tallies_equal_evidence() == []


def test_F25_a_migration_that_holds_the_cases_makes_steps_late_and_keeps_no_evidence_out(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    clock.move_to(case.due_at)  # type: ignore[arg-type]
    see(detector, sighting(account_outside, clock.now()))
    migration = connection.copy()
    migration.set_autocommit(False)
    try:
        with migration.cursor() as cursor:
            cursor.execute("LOCK TABLE enforcement_case IN ACCESS EXCLUSIVE MODE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            sweep.sweep(now=clock.now())
        taken = intake.record(detector, [sighting(account_outside, clock.now())], now=clock.now())
        assert taken.accepted == 1
        migration.rollback()
    finally:
        migration.close()
    assert the_case(account_outside).state == "warned"
    sweep.sweep(now=clock.now())
    connection.close()
    assert the_case(account_outside).state == "suspended"
    assert invariants.check(now=clock.now()) == []
