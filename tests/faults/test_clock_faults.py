"""F43: the clock of a worker is a day off, that of a web process an hour; nothing is decided by either."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import connection

from devservices.service import free_port, is_ready, start_web
from devservices.supervisor import Family
from enforcement.models import Account, BrakePull, Client, Evidence, PolicyVersion
from enforcement.services import clock, invariants, keys
from tests.faults.theatre import ROOT
from tests.integration.mail_server import MailServer, mail_server
from tests.stage import DAY, see, sighting, steps, the_case, warned

pytestmark = pytest.mark.django_db(transaction=True)
WRONG_CLOCK = Path(__file__).parent / "wrong_clock"
HOUR = timedelta(hours=1)
ALL_WORK = """
import django
django.setup()
from django.core.management import call_command
for name in ("assess", "deliver", "sweep"):
    call_command(name)
"""
Ours = Callable[[timedelta], dict[str, str]]


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as found:
        yield found


@pytest.fixture
def ours(tmp_path: Path, server: MailServer) -> Ours:
    """The environment of a process on the tests' database whose clocks are off."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()

    def environment(off: timedelta) -> dict[str, str]:
        return {**os.environ, "DATABASE_URL": url, "PYTHONPATH": str(WRONG_CLOCK), "LOG_LEVEL": "WARNING",
                "DJANGO_SETTINGS_MODULE": "accounts_enforcement.settings", "EMAIL_URL": server.url,
                "WRONG_CLOCK": str(off.total_seconds()), "WRONG_CLOCK_RECORD": str(tmp_path / "clocks")}  # fmt: skip

    return environment


def was_off(directory: Path, off: timedelta) -> bool:
    """Each process wrote down what it took the time to be."""
    said = [datetime.fromisoformat(line) for line in (directory / "clocks").read_text().splitlines()]
    return bool(said) and all(abs(each - off - clock.real_now()) < HOUR / 2 for each in said)


@pytest.mark.parametrize("off", [DAY, -DAY], ids=["ahead", "behind"])
def test_F43_a_worker_whose_clock_is_a_day_off_decides_when_the_database_says_so(
    off: timedelta, ours: Ours, tmp_path: Path, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    def work() -> None:
        words = [sys.executable, "-c", ALL_WORK]
        subprocess.run(words, env=ours(off), cwd=ROOT, timeout=60, check=True)

    case = warned(account_outside, detector)
    told = case.due_at
    assert told is not None
    clock.move_to(told - HOUR)
    work()
    assert (the_case(account_outside).state, the_case(account_outside).due_at) == ("warned", told)
    clock.move_to(told)
    see(detector, sighting(account_outside, clock.now()))
    work()
    assert steps(account_outside) == [("warn", "applied"), ("suspend", "applied")]
    assert the_case(account_outside).decisions.get(step="suspend").decided_at >= told
    assert not BrakePull.objects.exists()
    assert invariants.check(now=clock.now()) == []
    assert was_off(tmp_path, off)


@pytest.mark.parametrize("off", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_F43_a_web_process_whose_clock_is_an_hour_off_judges_evidence_by_the_database(
    off: timedelta, ours: Ours, tmp_path: Path, account_outside: Account
) -> None:
    key, port = keys.issue("edge-logs", Client.Kind.DETECTOR, lasts=HOUR / 2), free_port()
    items = [sighting(account_outside, clock.now() + ahead) for ahead in (-HOUR, HOUR / 2)]
    with Family(tmp_path / "logs", ours(off)) as family:
        start_web(family, port)
        family.wait_until(lambda: is_ready(port), "the web server is ready")
        headers = {"Authorization": f"Bearer {key}"}
        answer = httpx.post(f"http://127.0.0.1:{port}/api/v1/evidence", json=items, headers=headers, timeout=60)
    said: dict[str, Any] = answer.json()
    assert (said["accepted"], [each["status"] for each in said["items"]]) == (1, ["rejected"])
    received = Evidence.objects.get().received_at
    assert abs(received - clock.now()) < HOUR / 2
    assert was_off(tmp_path, off)
