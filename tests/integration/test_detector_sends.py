"""The detector as operators run it: its own process, a log, a service that answers as the contract says."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
KEY = "ae_detector_key"
PLACES = {"219.133.40.10": "CN", "88.26.10.5": "ES", "2001:da8::1": "CN"}


class Service:
    """POST /evidence of the contract, as far as a detector sees it: ids are for ever, and a body is what came first."""

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, object]] = {}
        self.sizes: list[int] = []
        self.away = 0  # how often to be away before answering
        self.url = ""

    def answer(self, key: str | None, items: list[dict[str, object]]) -> tuple[int, dict[str, object]]:
        if key != f"Bearer {KEY}":
            return 401, {"detail": "This key is not known."}
        if self.away:
            self.away -= 1
            return 503, {"detail": "The database is away."}
        self.sizes.append(len(items))
        statuses = [self._store(item) for item in items]
        return 202, {
            "accepted": statuses.count("accepted"), "duplicates": statuses.count("duplicate"),
            "conflicts": statuses.count("conflict"), "rejected": 0,
            "unknown_territory": 0,
            "items": [{"index": number, "id": items[number]["id"], "status": status, "errors": []}
                      for number, status in enumerate(statuses) if status != "accepted"],
        }  # fmt: skip

    def _store(self, item: dict[str, object]) -> str:
        first = self.stored.setdefault(str(item["id"]), item)
        return "accepted" if first is item else "duplicate" if first == item else "conflict"


@pytest.fixture
def service() -> Iterator[Service]:
    told = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            items = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, document = told.answer(self.headers["Authorization"], items)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    server.server_close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """1,200 accounts, three requests each: more summaries than a batch holds."""
    lines = [
        f'{ip} - account-{number} [{day:02}/Jun/2026:12:00:00 +0000] "POST /v1/chat HTTP/1.1" 200 17\n'
        for number in range(1200)
        for day, ip in enumerate(PLACES, 1)
    ]
    file = tmp_path / "access.log"
    file.write_text("".join(lines))
    return file


def detect(log: Path, *options: str) -> tuple[int, list[str]]:
    """Exit status and last words of a run on a machine that knows nothing of us but the package."""
    done = subprocess.run(
        [sys.executable, "-m", "enforcement.detector", str(log), "--account-from", "user", *options],
        cwd=ROOT, env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"},
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.stdout == ""
    return done.returncode, [line.strip() for line in done.stderr.splitlines() if line.strip()]


def test_everything_arrives_in_batches_and_once_however_often_it_is_sent(service: Service, log: Path) -> None:
    to = ("--url", service.url, "--key", KEY)
    assert detect(log, *to) == (0, [
        "3,600 lines read, 0 malformed",
        "3,600 accepted, 0 duplicates, 0 conflicts, 0 rejected, 0 unknown territory",
    ])  # fmt: skip
    assert service.sizes == [1000, 1000, 1000, 600]
    assert {(item["ip"], item["country"]) for item in service.stored.values()} == set(PLACES.items())
    assert detect(log, *to)[1][-1].startswith("0 accepted, 3,600 duplicates, 0 conflicts")


def test_what_is_sent_is_what_would_be_written(service: Service, log: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.ndjson"
    assert detect(log, "--output", str(output)) == (0, ["3,600 lines read, 0 malformed", "3,600 written"])
    detect(log, "--url", service.url, "--key", KEY)
    assert [json.loads(line) for line in output.read_text().splitlines()] == list(service.stored.values())


def test_a_service_that_is_away_for_a_moment_loses_nothing(service: Service, log: Path) -> None:
    service.away = 3
    assert detect(log, "--url", service.url, "--key", KEY)[0] == 0
    assert len(service.stored) == 3600


def test_a_key_that_nobody_knows_ends_it_with_the_services_sentence(service: Service, log: Path) -> None:
    assert detect(log, "--url", service.url, "--key", "another") == (2, ["401: This key is not known."])


def test_items_that_were_not_taken_are_told_and_end_with_one(service: Service, log: Path) -> None:
    detect(log, "--url", service.url, "--key", KEY)
    for item in list(service.stored.values())[:7]:
        item["requests"] = 99
    status, words = detect(log, "--url", service.url, "--key", KEY)
    assert status == 1
    assert words[1:] == [
        "0 accepted, 3,593 duplicates, 7 conflicts, 0 rejected, 0 unknown territory",
        "7 of them: conflict: its id was used for something else",
    ]
