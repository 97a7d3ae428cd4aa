"""The commands: one JSON line of what was done, a sentence and exit status 2 for what is refused."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from enforcement.models import Account, Client, ClockMove, PolicyVersion
from enforcement.rules.transitions import State
from enforcement.services import clock, intake, staff
from enforcement.services.roles import Role
from tests.conftest import EXAMPLES, SMALL_POLICY
from tests.stage import sighting, the_case

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> dict[str, object]:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    (line,) = out.getvalue().splitlines()
    return json.loads(line)


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command(*arguments, stdout=io.StringIO(), stderr=io.StringIO())
    assert error.value.returncode == 2
    return str(error.value)


class TestClock:
    def test_is_set_advanced_and_reset_and_every_movement_is_recorded(self) -> None:
        moved = datetime.fromisoformat(str(run("clock", "set", "2030-01-01T00:00:00+08:00")["now"]))
        assert timedelta(0) <= moved - datetime.fromisoformat("2029-12-31T16:00:00+00:00") < timedelta(seconds=10)
        later = datetime.fromisoformat(str(run("clock", "advance", "P1DT2H")["now"]))
        assert timedelta(hours=26) <= later - moved < timedelta(hours=26, seconds=10)
        run("clock", "reset")
        assert abs(clock.now() - clock.real_now()) < timedelta(seconds=5)
        assert ClockMove.objects.count() == 3

    def test_runs_on_from_where_it_was_set(self) -> None:
        first = clock.move_to(datetime.fromisoformat("2030-01-01T00:00:00+00:00"))
        assert clock.now() > first

    def test_is_refused_unless_it_is_a_test_clock(self, settings) -> None:
        settings.TEST_CLOCK = False
        for step in (("set", "2030-01-01T00:00:00Z"), ("advance", "P1D"), ("reset",)):
            assert "ENFORCEMENT_TEST_CLOCK=1" in refused("clock", *step)

    @pytest.mark.parametrize(
        ("step", "why"),
        [
            (("set", "2030-01-01T00:00:00"), "no offset"),
            (("set", "tomorrow"), "Invalid isoformat"),
            (("advance", "P1M"), "months"),
            (("advance", "15 days"), "not an ISO 8601 duration"),
        ],
    )
    def test_says_what_is_wrong_with_a_time(self, step: tuple[str, str], why: str) -> None:
        assert why in refused("clock", *step)


class TestLoadPolicy:
    def test_stores_a_draft_once(self) -> None:
        first = run("load_policy", str(EXAMPLES / "recommended.yaml"))
        assert first["status"] == "draft"
        assert run("load_policy", str(EXAMPLES / "recommended.yaml")) == first

    def test_activates_in_the_name_of_two_people_whom_it_makes_in_test_clock_mode(self, tmp_path: Path) -> None:
        done = run("load_policy", str(EXAMPLES / "recommended.yaml"), "--activate", "--by", "ann", "--by", "ben")
        assert done["status"] == "active"
        version = PolicyVersion.objects.get()
        assert (version.proposed_by.username, version.approved_by.username) == ("ann", "ben")
        other = tmp_path / "other.yaml"
        other.write_text(SMALL_POLICY)
        run("load_policy", str(other), "--activate", "--by", "ann", "--by", "ben")
        assert list(PolicyVersion.objects.order_by("pk").values_list("status", flat=True)) == ["retired", "active"]

    def test_makes_nobody_outside_test_clock_mode(self, settings) -> None:
        settings.TEST_CLOCK = False
        why = refused("load_policy", str(EXAMPLES / "recommended.yaml"), "--activate", "--by", "ann", "--by", "ben")
        assert "no member of the staff called 'ann'" in why

    @pytest.mark.parametrize(
        ("by", "why"),
        [
            ([], "needs two people"),
            (["ann"], "needs two people"),
            (["ann", "ben", "cem"], "needs two people"),
            (["ann", "ann"], "two different people"),
            (["ann", "otto"], "that takes a lead"),
            (["otto", "ann"], None),
            (["ida", "ann"], "may not propose"),
        ],
    )
    def test_takes_two_different_people_one_of_them_a_lead(self, by: list[str], why: str | None) -> None:
        staff.create("otto", email="o@p.test", role=Role.OFFICER, password=None)
        staff.create("ida", email="i@p.test", role=Role.AUDITOR, password=None)
        names = [part for name in by for part in ("--by", name)]
        given = ("load_policy", str(EXAMPLES / "recommended.yaml"), "--activate", *names)
        if why is None:
            assert run(*given)["status"] == "active"
        else:
            assert why in refused(*given)
            assert not PolicyVersion.objects.filter(status="active").exists()

    def test_names_everything_that_is_wrong_with_a_document(self, tmp_path: Path) -> None:
        file = tmp_path / "bad.yaml"
        file.write_text(SMALL_POLICY.replace("DE, ES", "DE, XX").replace("P15D", "P1M").replace("caps", "cap"))
        why = refused("load_policy", str(file))
        assert "territories.supported[1]" in why
        assert "ladder.warn.notice" in why
        assert not PolicyVersion.objects.exists()

    def test_says_that_there_is_no_such_file(self) -> None:
        assert "No such file" in refused("load_policy", "/nowhere.yaml")


@pytest.mark.parametrize("policy", ["/nowhere.yaml", "7"])
def test_a_backtest_of_nothing_is_refused(policy: str) -> None:
    assert refused("backtest", policy)


@pytest.mark.parametrize("at", ["yesterday", "2026-06-11T00:00:00"])
def test_a_backtest_as_of_no_moment_is_refused(at: str) -> None:
    assert "--at" in refused("backtest", str(EXAMPLES / "recommended.yaml"), "--at", at)


def test_the_work_is_done_without_any_broker(
    account_outside: Account, detector: Client, policy: PolicyVersion, settings
) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:1"
    intake.record(detector, [sighting(account_outside, clock.now())], now=clock.now())
    assert run("assess") == {"done": 1, "failed": 0, "more": False}
    assert the_case(account_outside).state == State.WARNED
    done = run("deliver")
    assert done["rendered"] == {"done": 1, "failed": 0, "more": False}
    assert done["delivered"]["deferred"] == 1
    assert run("sweep")["looked"] == {"done": 0, "failed": 0, "more": False}
    assert run("assess") == {"done": 0, "failed": 0, "more": False}


@pytest.mark.django_db(transaction=True)
def test_a_loop_works_until_it_is_told_to_stop(
    account_outside: Account, detector: Client, activate, transactional_db
) -> None:
    activate(SMALL_POLICY)
    intake.record(detector, [sighting(account_outside, clock.now())], now=clock.now())
    ours = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    loop = subprocess.Popen(
        [sys.executable, "manage.py", "assess", "--loop"], env={**buffered, "DATABASE_URL": ours},
        stdout=subprocess.PIPE, text=True, cwd=EXAMPLES.parent.parent,
    )  # fmt: skip
    watchdog = threading.Timer(60, loop.kill)  # what says nothing must fail, not hang
    watchdog.start()
    assert json.loads(loop.stdout.readline()) == {"done": 1, "failed": 0, "more": False}
    assert the_case(account_outside).state == State.WARNED
    loop.send_signal(signal.SIGTERM)
    assert loop.wait(timeout=30) == 0
    watchdog.cancel()
