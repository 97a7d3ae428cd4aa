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
        self.body: bytes | None = None  # of a 202, instead of the counts
        self.asked: list[str] = []
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
            if status == 202 and told.body is not None:
                body = told.body
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            told.asked.append(self.path)
            self.send_response(404)
            self.end_headers()

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
    return sum(answer.counts["accepted"] for answer in answers), waits


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


def test_a_wait_that_cannot_be_read_is_chosen_by_ourselves(service: Service) -> None:
    service.answers = [(429, {"Retry-After": "\xb2"}), (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})]
    assert sent(service, 1) == (1, [0.5, 1.0])


def test_an_answer_that_breaks_off_is_asked_for_again(service: Service) -> None:
    service.answers = [(202, {"Content-Length": "5000", "Connection": "close"})]
    assert sent(service, 1) == (1, [0.5])


def test_the_key_goes_to_nobody_else(service: Service) -> None:
    service.answers = [(302, {"Location": f"{service.url}/elsewhere"})]
    with pytest.raises(SendingRefused, match=r"302: it points to http://.*/elsewhere"):
        sent(service, 1)
    assert service.asked == []


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"accepted": "many"}', b'{"accepted": {}}', b"\xff"])
def test_an_answer_that_is_not_the_services_is_no_success(service: Service, body: bytes) -> None:
    service.body = body
    with pytest.raises(SendingRefused, match="answers, but not as the service does"):
        sent(service, 1)


def test_what_was_not_taken_is_told_with_its_reason(service: Service) -> None:
    refused = {"index": 0, "id": "a", "status": "rejected", "errors": [{"field": "ip", "reason": "must be an address"}]}
    conflict = {"index": 1, "id": "b", "status": "conflict", "errors": []}
    unknown = {"index": 2, "id": "c", "status": "unknown_territory", "errors": []}
    counts = {"accepted": 1, "duplicates": 0, "conflicts": 1, "rejected": 1, "unknown_territory": 1}
    service.body = json.dumps(counts | {"items": [refused, conflict, unknown]}).encode()
    (answer,) = send([{"id": "a"}, {"id": "b"}, {"id": "c"}], service.url, "a-key")
    assert answer.counts == counts
    assert answer.reasons == {"rejected: ip must be an address": 1, "conflict: its id was used for something else": 1}


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


@pytest.mark.parametrize(
    "url", ["file:///etc", "localhost:8000", "http://", "http://local host", "http://localhost:port", "http://[::1"]
)
def test_only_web_addresses_are_sent_to(url: str) -> None:
    with pytest.raises(SendingRefused, match="is no http"):
        list(send([{"id": "1"}], url, "a-key"))


@pytest.mark.parametrize("key", ["", "a\nb", "sk-…", "a b"])
def test_a_key_that_cannot_be_one_is_refused_before_it_is_sent(service: Service, key: str) -> None:
    with pytest.raises(SendingRefused, match="The key"):
        list(send([{"id": "1"}], service.url, key))
    assert service.batches == []
