"""Service, limit and baseline of a benchmark leave the same rows behind: a side that wrote less would be faster."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model

from benchmarks import assess_baseline, assess_ground, assess_limit, sweep_baseline, sweep_ground, sweep_limit
from enforcement.models import Account, AssessmentMark, Case, Decision, Memo, Restriction, Score, Stop
from enforcement.services import assessment, batches, clock, sweep

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNTS = 100  # one of each kind of life stands among them
# What each side draws for itself: keys, and a case's public name.
_DRAWN = {"id", "reference"}
_BY_ACCOUNT: dict[type[Model], str] = {
    Account: "id", AssessmentMark: "account_id", Score: "account_id", Case: "account_id",
    Decision: "case__account_id", Stop: "case__account_id", Memo: "case__account_id", Restriction: "account_id",
}  # fmt: skip
_LINKS = {"case_id": Case, "decision_id": Decision}

Rows = dict[str, list[dict[str, Any]]]
Names = dict[type[Model], dict[int, Any]]


@pytest.fixture
def batches_of_seven(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there are several, and the last one is not full."""
    for each in (batches, assess_limit, sweep_limit):
        monkeypatch.setattr(each, "BATCH", 7)


@pytest.fixture(autouse=True)
def nothing_learned_before() -> Iterator[None]:
    yield
    with connection.cursor() as cursor:
        cursor.execute("DISCARD TEMP")


def rows() -> Rows:
    """Every column of every table that a side writes, with moments, sorted by account and step."""
    cases = {each.pk: (each.account_id, each.opened_at) for each in Case.objects.all()}
    decisions = {each.pk: (cases[each.case_id], each.step) for each in Decision.objects.all()}
    names: Names = {Case: cases, Decision: decisions}
    return {model.__name__: [_named(row, names) for row in _ordered(model)] for model in _BY_ACCOUNT}


def _ordered(model: type[Model]) -> list[dict[str, Any]]:
    return list(model._default_manager.order_by(_BY_ACCOUNT[model], "pk").values())


def _named(row: dict[str, Any], names: Names) -> dict[str, Any]:
    kept = {column: value for column, value in row.items() if column not in _DRAWN}
    return kept | {column: names[model][kept[column]] for column, model in _LINKS.items() if kept.get(column)}


def left_behind(work: Callable[[], object], take_back: Callable[[], None]) -> Rows:
    work()
    found = rows()
    take_back()
    return found


def expect_same(service: Rows, other: Rows) -> None:
    for table, expected in service.items():
        assert other[table] == expected, table


@pytest.mark.usefixtures("batches_of_seven")
def test_assess_its_limit_and_its_baseline_leave_the_same_rows() -> None:
    now = clock.now()

    def take_back() -> None:
        assess_ground.take_back(ACCOUNTS, now)

    assess_ground.lay(ACCOUNTS, now)
    take_back()
    before = rows()
    assessment.assess(now=now)
    service = rows()
    assess_limit.learn()
    take_back()
    assert rows() == before
    assert {table: len(found) for table, found in service.items()} == {
        "Account": 100, "AssessmentMark": 0, "Score": 100, "Case": 60, "Decision": 79, "Stop": 1, "Memo": 79,
        "Restriction": 0,
    }  # fmt: skip
    expect_same(service, left_behind(lambda: assess_limit.run(now), take_back))
    expect_same(service, left_behind(lambda: assess_baseline.run(now, ACCOUNTS), take_back))


@pytest.mark.usefixtures("batches_of_seven")
def test_sweep_its_limit_and_its_baseline_leave_the_same_rows() -> None:
    now, cases = clock.now(), 30

    def take_back() -> None:
        sweep_ground.take_back(now)
        Account.objects.update(version=1)  # which every side and round may raise further

    sweep_ground.lay(cases, undue=0, now=now)
    take_back()
    before = rows()
    sweep.sweep(now=now)
    service = rows()
    sweep_limit.learn()
    take_back()
    assert rows()["Case"] == before["Case"]
    assert {table: len(found) for table, found in service.items()} == {
        "Account": 30, "AssessmentMark": 0, "Score": 0, "Case": 30, "Decision": 60, "Stop": 0, "Memo": 60,
        "Restriction": 30,
    }  # fmt: skip
    expect_same(service, left_behind(lambda: sweep_limit.run(now, 0, 1), take_back))
    expect_same(service, left_behind(lambda: sweep_baseline.run(cases, now, 0, 1), take_back))
