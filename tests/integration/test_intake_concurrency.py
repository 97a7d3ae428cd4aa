"""Many detectors at once: no deadlock, no lost mark, every item answered once, tallies equal evidence."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction

from enforcement.models import Account, AssessmentMark, Client, Evidence, PolicyVersion, Score
from enforcement.services import assessment, clock, intake
from enforcement.services.intake import Receipt
from tests import checks
from tests.conftest import DAY, day

THREADS = 50
NOON = day(f"{datetime.now(UTC) - DAY:%Y-%m-%d}") + DAY / 2  # yesterday's
Item = dict[str, Any]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def a_connection_each() -> Iterator[None]:
    """As many sessions as threads, where a web process would make some of them wait."""
    pool = connection.settings_dict["OPTIONS"]["pool"]
    usual = dict(pool)
    connection.close()
    connection.close_pool()
    pool |= {"max_size": THREADS + 10, "timeout": 30}
    yield
    connection.close()
    connection.close_pool()
    pool |= usual


def at_once(*work: Callable[[], None]) -> None:
    """Run all of it at the same moment, each in a thread with a connection of its own; errors come out."""
    start, errors = threading.Barrier(len(work)), []

    def run(each: Callable[[], None]) -> None:
        try:
            start.wait(timeout=30)
            each()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(each,)) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors[0]


def deadlocks() -> int:
    """How many the server broke so far; our transactions would be tried again and hide them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def seen(number: int, accounts: int, requests: int = 1) -> Item:
    return {
        "id": f"e-{number:04}",
        "account": f"org-{number * 7 % accounts:03}",
        "kind": "ip_geolocation",
        "network_class": "residential",
        "country": ("CN", "DE", "EU")[number % 3],
        "credential": f"sk-{number % 4}",
        "observed_at": (NOON - number % 3 * DAY).isoformat(),
        "requests": requests,
    }


def draw(chance: random.Random, universe: int, size: int) -> list[Item]:
    """A batch of known items in any order; a twentieth with another body, some twice."""
    return [
        seen(chance.randrange(universe), accounts=25, requests=2 if chance.random() < 0.05 else 1) for _ in range(size)
    ]


def test_fifty_threads_post_overlapping_batches(detector: Client) -> None:
    universe, before = 400, deadlocks()
    answered: list[tuple[list[Item], Receipt]] = []

    def post(seed: int) -> Callable[[], None]:
        batches = [draw(random.Random(seed * 100 + n), universe, 40) for n in range(4)]

        def run() -> None:
            for batch in batches:
                answered.append((batch, intake.record(detector, batch, now=clock.now())))

        return run

    at_once(*(post(seed) for seed in range(THREADS)))
    assert deadlocks() == before
    assert len(answered) == THREADS * 4
    assert_each_answered_once(answered)
    assert_marks_are_all_there(answered)
    assert not checks.tallies_equal_evidence()


def assert_each_answered_once(answered: Sequence[tuple[list[Item], Receipt]]) -> None:
    accepted: Counter[str] = Counter()
    for batch, receipt in answered:
        assert [answer.index for answer in receipt.answers] == list(range(len(batch)))
        assert [answer.id for answer in receipt.answers] == [item["id"] for item in batch]
        accepted.update(str(answer.id) for answer in receipt.answers if answer.status == "accepted")
        assert not receipt.count("rejected")
    sent = {item["id"] for batch, _ in answered for item in batch}
    assert set(accepted) == sent == set(Evidence.objects.values_list("external_id", flat=True))
    assert set(accepted.values()) == {1}
    stored = dict(Evidence.objects.values_list("external_id", "requests"))
    for batch, receipt in answered:
        for item, answer in zip(batch, receipt.answers, strict=True):
            same = stored[item["id"]] == item["requests"]
            assert answer.status in ({"accepted", "duplicate"} if same else {"conflict"})


