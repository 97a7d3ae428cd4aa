"""Running the baseline of intake: its web server and its worker, and the time until the last task is through."""

import http.client
import json
import os
import sys
import time
from pathlib import Path
from types import TracebackType

from benchmarks.intake_baseline import DONE, counter
from benchmarks.intake_baseline_worker import QUEUE
from benchmarks.intake_ground import BATCH, batches
from devservices.service import free_port, is_ready, start_web
from devservices.supervisor import Family

BATCHES = 2  # a round; at a hundred or two a second that is long enough
WORKERS = 2


class Baseline:
    """A context manager; leaving it stops the processes."""

    def __init__(self, logs: Path) -> None:
        settings = {"DJANGO_SETTINGS_MODULE": "benchmarks.intake_baseline_settings"}
        self.family = Family(logs / "baseline", {**os.environ, **settings})
        self.port, self.done = free_port(), counter()

    def __enter__(self) -> "Baseline":
        self.done.delete(DONE, QUEUE)
        start_web(self.family, self.port)
        self.family.add(
            "worker", sys.executable, "-m", "celery", "-A", "benchmarks.intake_baseline_worker", "worker",
            "--queues", QUEUE, "--concurrency", str(WORKERS), "--without-gossip", "--without-mingle",
            "--loglevel", "WARNING",
        )  # fmt: skip
        self.family.wait_until(lambda: is_ready(self.port), "the baseline's web process is ready")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.family.stop()

    def run(self, label: str, accounts: int, key: str) -> float:
        """Items per second, from the first batch until every item is tallied and its account marked."""
        self.done.delete(DONE)
        bodies = [json.dumps(each).encode() for each in batches(BATCHES, accounts, label)]
        began = time.perf_counter()
        for body in bodies:
            self._post(body, key)
        self.family.wait_until(lambda: int(self.done.get(DONE) or 0) >= BATCHES * BATCH, "all tasks are through", 600)
        return BATCHES * BATCH / (time.perf_counter() - began)

    def _post(self, body: bytes, key: str) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self.port)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        link.request("POST", "/api/v1/evidence", body, headers)
        answer = link.getresponse()
        content = answer.read()
        assert answer.status == 202, content[:500]
        assert json.loads(content)["accepted"] == BATCH, content[:500]
        link.close()
