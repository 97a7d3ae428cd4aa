"""Items per second of `POST /api/v1/evidence` (1,000 items a batch, 4 clients) beside the limit of the same writes, and
beside a first draft with a Celery task for each item.

python -m benchmarks.bench_intake --size small|medium|large, or `./run bench intake`. All sides write different items
into the same tables, turn by turn, so that what else the machine does hits all of them.
"""

import argparse
import http.client
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accounts_enforcement.settings")
django.setup()

from benchmarks import intake_ground, intake_limit, machine  # noqa: E402
from benchmarks.intake_baseline_side import Baseline  # noqa: E402
from devservices.service import free_port, is_ready, start_web  # noqa: E402
from devservices.supervisor import Family  # noqa: E402
from enforcement.models import Client  # noqa: E402
from enforcement.services import keys  # noqa: E402

CLIENTS = 4
GOAL, GOAL_TIMES = 0.6, 100


@dataclass(frozen=True)
class Size:
    """Accounts and evidence that are there before, and batches a side and round."""

    accounts: int
    evidence: int
    batches: int
    rounds: int


SIZES = {
    "small": Size(10_000, 100_000, 40, 3),
    "medium": Size(100_000, 1_000_000, 100, 5),
    "large": Size(1_000_000, 10_000_000, 200, 5),
}


@dataclass
class Round:
    """Items per second of each side, and how long each request took."""

    limit: float
    rest: float
    replay: float
    baseline: float
    milliseconds: list[float] = field(repr=False)
    load: str = ""

    @property
    def share(self) -> float:
        return self.rest / self.limit

    @property
    def times(self) -> float:
        return self.rest / self.baseline


def post(port: int, key: str, bodies: Sequence[bytes], expected: str) -> tuple[float, list[float]]:
    """Send all bodies over CLIENTS connections; answers with the seconds that it took and those of each request."""
    waiting, taking, took = iter(bodies), threading.Lock(), []
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def work() -> None:
        link = http.client.HTTPConnection("127.0.0.1", port)
        while True:
            with taking:
                body = next(waiting, None)
            if body is None:
                return
            began = time.perf_counter()
            link.request("POST", "/api/v1/evidence", body, headers)
            answer = link.getresponse()
            content = answer.read()
            took.append((time.perf_counter() - began) * 1000)
            assert answer.status == 202, content[:500]
            assert json.loads(content)[expected] == intake_ground.BATCH, content[:500]

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(took) == len(bodies), "a client failed"
    return time.perf_counter() - began, took


def measure(size: Size, port: int, key: str, detector: int, baseline: Baseline) -> list[Round]:
    run, rounds = f"{time.time_ns():x}", []
    url, items = os.environ["DATABASE_URL"], size.batches * intake_ground.BATCH
    for number in range(size.rounds + 1):
        encoded = [
            intake_limit.encode(each)
            for each in intake_ground.batches(size.batches, size.accounts, f"{run}-limit-{number}")
        ]
        bodies = [
            json.dumps(each).encode()
            for each in intake_ground.batches(size.batches, size.accounts, f"{run}-rest-{number}")
        ]
        checkpoint()
        limit = items / intake_limit.run(url, detector, encoded)
        checkpoint()
        seconds, took = post(port, key, bodies, "accepted")
        again, _ = post(port, key, bodies, "duplicates")
        checkpoint()
        draft = baseline.run(f"{run}-draft-{number}", size.accounts, key)
        if number:  # the first round warms all sides up
            rounds.append(Round(limit, items / seconds, items / again, draft, took, machine.load()))
    return rounds


def checkpoint() -> None:
    """No side pays for what the other left to be written."""
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")


_ROW = "{:>7} {:>9} {:>9} {:>6} {:>9} {:>10} {:>6}"


def _row(name: object, limit: float, rest: float, share: float, replay: float, baseline: float, times: float) -> str:
    numbers = (f"{limit:,.0f}", f"{rest:,.0f}", f"{share:.0%}", f"{replay:,.0f}", f"{baseline:,.0f}", f"{times:,.0f}x")
    return _ROW.format(name, *numbers)


def report(name: str, size: Size, rounds: Sequence[Round]) -> None:
    took = sorted(each for round_ in rounds for each in round_.milliseconds)
    names = ("limit", "rest", "share", "replay", "baseline", "times")
    middle = {name: statistics.median(getattr(each, name) for each in rounds) for name in names}
    latency = {"p50_ms": took[len(took) // 2], "p99_ms": took[int(len(took) * 0.99)]}
    print(_ROW.format("round", "limit/s", "REST/s", "share", "replay/s", "baseline/s", "times"), " load")
    for number, each in enumerate(rounds, start=1):
        print(_row(number, *(getattr(each, name) for name in names)), f" {each.load}")
    print(_row("median", *middle.values()))
    print(f"a batch of 1,000 at {CLIENTS} clients: p50 {latency['p50_ms']:.0f} ms, p99 {latency['p99_ms']:.0f} ms")
    print(f"goal: at least {GOAL:.0%} of the limit: {'met' if middle['share'] >= GOAL else 'MISSED'}")
    print(f"goal: at least {GOAL_TIMES} times the baseline: {'met' if middle['times'] >= GOAL_TIMES else 'MISSED'}")
    circumstances = {"size": name, **vars(size), "clients": CLIENTS, "limit_connections": intake_limit.CONNECTIONS}
    print(json.dumps({"intake": middle | latency, "circumstances": circumstances | machine.describe()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small")
    name = parser.parse_args().size
    size = SIZES[name]
    call_command("migrate", verbosity=0)
    key = keys.issue("bench", Client.Kind.DETECTOR, lasts=None)
    detector = Client.objects.get(name="bench").pk
    intake_ground.lay(size.accounts, size.evidence, detector)
    port = free_port()
    with tempfile.TemporaryDirectory() as logs, Family(Path(logs), os.environ) as family, Baseline(Path(logs)) as draft:
        start_web(family, port)
        family.wait_until(lambda: is_ready(port), "the web process is ready")
        report(name, size, measure(size, port, key, detector, draft))


if __name__ == "__main__":
    main()
