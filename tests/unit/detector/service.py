"""A service that answers POST /evidence as the contract says: ids are for ever, and a body is what came first."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "ae_detector_key"


class Service:
    """`before` sees each batch and may answer in place of the store: a status, headers and a document."""

    def __init__(self) -> None:
        self.url = ""
        self.stored: dict[str, dict[str, Any]] = {}
        self.bodies: list[int] = []  # bytes
        self.batches: list[int] = []  # items
        self.before: Callable[[list[dict[str, Any]]], tuple[int, dict[str, str], object] | None] = lambda _: None

    def answer(self, key: str | None, items: list[dict[str, Any]]) -> tuple[int, dict[str, str], object]:
        if key != f"Bearer {KEY}":
            return 401, {}, {"detail": "This key is not known."}
        self.batches.append(len(items))
        return self.before(items) or (202, {}, self.take(items))

    def take(self, items: list[dict[str, Any]]) -> dict[str, object]:
        """Store them; the receipt."""
        statuses = [self._store(item) for item in items]
        counts = Counter(statuses)
        return {
            "accepted": counts["accepted"], "duplicates": counts["duplicate"], "conflicts": counts["conflict"],
            "rejected": 0, "unknown_territory": 0,
            "items": [{"index": number, "id": items[number]["id"], "status": status, "errors": []}
                      for number, status in enumerate(statuses) if status != "accepted"],
        }  # fmt: skip

    def _store(self, item: dict[str, Any]) -> str:
        first = self.stored.setdefault(item["id"], item)
        return "accepted" if first is item else "duplicate" if first == item else "conflict"

    def requests(self) -> int:
        return sum(item["requests"] for item in self.stored.values())


@contextmanager
def serving() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.bodies.append(len(body))
            status, headers, document = service.answer(self.headers["Authorization"], json.loads(body))
            written = json.dumps(document).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(written)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    service.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
