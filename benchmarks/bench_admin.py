"""Every page of the console on a large database: milliseconds, queries, and the slowest query; beside a stock admin.

python -m benchmarks.bench_admin --size small|medium|large, or `./run bench admin`. The pages are asked turn by turn, so
that what else the machine does hits all of them; each goes through all middleware, without a socket between.
"""

import argparse
import io
import json
import logging
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import django
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accounts_enforcement.settings")
os.environ["ENFORCEMENT_TEST_CLOCK"] = "1"  # accounts are made up here
django.setup()

from django.contrib.auth.models import User  # noqa: E402

from benchmarks import machine, population_ground  # noqa: E402
from benchmarks.admin_pages import AdminPage, find_pages  # noqa: E402
from enforcement.models import Account, Case, Evidence  # noqa: E402
from enforcement.services import staff  # noqa: E402
from enforcement.services.roles import Role  # noqa: E402

REQUESTS = 21  # of each page; the first warms up
STOCK_REQUESTS = 6
MOST_MILLISECONDS, MOST_QUERIES, SLOWEST_QUERY = 150.0, 12, 20.0
LAST_LIKE_FIRST = 0.2

Query = tuple[str, Any]


@dataclass
class Asked:
    """What the requests of one page took; queries stand in the order in which they were asked."""

    page: AdminPage
    milliseconds: list[float] = field(default_factory=list)
    queries: list[list[tuple[Query, float]]] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return statistics.median(self.milliseconds[1:])

    @property
    def count(self) -> int:
        return max(len(each) for each in self.queries)

    @property
    def slowest(self) -> tuple[float, Query]:
        """The median of the query that takes longest: a pause of the machine is not the query's."""
        medians = [
            (statistics.median(took for _, took in same), same[0][0]) for same in zip(*self.queries[1:], strict=False)
        ]
        return max(medians, key=lambda each: each[0], default=(0.0, ("", None)))

    @property
    def misses(self) -> list[str]:
        found = {"time": self.p50 > MOST_MILLISECONDS, "queries": self.count > MOST_QUERIES}
        return [name for name, missed in {**found, "query": self.slowest[0] > SLOWEST_QUERY}.items() if missed]


class Browser:
    """A lead who has logged in."""

    def __init__(self) -> None:
        lead = User.objects.filter(username="bench-lead").first()
        self.client = Client(SERVER_NAME="localhost")
        self.client.force_login(
            lead or staff.create("bench-lead", email="lead@bench.example", role=Role.LEAD, password=None)
        )

    def read(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.content.decode()

    def ask(self, asked: Asked) -> None:
        """Ask for the page once more, with a stopwatch beside each query."""
        queries: list[tuple[Query, float]] = []

        def time_query(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            began = time.perf_counter()
            try:
                return execute(sql, params, many, context)
            finally:
                queries.append(((sql, params), (time.perf_counter() - began) * 1000))

        began = time.perf_counter()
        with connection.execute_wrapper(time_query):
            self.read(asked.page.path)
        asked.milliseconds.append((time.perf_counter() - began) * 1000)
        asked.queries.append(queries)


def hush() -> None:
    """The request log is written as ever, and nobody reads it."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(io.StringIO())


def measure(browser: Browser, pages: Sequence[AdminPage], requests: int) -> list[Asked]:
    found = [Asked(page) for page in pages]
    for _ in range(requests):
        for each in found:
            browser.ask(each)
    return found


@override_settings(ROOT_URLCONF="benchmarks.stock_admin")
def measure_stock(browser: Browser) -> list[Asked]:
    """First page, last page and a search of the three longest lists, counted and skipped through as Django does."""
    pages = []
    for model in (Case, Account, Evidence):
        noun, path = model._meta.model_name, f"/stock/enforcement/{model._meta.model_name}/"
        last = (model._default_manager.count() + 99) // 100
        pages += [AdminPage(f"stock {noun}", path), AdminPage(f"stock {noun}, last", f"{path}?p={last}")]
        pages.append(AdminPage(f"stock {noun} ?q=nord", f"{path}?q=nord"))
    return measure(browser, pages, STOCK_REQUESTS)


_ROW = "{:<58} {:>8} {:>8} {:>9}  {}"


def report(found: Sequence[Asked], stock: Sequence[Asked]) -> dict[str, Any]:
    print(_ROW.format("page", "p50 ms", "queries", "query ms", ""))
    for each in (*found, *stock):
        misses = "" if each in stock or not each.misses else f"MISSED: {', '.join(each.misses)}"
        line = (each.page.name[:58], f"{each.p50:.1f}", each.count, f"{each.slowest[0]:.1f}", misses)
        print(_ROW.format(*line).rstrip())
    worst = {
        "p50_ms": round(max(each.p50 for each in found), 1),
        "queries": max(each.count for each in found),
        "query_ms": round(max(each.slowest[0] for each in found), 1),
        "last_over_first": round(_worst_last(found), 2),
    }
    missed = [each.page.name for each in found if each.misses]
    deep = "met" if abs(worst["last_over_first"] - 1) <= LAST_LIKE_FIRST else "MISSED"
    print(f"{len(found)} pages, {REQUESTS - 1} requests each: {json.dumps(worst)}")
    print(
        f"goal: p50 <= {MOST_MILLISECONDS:.0f} ms, <= {MOST_QUERIES} queries, none above {SLOWEST_QUERY:.0f} ms:"
        f" {'met' if not missed else f'MISSED by {len(missed)}'}; the queue's last page is its first within"
        f" {LAST_LIKE_FIRST:.0%}: {deep}"
    )
    return {"pages": len(found), **worst, "missed": missed}


def _worst_last(found: Sequence[Asked]) -> float:
    """The last page of the queue against the first, in the order that is furthest off.

    Compared turn by turn: the two stand side by side, and what else the machine did hit both.
    """
    by_path = {each.page.path: each for each in found}
    ratios = []
    for path, last in by_path.items():
        first = by_path.get(path.removesuffix("p=last").rstrip("?&"))
        if path.endswith("p=last") and first and "/case/" in path and "state=" not in path:
            turns = zip(last.milliseconds[1:], first.milliseconds[1:], strict=True)
            ratios.append(statistics.median(after / before for after, before in turns))
    return max(ratios, key=lambda ratio: abs(ratio - 1), default=1.0)


def explain(found: Sequence[Asked]) -> None:
    """The plans of queries that took too long."""
    for each in found:
        took, (sql, params) = each.slowest
        if took > SLOWEST_QUERY:
            print(f"\n{each.page.name}: {took:.1f} ms\n{sql}\n{params}", file=sys.stderr)
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", params)
                print("\n".join(row[0] for row in cursor.fetchall()), file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=population_ground.SIZES, default="small")
    parser.add_argument("--explain", action="store_true", help="print the plans of queries that took too long")
    given = parser.parse_args()
    call_command("migrate", verbosity=0)
    population_ground.lay(population_ground.SIZES[given.size])
    hush()
    browser = Browser()
    found = measure(browser, find_pages(browser.read), REQUESTS)
    worst = report(found, measure_stock(browser))
    rows = {each.__name__.lower(): each._default_manager.count() for each in (Account, Case, Evidence)}
    print(json.dumps({"admin": worst, "circumstances": {"size": given.size, **rows, **machine.describe()}}))
    if given.explain:
        explain(found)


if __name__ == "__main__":
    main()
