"""A directory for counts that is full, read-only or gone takes counts away, and nothing else."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from django.db import connection
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families as read_text

from devservices.service import free_port, is_ready
from devservices.supervisor import Family
from enforcement.metrics import shared
from enforcement.models import Account, Evidence
from enforcement.services import clock, keys
from tests.operations import composition
from tests.stage import sighting

ROOT = Path(__file__).parents[2]
# With disks of its own. Who is not root becomes it for that; who is must stay it, to reach the engines' sockets.
ALONE = ("unshare", "--mount", *(["--map-root-user"] if os.geteuid() else []))

# What is done to the directory before the process starts.
DISKS = {
    "full": 'mount -t tmpfs -o size=64k none "$0" && (cat /dev/zero > "$0/filled" 2>/dev/null || true)',
    "read-only": 'mount -t tmpfs none "$0" && mount -o remount,ro "$0"',
    "gone": 'rmdir "$0" && touch "$0"',
}
Put = Callable[[str], tuple[str, ...]]


@pytest.fixture
def counting_on(tmp_path: Path) -> Put:
    """What makes a command, after it, count in `counts` on a disk that was prepared so."""
    if subprocess.run([*ALONE, "mount", "-t", "tmpfs", "none", str(tmp_path)], capture_output=True).returncode:
        pytest.skip("a disk of its own takes root, or a kernel that gives everybody namespaces")
    directory = tmp_path / "counts"
    directory.mkdir()
    return lambda prepared: (*ALONE, "sh", "-euc", f'{prepared}; exec "$@"', str(directory))


@pytest.fixture(params=DISKS)
def web(
    request: pytest.FixtureRequest, counting_on: Put, transactional_db: None, tmp_path: Path
) -> Iterator[httpx.Client]:
    """The web process as the composition starts it."""
    port, url = free_port(), urlsplit(os.environ["DATABASE_URL"])
    environment = os.environ | {
        "DATABASE_URL": urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}")),
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "counts"), "METRICS_TOKEN": "watch-me",
    }  # fmt: skip
    moved = {"8000": str(port), "0.0.0.0": "127.0.0.1", "granian": f"{Path(sys.executable).parent}/granian"}
    with Family(tmp_path / "logs", environment) as family:
        command = [moved.get(word, word) for word in composition.command("web")]
        family.add("web", *counting_on(DISKS[request.param]), *command)
        family.wait_until(lambda: is_ready(port), "the web process is ready")
        yield httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)


def test_evidence_is_taken_and_metrics_answer_whatever_the_disk(web: httpx.Client, account_outside: Account) -> None:
    key = {"Authorization": f"Bearer {keys.issue('edge', 'detector', lasts=None)}"}
    for _ in range(20):
        answer = web.post("/api/v1/evidence", json=[sighting(account_outside, clock.now())], headers=key)
        assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
        web.get("/appeal")
        web.get("/no/such/page")
    assert Evidence.objects.count() == 20
    ready = web.get("/readyz")
    assert (ready.status_code, ready.json()["database"]) == (200, "ok")
    metrics = web.get("/metrics", headers={"Authorization": "Bearer watch-me"})
    assert metrics.status_code == 200
    told = {sample.name: sample.value for family in read_text(metrics.text) for sample in family.samples}
    assert (told["enforcement_counts_shared"], told["enforcement_database_up"]) == (0, 1)
    assert "enforcement_evidence_items_total" in told


# -- a single process --------------------------------------------------------------------------------------------


def entry(name: str) -> str:
    return shared.mmap_key("counted", name, [], [], "")


def read(directory: Path, name: str) -> float | None:
    """As /metrics reads what all processes wrote."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(directory))
    return registry.get_sample_value(name)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "PATIENCE", 0)


@pytest.mark.usefixtures("impatient")
def test_what_could_not_be_written_goes_along_once_it_can(tmp_path: Path) -> None:
    directory = tmp_path / "counts"
    directory.touch()
    counts = shared.Shared(str(directory))
    for _ in range(3):
        counts.add("counter", entry("counted_total"), 1)
    assert (counts.get("counter", entry("counted_total")), counts.is_complete()) == (3, False)
    directory.unlink()
    assert counts.is_complete()
    counts.add("counter", entry("counted_total"), 1)
    assert read(directory, "counted_total") == counts.get("counter", entry("counted_total")) == 4


def test_a_directory_that_failed_is_not_asked_again_at_every_count(tmp_path: Path) -> None:
    directory = tmp_path / "counts"
    directory.touch()
    counts = shared.Shared(str(directory))
    counts.add("counter", entry("counted_total"), 1)
    directory.unlink()
    counts.add("counter", entry("counted_total"), 1)
    assert not directory.exists()


_GROW = """
import resource, sys
from enforcement.metrics import shared
shared.PATIENCE = 0
counts, most = shared.Shared(sys.argv[1]), resource.getrlimit(resource.RLIMIT_FSIZE)[1]
def add(number): counts.add("counter", shared.mmap_key("counted", f"counted_{number}_" + "x" * 500, [], [], ""), 1)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))
for number in range(300):
    add(number)
add(0)
print(counts.is_complete())
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
print(counts.is_complete())
"""


def test_a_file_that_may_not_grow_keeps_what_it_has_and_takes_the_rest_later(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _GROW, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["False", "True"]
    assert read(tmp_path, "counted_0_" + "x" * 500) == 2
    assert read(tmp_path, "counted_299_" + "x" * 500) == 1


def test_a_disk_that_fills_up_while_files_grow_kills_nobody(counting_on: Put, tmp_path: Path) -> None:
    small = counting_on('mount -t tmpfs -o size=200k none "$0"')
    command = [*small, sys.executable, "-c", _GROW, str(tmp_path / "counts")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["False", "False"]


def test_a_file_of_counts_has_no_holes(tmp_path: Path) -> None:
    counts = shared.Shared(str(tmp_path))
    for number in range(400):
        counts.add("counter", entry(f"counted_{number}_" + "x" * 500), 1)
    (file,) = tmp_path.glob("*.db")
    assert file.stat().st_blocks * 512 >= file.stat().st_size > 2 * 65536
