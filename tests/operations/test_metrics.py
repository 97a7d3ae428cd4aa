"""/metrics: closed until somebody opens it, the same from every process, and without a word about accounts."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.test import Client as Browser
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families as read_text

from accounts_enforcement import metrics as door
from accounts_enforcement.checks import check_metrics
from accounts_enforcement.settings import networks as read_networks
from enforcement import metrics
from enforcement.models import Account, Case, Client, PolicyVersion
from enforcement.services import clock, gauges, heartbeats, intake, keys, mail
from notifications import relay
from tests.stage import DAY, see, sighting

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[2]
TOKEN = {"HTTP_AUTHORIZATION": "Bearer watch-me"}

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def open_to_token(settings: Any) -> None:
    settings.METRICS_TOKEN = "watch-me"


def scrape() -> Samples:
    answer = Browser().get("/metrics", **TOKEN)
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in read_text(answer.content.decode())
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


# -- who may read ------------------------------------------------------------------------------------------------


def test_it_is_closed_by_default() -> None:
    assert Browser().get("/metrics").status_code == 403
    assert Browser().get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 403


@pytest.mark.usefixtures("open_to_token")
@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer ", "Bearer watch-m", "Bearer watch-me!", "Basic watch-me"])
def test_a_wrong_token_reads_nothing(shown: str) -> None:
    assert Browser().get("/metrics", HTTP_AUTHORIZATION=shown).status_code == 403


@pytest.mark.usefixtures("open_to_token")
def test_the_token_opens_it() -> None:
    assert Browser().get("/metrics", **TOKEN).status_code == 200


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        ("10.0.0.0/8", "10.9.8.7", 200),
        ("10.0.0.0/8", "11.9.8.7", 403),
        ("10.0.0.0/8,fd00::/8", "fd00::1", 200),
        ("", "10.9.8.7", 403),
    ],
)
def test_a_network_opens_it_to_itself(
    settings: Any, monkeypatch: pytest.MonkeyPatch, networks: str, address: str, status: int
) -> None:
    monkeypatch.setenv("METRICS_NETWORKS", networks)
    settings.METRICS_NETWORKS = read_networks("METRICS_NETWORKS")
    assert Browser().get("/metrics", REMOTE_ADDR=address).status_code == status


def test_behind_a_proxy_the_callers_address_counts_and_not_the_proxys(settings: Any) -> None:
    settings.METRICS_NETWORKS, settings.BEHIND_PROXY = [ip_network("10.0.0.0/8")], True
    outside = {"REMOTE_ADDR": "10.0.0.2", "HTTP_X_FORWARDED_FOR": "10.0.0.9, 203.0.113.5"}
    assert Browser().get("/metrics", **outside).status_code == 403


@pytest.mark.parametrize(
    ("token", "directory", "warned"), [("watch-me", "", True), ("watch-me", "/metrics", False), ("", "", False)]
)
def test_open_metrics_of_which_each_process_has_its_own_are_warned_of(
    settings: Any, token: str, directory: str, warned: bool
) -> None:
    settings.METRICS_TOKEN, settings.METRICS_NETWORKS, settings.METRICS_DIRECTORY = token, [], directory
    assert [found.id for found in check_metrics(None)] == ["enforcement.W001"] * warned


# -- what stands there -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("open_to_token")
def test_requests_are_counted_by_template_and_never_by_account(account_at_home: Account, client: Browser) -> None:
    key = {"HTTP_AUTHORIZATION": f"Bearer {keys.issue('books', 'reader', lasts=None)}"}
    labels = {"route": "api/v1/accounts/<str:external_id>", "method": "GET", "status": "200"}
    before = value(scrape(), "enforcement_http_requests_total", **labels)
    for _ in range(3):
        assert client.get("/api/v1/accounts/berlin", **key).status_code == 200
    client.get("/no/such/marker-page")
    client.generic("MARKER", "/api/v1/cases", **key)
    found = scrape()
    assert value(found, "enforcement_http_requests_total", **labels) == before + 3
    assert value(found, "enforcement_http_request_duration_seconds_count", route=labels["route"], method="GET") >= 3
    text = Browser().get("/metrics", **TOKEN).content.decode()
    assert not re.search("(?i)berlin|marker", text)


@pytest.mark.usefixtures("open_to_token")
def test_every_item_of_evidence_is_counted_as_it_was_answered(account_outside: Account, detector: Client) -> None:
    good = sighting(account_outside, clock.now())
    before = scrape()
    intake.record(detector, [good, good, {**good, "requests": 11}, {"id": "bad"}], now=clock.now())
    after = scrape()
    counted = {
        status: value(after, "enforcement_evidence_items_total", status=status)
        - value(before, "enforcement_evidence_items_total", status=status)
        for status in ("accepted", "duplicate", "conflict", "rejected")
    }
    assert counted == dict.fromkeys(counted, 1)


@pytest.mark.usefixtures("open_to_token")
def test_steps_and_memos_are_counted_once_they_are_committed(
    account_outside: Account,
    detector: Client,
    policy: PolicyVersion,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay.Relay, "offer", lambda *_: relay.Reply(250, "ok"))
    before = scrape()
    with django_capture_on_commit_callbacks(execute=True):
        see(detector, sighting(account_outside, clock.now() - DAY))
    mail.deliver()
    after = scrape()
    for name, labels in (
        ("enforcement_decisions_total", {"step": "warn", "status": "applied"}),
        ("enforcement_memos_total", {"kind": "warning", "outcome": "accepted"}),
    ):
        assert value(after, name, **labels) == value(before, name, **labels) + 1


@pytest.mark.usefixtures("open_to_token")
def test_what_was_rolled_back_is_not_counted(
    account_outside: Account, detector: Client, policy: PolicyVersion, django_capture_on_commit_callbacks: Any
) -> None:
    before = scrape()
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        see(detector, sighting(account_outside, clock.now() - DAY))
        assert Case.objects.exists()
        transaction.set_rollback(True)
    warned = {"step": "warn", "status": "applied"}
    assert value(scrape(), "enforcement_decisions_total", **warned) == value(
        before, "enforcement_decisions_total", **warned
    )


@pytest.mark.usefixtures("open_to_token")
def test_backlogs_and_signs_of_life_are_read_at_the_scrape(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    heartbeats.note(["beat"])
    intake.record(detector, [sighting(account_outside, clock.now())], now=clock.now())
    clock.advance(DAY)
    found = scrape()
    assert value(found, "enforcement_due_work_rows", work="assess") == 1
    assert value(found, "enforcement_due_work_age_seconds", work="assess") >= 86400
    assert value(found, "enforcement_heartbeat_age_seconds", process="beat") < 30
    assert value(found, "enforcement_active_policy_version") == policy.pk
    assert 86400 - 5 < value(found, "enforcement_clock_offset_seconds") < 86400 + 5
    assert value(found, "enforcement_database_up") == 1


@pytest.mark.usefixtures("open_to_token")
def test_a_scrape_reads_little(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(13):
        scrape()


@pytest.mark.usefixtures("open_to_token")
def test_a_database_that_is_away_takes_only_its_own_figures_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("no route")

    monkeypatch.setattr(gauges, "read", away)
    found = scrape()
    assert found[("enforcement_database_up", frozenset())] == 0
    assert any(name.startswith("enforcement_evidence_items") for name, _ in found)
    assert not any(name.startswith("enforcement_due_work") for name, _ in found)


@pytest.mark.usefixtures("open_to_token")
def test_promtool_finds_nothing_to_say(promtool: str) -> None:
    Browser().get("/healthz")
    exposed = Browser().get("/metrics", **TOKEN).content
    checked = subprocess.run([promtool, "check", "metrics"], input=exposed, capture_output=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_every_name_is_declared_once_with_its_unit() -> None:
    names = [*_counted_names(), *(each.name for each in vars(metrics).values() if isinstance(each, metrics.Reading))]
    assert len(names) == len(set(names))
    assert all(name.startswith("enforcement_") for name in names)
    assert all(name.endswith("_seconds") for name in names if "duration" in name or "age" in name)


def _counted_names() -> Iterator[str]:
    for family in metrics.COUNTED.collect():
        yield family.name


def test_all_that_is_declared_is_told() -> None:
    told = {family.name for family in read_text(door.exposition().decode())}
    readings = {each.name for each in vars(metrics).values() if isinstance(each, metrics.Reading)}
    heard = {"enforcement_heartbeat_age_seconds"}  # nobody was heard of yet
    assert told | heard >= {*_counted_names(), *readings}


# -- several processes -------------------------------------------------------------------------------------------

_COUNT = """
import os, sys
from enforcement import metrics
if sys.argv[1] == "fork":
    metrics.EVIDENCE_ITEMS.labels("accepted").inc(1)
    child = os.fork()
    metrics.EVIDENCE_ITEMS.labels("accepted").inc(1)
    if child:
        os.waitpid(child, 0)
