"""Sending: batches, patience where the service asks for it, and a clear end where it refuses. A real server answers."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from enforcement.detector.sending import ATTEMPTS, COUNTS, LARGEST, Receipt, Sender, SendingRefused, batches
from tests.unit.detector.service import KEY, Service

Answer = tuple[int, dict[str, str]]


@pytest.fixture
def answers(service: Service) -> list[Answer]:
    """What the service answers before it takes anything; it has a sentence for each refusal."""
    waiting: list[Answer] = []

    def before(_: Sequence[object]) -> tuple[int, dict[str, str], object] | None:
        return (*waiting.pop(0), {"detail": "This key lacks the scope."}) if waiting else None

    service.before = before
    return waiting


def items(count: int) -> Iterator[dict[str, Any]]:
    return ({"id": str(number), "requests": 1} for number in range(count))


def sent(service: Service, count: int, chance: float = 0) -> tuple[int, list[float]]:
    """How many were accepted, and how long it waited between."""
    waits: list[float] = []
    sender = Sender(service.url, KEY, wait=waits.append, chance=lambda: chance)
    receipts = [sender.send(batch) for batch in batches(items(count))]
    return sum(receipt.counts["accepted"] for receipt in receipts), waits


def test_a_thousand_items_go_in_a_batch_with_the_key(service: Service) -> None:
    assert sent(service, 2500) == (2500, [])
    assert service.batches == [1000, 1000, 500]


def test_a_batch_is_smaller_than_the_service_takes(service: Service) -> None:
    sender = Sender(service.url, KEY)
    large = ({"id": str(number), "credential": "x" * 100_000} for number in range(200))
    assert sum(sender.send(batch).counts["accepted"] for batch in batches(large)) == 200
    assert max(service.bodies) <= LARGEST
    assert len(service.bodies) == 3


def test_what_something_between_finds_too_large_goes_in_halves(service: Service) -> None:
    """nginx takes a megabyte unless it is told otherwise."""
    service.before = lambda batch: (413, {}, {"detail": "Too large."}) if len(batch) > 300 else None
    assert sent(service, 1000) == (1000, [])
    assert service.batches == [1000, 500, 250, 250, 500, 250, 250]


def test_one_item_that_is_too_large_ends_it(service: Service, answers: list[Answer]) -> None:
    answers += [(413, {})]
    with pytest.raises(SendingRefused, match="413: This key lacks the scope"):
        sent(service, 1)


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_the_service_asks(service: Service, answers: list[Answer], status: int) -> None:
    answers += [(status, {"Retry-After": "7"}), (status, {})]
    assert sent(service, 10) == (10, [7.0, 1.0])
    assert service.batches == [10, 10, 10]


def test_it_waits_until_the_date_that_the_service_names(service: Service, answers: list[Answer]) -> None:
    answers += [(503, {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)})]
    ((waited,), count) = sent(service, 1)[::-1]
    assert count == 1
    assert 80 < waited <= 90


@pytest.mark.parametrize("asked", ["\xb2", "Wed, 21 Oct 2015 07:28:00 GMT", "soon", "-1", "0"])
def test_a_wait_that_says_nothing_is_chosen_by_ourselves(service: Service, answers: list[Answer], asked: str) -> None:
    answers += [(429, {"Retry-After": asked}), (429, {"Retry-After": asked})]
    assert sent(service, 1) == (1, [0.5, 1.0])


def test_chance_adds_to_a_wait_and_never_takes_from_it(service: Service, answers: list[Answer]) -> None:
    answers += [(503, {"Retry-After": "7"}), (503, {})]
    assert sent(service, 1, chance=1) == (1, [7.25, 1.5])


def test_a_service_that_asks_for_hours_is_left_alone_with_a_sentence(service: Service, answers: list[Answer]) -> None:
    answers += [(503, {"Retry-After": "7200"})]
    with pytest.raises(SendingRefused, match=r"asks to wait 7,200 s \(503 .*\)\. Start again then; nothing is lost"):
        sent(service, 1)


def test_a_service_that_stays_away_is_given_up_with_a_sentence(service: Service, answers: list[Answer]) -> None:
    answers += [(503, {})] * ATTEMPTS
    with pytest.raises(SendingRefused, match=rf"in {ATTEMPTS} attempts \(503 .*\)\. Start again later; nothing"):
        sent(service, 1)
    assert len(service.batches) == ATTEMPTS


def test_an_answer_that_breaks_off_is_asked_for_again(service: Service, answers: list[Answer]) -> None:
    answers += [(202, {"Content-Length": "5000", "Connection": "close"})]
    assert sent(service, 1) == (1, [0.5])


def test_nobody_at_the_address_is_tried_a_few_times() -> None:
    waits: list[float] = []
    said: list[str] = []
    with pytest.raises(SendingRefused, match=r"attempts \(Connection refused\)"):
        Sender("http://127.0.0.1:1", KEY, wait=waits.append, say=said.append, chance=lambda: 0).send([b"{}"])
    assert waits == [0.5, 1, 2, 4, 8, 16, 20]
    assert said[0] == "Connection refused; trying again in 0.5 s"


def test_the_key_goes_to_nobody_else(service: Service, answers: list[Answer]) -> None:
    answers += [(302, {"Location": f"{service.url}/elsewhere"})]
    with pytest.raises(SendingRefused, match=r"302: it points to http://.*/elsewhere"):
        sent(service, 1)
    assert service.batches == [1]


@pytest.mark.parametrize(
    "told", ["<html>", [], {}, {"accepted": "many"}, {"accepted": {}}, dict.fromkeys(COUNTS, 0), None]
)
def test_an_answer_that_is_not_the_services_is_no_success(service: Service, told: object) -> None:
    service.before = lambda _: (202, {}, told)
    with pytest.raises(SendingRefused, match="answers, but not as the service does"):
        sent(service, 1)


def test_what_was_not_taken_is_told_with_its_reason(service: Service) -> None:
    refused = {"index": 0, "id": "a", "status": "rejected", "errors": [{"field": "ip", "reason": "must be an address"}]}
    conflict = {"index": 1, "id": "b", "status": "conflict", "errors": []}
    unknown = {"index": 2, "id": "c", "status": "unknown_territory", "errors": []}
    counts = {"accepted": 1, "duplicates": 0, "conflicts": 1, "rejected": 1, "unknown_territory": 1}
    service.before = lambda _: (202, {}, counts | {"items": [refused, conflict, unknown]})
    assert Sender(service.url, KEY).send([b"{}"] * 3) == Receipt(
        3, counts, {"rejected: ip must be an address": 1, "conflict: its id was used for something else": 1}
    )


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_ends_it_with_the_services_sentence(service: Service, answers: list[Answer], status: int) -> None:
    answers += [(status, {})]
    with pytest.raises(SendingRefused, match=f"{status}: This key lacks the scope"):
        sent(service, 10)
    assert service.batches == [10]


@pytest.mark.parametrize(
    "url", ["file:///etc", "localhost:8000", "http://", "http://local host", "http://localhost:port", "http://[::1"]
)
def test_only_web_addresses_are_sent_to(url: str) -> None:
    with pytest.raises(SendingRefused, match="is no http"):
        Sender(url, KEY)


@pytest.mark.parametrize("key", ["", "a\nb", "sk-…", "a b"])
def test_a_key_that_cannot_be_one_is_refused_before_it_is_sent(service: Service, key: str) -> None:
    with pytest.raises(SendingRefused, match="The key"):
        Sender(service.url, key)
    assert not service.batches
