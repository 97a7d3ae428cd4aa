"""Sending: batches, patience where the service asks for it, and a clear end where it refuses. A real server answers."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from enforcement.detector.sending import ATTEMPTS, SendingRefused, send


class Service:
    """Answers as it is told; an empty list of answers means 202."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.batches: list[int] = []
        self.keys: set[str] = set()
        self.url = ""


@pytest.fixture
def service() -> Iterator[Service]:
    told = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            items = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.batches.append(len(items))
            told.keys.add(self.headers["Authorization"])
            status, headers = told.answers.pop(0) if told.answers else (202, {})
            counts = {"accepted": len(items), "duplicates": 0, "conflicts": 0, "rejected": 0, "unknown_territory": 0}
            body = json.dumps(counts if status == 202 else {"detail": "This key lacks the scope."}).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
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


def sent(service: Service, count: int) -> tuple[int, list[float]]:
    waits: list[float] = []
    items = [{"id": str(number)} for number in range(count)]
    answers = list(send(items, service.url, "a-key", wait=waits.append))
    return sum(answer["accepted"] for answer in answers), waits


def test_a_thousand_items_go_in_a_batch_with_the_key(service: Service) -> None:
    assert sent(service, 2500) == (2500, [])
    assert service.batches == [1000, 1000, 500]
    assert service.keys == {"Bearer a-key"}


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_the_service_asks(service: Service, status: int) -> None:
    service.answers = [(status, {"Retry-After": "7"}), (status, {})]
    assert sent(service, 10) == (10, [7.0, 1.0])
    assert service.batches == [10, 10, 10]


def test_it_does_not_wait_for_years(service: Service) -> None:
    service.answers = [(503, {"Retry-After": "999999999"})]
    assert sent(service, 1)[1] == [60.0]


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_a_refusal_ends_it_with_the_services_sentence(service: Service, status: int) -> None:
    service.answers = [(status, {})]
    with pytest.raises(SendingRefused, match=f"{status}: This key lacks the scope"):
        sent(service, 10)


def test_a_service_that_is_away_is_tried_a_few_times(service: Service) -> None:
    waits: list[float] = []
    with pytest.raises(SendingRefused, match="did not answer"):
        list(send([{"id": "1"}], "http://127.0.0.1:1", "a-key", wait=waits.append))
    assert len(waits) == ATTEMPTS
    assert waits == sorted(waits)


def test_only_web_addresses_are_sent_to() -> None:
    with pytest.raises(SendingRefused, match="is no http"):
        list(send([{"id": "1"}], "file:///etc", "a-key"))