else:
    metrics.EVIDENCE_ITEMS.labels("accepted").inc(1)
if len(sys.argv) > 2:
    print("up", flush=True)
    sys.stdin.read()
"""


def together(directory: Path) -> float:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(directory))
    return registry.get_sample_value("enforcement_evidence_items_total", {"status": "accepted"}) or 0.0


def counting(directory: Path, how: str, *more: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(directory)}
    return subprocess.Popen(
        [sys.executable, "-c", _COUNT, how, *more],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_forked_workers_count_beside_their_parent(tmp_path: Path) -> None:
    assert counting(tmp_path, "fork").wait() == 0
    assert together(tmp_path) == 3
    assert len(list(tmp_path.glob("counter_*.db"))) == 2


def test_a_worker_that_takes_anothers_place_goes_on_with_its_counts(tmp_path: Path) -> None:
    for _ in range(5):
        assert counting(tmp_path, "once").wait() == 0
    assert together(tmp_path) == 5
    assert len(list(tmp_path.glob("counter_*.db"))) == 1


def test_processes_at_the_same_time_never_share_a_slot_and_a_killed_one_leaves_its_counts(tmp_path: Path) -> None:
    running = [counting(tmp_path, "once", "stay") for _ in range(3)]
    for each in running:
        assert each.stdout is not None
        assert each.stdout.readline() == "up\n"
    assert len(list(tmp_path.glob("counter_*.db"))) == 3
    for each in running:
        each.kill()
        each.communicate()
    assert counting(tmp_path, "once").wait() == 0
    assert (together(tmp_path), len(list(tmp_path.glob("counter_*.db")))) == (4, 3)
