"""Limits and keys at the real web server: two processes, a Valkey that dies, and the reference detector."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from django.db import connection
from prometheus_client.parser import text_string_to_metric_families

from devservices.service import free_port, is_ready, start_web
from devservices.supervisor import Family
from devservices.valkey import Valkey
from enforcement.models import Client, Evidence
from enforcement.services import keys
from enforcement.services.buckets import Buckets
from tests.own_valkey import frozen, own_valkey

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parent.parent.parent


@dataclass
class Service:
    url: str
    valkey: Valkey
    family: Family

    def caller(self, name: str, kind: str, per_minute: int) -> httpx.Client:
        """Of a new client with this limit."""
        key = keys.issue(name, kind, lasts=None)
        keys.limit(name, per_minute)
        return self.caller_with(key)

    def caller_with(self, key: str) -> httpx.Client:
        return httpx.Client(base_url=f"{self.url}/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def not_counted(self) -> float:
        families = text_string_to_metric_families(httpx.get(f"{self.url}/metrics").text)
        return sum(
            sample.value
            for family in families
            if family.name == "enforcement_rate_not_counted"
            for sample in family.samples
        )

    def empty(self, name: str) -> None:
        """Take all that the client has left of its minute."""
        limit = Client.objects.get(name=name).limit_per_minute or 0
        assert Buckets(self.valkey.url()).take(str(Client.objects.get(name=name).pk), limit=limit, cost=limit) == 0


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """The web server on the tests' database, with a Valkey that nobody else has."""
    url = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}"))
    port = free_port()
    with own_valkey() as valkey:
        ours = {
            "DATABASE_URL": url,
            "REDIS_URL": valkey.url(),
            "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics"),
            "METRICS_NETWORKS": "127.0.0.0/8",
        }
        with Family(tmp_path, os.environ | ours) as family:
            start_web(family, port)
            family.wait_until(lambda: is_ready(port), "the web server is ready")
            yield Service(f"http://127.0.0.1:{port}", valkey, family)


def statuses(caller: httpx.Client, calls: int) -> Counter[int]:
    return Counter(caller.get("/cases").status_code for _ in range(calls))


def test_twenty_threads_at_two_processes_never_get_more_than_the_limit(service: Service) -> None:
    caller, limit, found = service.caller("books", "reader", 200), 200, Counter[int]()
    started = time.monotonic()
    threads = [threading.Thread(target=lambda: found.update(statuses(caller, 20))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    grown = (time.monotonic() - started) * limit / 60
    assert found.total() == found[200] + found[429] == 400
    assert limit <= found[200] <= limit + grown + 1 + service.not_counted()


def test_the_reference_detector_waits_as_it_is_told_and_everything_arrives(service: Service, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    line = '219.133.40.10 - account-{} [01/Jun/2026:12:00:00 +0000] "POST /v1/chat HTTP/1.1" 200 17\n'
    log.write_text("".join(line.format(number) for number in range(2500)))
    key = keys.issue("edge-logs", "detector", lasts=None)
    keys.limit("edge-logs", 60_000)
    service.empty("edge-logs")
    done = subprocess.run(
        [sys.executable, "-m", "enforcement.detector", str(log), "--account-from", "user", "--url", service.url,
         "--key", key],
        cwd=ROOT, env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1", "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "429 Too Many Requests; trying again in" in done.stderr
    assert "2,500 accepted, 0 duplicates" in done.stderr
    assert Evidence.objects.count() == 2500


def test_calls_pass_while_valkey_is_frozen_or_dead_and_are_limited_when_it_is_back(service: Service) -> None:
    caller = service.caller("books", "reader", 2)
    assert 429 in statuses(caller, 4)
    with frozen(service.valkey):
        assert statuses(caller, 10) == {200: 10}
    service.valkey.stop()
    assert statuses(caller, 10) == {200: 10}
    assert service.not_counted() >= 20
    service.valkey.start()
    service.family.wait_until(lambda: caller.get("/cases").status_code == 429, "limits hold again")


def test_an_old_key_works_until_the_overlap_ends_and_a_revoked_one_not_once_more(service: Service) -> None:
    old = service.caller("books", "reader", 0)
    new = service.caller_with(keys.rotate("books", overlap=timedelta(seconds=2), lasts=None))
    assert (old.get("/cases").status_code, new.get("/cases").status_code) == (200, 200)
    service.family.wait_until(lambda: old.get("/cases").status_code == 401, "the overlap is over")
    assert "expired" in old.get("/cases").json()["detail"]
    assert statuses(new, 8) == {200: 8}
    keys.revoke_all("books")
    assert statuses(new, 8) == {401: 8}
