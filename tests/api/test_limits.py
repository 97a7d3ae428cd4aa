"""Who sends too much is told 429, by whose limit and for how long; who is refused for another reason pays, too."""

from collections.abc import Callable, Iterator
from io import StringIO

import pytest
import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import Client as Browser
from django.test import override_settings

from accounts_enforcement import settings as configured
from enforcement import metrics
from enforcement.management.base import Refused
from enforcement.models import Client, Evidence
from enforcement.services import buckets, keys
from tests.api.conftest import Caller, assert_problem, item

Limited = Callable[..., Caller]


@pytest.fixture(autouse=True)
def real_redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that is busy with other tests is not a Redis that is away."""
    monkeypatch.setattr(buckets, "_PATIENCE", 10.0)
    buckets.buckets.cache_clear()
    yield
    buckets.buckets.cache_clear()


@pytest.fixture
def limited(db: None) -> Limited:
    """A caller whose client has a limit of its own and has not called yet."""

    def make(kind: str, per_minute: int | None) -> Caller:
        key = keys.issue(f"a-{kind}", kind, lasts=None)
        keys.limit(f"a-{kind}", per_minute)
        client = Client.objects.get(name=f"a-{kind}")
        with redis.Redis.from_url(settings.REDIS_URL) as direct:  # an earlier run may have had a client of this number
            direct.delete(f"enforcement:bucket:{client.pk}")
        return Caller(key)

    return make


@pytest.fixture
def no_redis() -> Iterator[None]:
    with override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
        buckets.buckets.cache_clear()
        yield


def counted(metric: str, kind: str) -> float:
    return metrics.COUNTED.get_sample_value(f"{metric}_total", {"kind": kind}) or 0.0


def items(count: int, name: str = "e") -> list[dict[str, object]]:
    return [item(f"{name}-{number}") for number in range(count)]


def test_the_call_above_the_limit_is_429_and_says_whose_limit_and_when_to_come_again(limited: Limited) -> None:
    reader = limited("reader", 2)
    assert [reader.get("/cases").status_code for _ in range(2)] == [200, 200]
    before = counted("enforcement_rate_limited", "reader")
    answer = reader.get("/cases")
    assert "a-reader has 2 calls" in assert_problem(answer, 429)["detail"]
    assert 1 <= int(answer["Retry-After"]) <= 30
    assert counted("enforcement_rate_limited", "reader") == before + 1


def test_a_batch_costs_its_items_and_what_is_refused_stores_nothing(limited: Limited) -> None:
    sender = limited("detector", 10)
    assert sender.post("/evidence", items(6)).status_code == 202
    answer = sender.post("/evidence", items(5, "late"))
    assert "this is 5" in assert_problem(answer, 429)["detail"]
    assert 1 <= int(answer["Retry-After"]) <= 6
    assert Evidence.objects.count() == 6
    assert sender.post("/evidence", items(4, "small")).status_code == 202
    assert_problem(sender.post("/evidence", item("one-more")), 429)


def test_a_batch_of_a_thousand_costs_a_thousand(limited: Limited) -> None:
    sender = limited("detector", 1000)
    assert sender.post("/evidence", items(1000)).json()["accepted"] == 1000
    assert int(sender.post("/evidence", items(1000))["Retry-After"]) > 30


def test_a_batch_larger_than_the_limit_goes_when_nothing_went_before_and_is_paid_for(limited: Limited) -> None:
    sender = limited("detector", 10)
    assert sender.post("/evidence", items(100)).json()["accepted"] == 100
    assert int(sender.post("/evidence", item("next"))["Retry-After"]) > 500
    keys.limit("a-detector", 600_000)
    assert sender.post("/evidence", item("next")).status_code == 202


def test_what_is_refused_for_another_reason_is_no_way_round(limited: Limited) -> None:
    sender = limited("detector", 3)
    assert_problem(sender.post("/evidence", b"{"), 400)
    assert_problem(sender.post("/evidence", []), 422)
    assert_problem(sender.post("/evidence", [{}] * 1001), 413)
    assert_problem(sender.post("/evidence", b"{"), 429)
    assert_problem(sender.post("/evidence", item()), 429)


def test_the_keys_of_a_client_share_its_limit_and_other_clients_have_their_own(limited: Limited) -> None:
    reader, registrar = limited("reader", 2), limited("registrar", 2)
    other_key = Caller(keys.issue("a-reader", "reader", lasts=None))
    assert [reader.get("/cases").status_code, other_key.get("/cases").status_code] == [200, 200]
    assert (reader.get("/cases").status_code, other_key.get("/cases").status_code) == (429, 429)
    assert registrar.get("/accounts/nobody").status_code == 404


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | {"reader": 1})
def test_a_client_without_a_limit_of_its_own_has_that_of_its_kind(limited: Limited) -> None:
    reader = limited("reader", None)
    assert (reader.get("/cases").status_code, reader.get("/cases").status_code) == (200, 429)
    keys.limit("a-reader", 3)
    assert reader.get("/cases").status_code == 200


def test_no_limit_asks_nobody(limited: Limited, no_redis: None) -> None:
    before = counted("enforcement_rate_not_counted", "gateway")
    assert limited_free(limited).get("/gateway/decision?account=acme").status_code == 200
    assert counted("enforcement_rate_not_counted", "gateway") == before


def limited_free(limited: Limited) -> Caller:
    key = keys.issue("free", "gateway", lasts=None)
    keys.limit("free", 0)
    return Caller(key)


def test_without_redis_calls_pass_and_that_is_counted(db: None, no_redis: None) -> None:
    sender = Caller(keys.issue("edge-logs", "detector", lasts=None))
    keys.limit("edge-logs", 1)
    before = counted("enforcement_rate_not_counted", "detector")
    assert [sender.post("/evidence", items(5, str(n))).status_code for n in range(3)] == [202] * 3
    assert counted("enforcement_rate_not_counted", "detector") == before + 3


def test_who_has_no_key_is_told_so_however_often(db: None) -> None:
    assert {Caller(None).get("/cases").status_code for _ in range(5)} == {401}


def test_the_schema_costs_nobody_anything(db: None, no_redis: None) -> None:
    assert Browser().get("/api/schema/").status_code == 200


# -- settings, and limit_client --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["-1", "60000001"])
def test_a_limit_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    monkeypatch.setenv("RATE_LIMIT_READER", number)
    with pytest.raises(ImproperlyConfigured, match="RATE_LIMIT_READER"):
        configured.per_minute("RATE_LIMIT_READER", default=1)


def limit_client(*arguments: str) -> None:
    call_command("limit_client", *arguments, stdout=StringIO())


def test_limit_client_gives_and_takes_a_limit(limited: Limited) -> None:
    reader = limited("reader", None)
    limit_client("a-reader", "--per-minute", "1")
    assert (reader.get("/cases").status_code, reader.get("/cases").status_code) == (200, 429)
    limit_client("a-reader", "--as-its-kind")
    assert reader.get("/cases").status_code == 200


@pytest.mark.parametrize(
    "arguments", [("nobody", "--per-minute", "5"), ("a", "--per-minute", "-1"), ("a", "--per-minute", "60000001")]
)
def test_limit_client_refuses_with_status_2(db: None, arguments: tuple[str, ...]) -> None:
    keys.issue("a", "reader", lasts=None)
    with pytest.raises(Refused) as refused:
        limit_client(*arguments)
    assert refused.value.returncode == 2
    assert Client.objects.get().limit_per_minute is None