def assert_marks_are_all_there(answered: Sequence[tuple[list[Item], Receipt]]) -> None:
    """A mark counts one for every batch that brought its account something new."""
    expected: Counter[str] = Counter()
    for batch, receipt in answered:
        expected.update({batch[answer.index]["account"] for answer in receipt.answers if answer.status == "accepted"})
    marks = AssessmentMark.objects.values_list("account__external_id", "count")
    assert dict(marks) == dict(expected)


def posting(detector: Client, batch: list[Item]) -> Callable[[], None]:
    def run() -> None:
        assert intake.record(detector, batch, now=clock.now()).accepted == len(batch)

    return run


def test_two_batches_that_make_the_same_stubs_in_opposite_order_both_get_through(detector: Client) -> None:
    """Every account is new to both, and each lists them the other way round."""
    before = deadlocks()
    for round_ in range(5):
        items = [
            {"id": f"{round_}-{side}-{n}", "account": f"stub-{round_}-{n:03}", "kind": "ip_geolocation",
             "observed_at": NOON.isoformat()}
            for side in range(2) for n in range(200)
        ]  # fmt: skip
        at_once(posting(detector, items[:200]), posting(detector, items[:199:-1]))
    assert deadlocks() == before
    assert (Account.objects.count(), Evidence.objects.count()) == (1000, 2000)
    assert not checks.tallies_equal_evidence()


def test_scores_end_up_with_all_evidence_while_it_is_assessed(detector: Client, policy: PolicyVersion) -> None:
    before = deadlocks()
    done = threading.Event()

    def post(start: int) -> Callable[[], None]:
        def run() -> None:
            for first in range(start, start + 200, 20):
                batch = [seen(number, accounts=12) for number in range(first, first + 20)]
                intake.record(detector, batch, now=clock.now())

        return run

    def assess() -> None:
        while not done.is_set():
            assessment.assess(now=clock.now())

    def post_all() -> None:
        try:
            at_once(*(post(200 * n) for n in range(8)))
        finally:
            done.set()

    at_once(post_all, assess, assess)
    assessment.assess(now=clock.now())
    assert deadlocks() == before
    assert not AssessmentMark.objects.exists()
    assert not checks.tallies_equal_evidence()
    assert sum(score.facts["requests"] for score in Score.objects.all()) == Evidence.objects.count() == 1600


def test_evidence_is_not_held_up_by_somebody_who_decides_about_the_account(
    detector: Client, account_outside: Account
) -> None:
    item = seen(1, accounts=1) | {"account": account_outside.external_id}
    locked, released = threading.Event(), threading.Event()

    def decide() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM enforcement_account WHERE id = %s FOR NO KEY UPDATE", [account_outside.pk])
            locked.set()
            assert released.wait(timeout=30)
            cursor.execute("ROLLBACK")

    def post() -> None:
        assert locked.wait(timeout=30)
        try:
            assert intake.record(detector, [item], now=clock.now()).accepted == 1
        finally:
            released.set()

    at_once(decide, post)


def test_a_batch_that_lost_a_deadlock_is_stored_all_the_same(
    detector: Client, account_at_home: Account, account_outside: Account
) -> None:
    """Somebody's SQL by hand takes locks in no order of ours; the batch is the victim, and is run again as a whole."""
    first, last = sorted([account_at_home, account_outside], key=lambda account: account.pk)
    batch = [seen(n, accounts=1) | {"account": account.external_id} for n, account in enumerate((first, last))]
    AssessmentMark.objects.bulk_create(AssessmentMark(account=account) for account in (first, last))
    before, holding = deadlocks(), threading.Event()

    def by_hand() -> None:
        with transaction.atomic():
            AssessmentMark.objects.select_for_update().get(account=last)
            holding.set()
            while not somebody_waits():
                pass
            AssessmentMark.objects.select_for_update().get(account=first)

    def post() -> None:
        assert holding.wait(timeout=30)
        posting(detector, batch)()

    at_once(by_hand, post)
    assert deadlocks() > before
    assert set(AssessmentMark.objects.values_list("count", flat=True)) == {2}


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])
