"""The buckets in a real Valkey of our own, which is also killed, frozen, emptied and filled up."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest
import redis
from structlog.testing import capture_logs

from devservices.valkey import Valkey
from enforcement.services import buckets as module
from enforcement.services.buckets import Away, Buckets
from tests.own_valkey import frozen, own_valkey

NAMES = count()
Take = Callable[[int], float]


@pytest.fixture(scope="module")
def server() -> Iterator[Valkey]:
    with own_valkey() as server:
        yield server


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with other tests is not a Redis that is away."""
    monkeypatch.setattr(module, "_PATIENCE", 10.0)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is asked again at once after it did not answer."""
    monkeypatch.setattr(module, "_PAUSE", 0.0)


@pytest.fixture
def buckets(server: Valkey) -> Buckets:
    return Buckets(server.url())


@pytest.fixture
def direct(server: Valkey) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(server.url(), decode_responses=True) as direct:
        yield direct


def fresh() -> str:
    return f"t-{next(NAMES)}"


def taker(buckets: Buckets, limit: int, name: str | None = None) -> Take:
    name = name or fresh()
    return lambda cost: buckets.take(name, limit=limit, cost=cost)


# -- the bucket ------------------------------------------------------------------------------------------------------


def test_a_minutes_worth_goes_at_once_and_the_next_is_told_when_to_come(patient: None, buckets: Buckets) -> None:
    take = taker(buckets, 6)
    assert [take(1) for _ in range(6)] == [0] * 6
    assert 9 < take(1) <= 10
    assert 19 < take(2) <= 20


def test_a_refusal_takes_nothing(patient: None, buckets: Buckets) -> None:
    take = taker(buckets, 6)
    take(4)
    assert all(take(6) > 0 for _ in range(50))
    assert take(2) == 0


def test_what_costs_more_than_a_minute_goes_when_the_bucket_is_full_and_is_paid_for(
    patient: None, buckets: Buckets
) -> None:
    take = taker(buckets, 600)
    assert take(1000) == 0
    assert 40 < take(1) <= 40.1  # the debt of 400, and one more
    assert 99 < take(1000) <= 100
    nearly = taker(buckets, 600)
    assert nearly(1) == 0
    assert 0 < nearly(1000) <= 0.1


@pytest.mark.parametrize("limit", [1, 7, 600, 12_000, 999_999, 1_234_567, 60_000_000])
def test_a_full_bucket_gives_exactly_its_limit(patient: None, buckets: Buckets, limit: int) -> None:
    take = taker(buckets, limit)
    assert take(limit) == 0
    assert 0 < take(limit) <= 60


def test_who_waits_as_told_gets_through(patient: None, buckets: Buckets) -> None:
    take = taker(buckets, 60_000)
    assert take(60_000) == 0
    told = take(100)
    assert 0 < told <= 0.1
    time.sleep(told)
    assert take(100) == 0


def test_names_draw_on_buckets_of_their_own(patient: None, buckets: Buckets) -> None:
    one, other = taker(buckets, 1), taker(buckets, 1)
    assert one(1) == 0
    assert one(1) > 0
    assert other(1) == 0


def test_another_limit_holds_at_once(patient: None, buckets: Buckets) -> None:
    name = fresh()
    assert taker(buckets, 10, name)(1000) == 0
    assert taker(buckets, 10, name)(1) > 5000
    assert taker(buckets, 2000, name)(1000) == 0


def test_twenty_at_once_never_get_more_than_the_limit(patient: None, buckets: Buckets) -> None:
    limit, passed, ready = 600, [], threading.Barrier(20)
    take = taker(buckets, limit)

    def hammer() -> None:
        ready.wait(timeout=30)
        passed.extend(1 for _ in range(100) if take(1) == 0)

    threads = [threading.Thread(target=hammer) for _ in range(20)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    grown = (time.monotonic() - started) * limit / 60
    assert limit <= len(passed) <= limit + grown + 1


def test_nothing_stays_behind(patient: None, buckets: Buckets, direct: "redis.Redis") -> None:
    name = fresh()
    taker(buckets, 600, name)(300)
    assert 0 < direct.pttl(f"enforcement:bucket:{name}") <= 30_000


# -- Redis in trouble ------------------------------------------------------------------------------------------------


def test_a_redis_that_forgot_everything_gives_a_full_bucket(
    patient: None, buckets: Buckets, direct: "redis.Redis"
) -> None:
    take = taker(buckets, 1)
    assert (take(1), take(1) > 0) == (0, True)
    direct.flushall()
    direct.script_flush()
    assert take(1) == 0


def test_a_line_that_died_while_it_was_idle_is_replaced_unnoticed(
    patient: None, buckets: Buckets, direct: "redis.Redis"
) -> None:
    take = taker(buckets, 10)
    take(1)
    assert direct.client_kill_filter(_type="normal", skipme=True) >= 1
    assert take(1) == 0


def test_errors_of_redis_are_its_absence(hasty: None, buckets: Buckets, direct: "redis.Redis") -> None:
    take = taker(buckets, 1)
    direct.config_set("maxmemory", 1)
    with pytest.raises(Away):
        take(1)
    direct.config_set("maxmemory", 0)
    assert take(1) == 0


def test_what_stands_in_the_place_of_a_bucket_is_no_answer(
    hasty: None, buckets: Buckets, direct: "redis.Redis"
) -> None:
    name = fresh()
    direct.hset(f"enforcement:bucket:{name}", "a", "b")
    with pytest.raises(Away):
        taker(buckets, 1, name)(1)


def test_a_frozen_redis_is_waited_for_briefly(hasty: None, server: Valkey, buckets: Buckets) -> None:
    take = taker(buckets, 10)
    take(1)
    with frozen(server), pytest.raises(Away) as away:
        take(1)
    assert isinstance(away.value.__cause__, redis.TimeoutError)
    assert take(1) == 0


def test_a_redis_that_died_and_came_back_counts_again(hasty: None, server: Valkey, buckets: Buckets) -> None:
    take = taker(buckets, 10)
    take(1)
    server.stop()
    try:
        with pytest.raises(Away):
            take(1)
    finally:
        server.start()
    assert take(1) == 0


def test_after_a_failure_redis_is_left_alone_for_a_while(server: Valkey) -> None:
    place = Buckets(server.url())
    server.stop()
    try:
        with pytest.raises(Away):
            taker(place, 10)(1)
    finally:
        server.start()
    with pytest.raises(Away):  # though it is back
        taker(place, 10)(1)


def test_the_log_tells_of_it_once_a_minute(hasty: None) -> None:
    nowhere = Buckets("redis://127.0.0.1:1/0")
    with capture_logs() as lines:
        for _ in range(5):
            with pytest.raises(Away):
                taker(nowhere, 1)(1)
    assert [(line["event"], line["why"]) for line in lines] == [("limits.not_counted", "ConnectionError")]
