import queue
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import connection
from rich.console import Console
from rich.progress import Progress

from enforcement.management.base import Command as BaseCommand
from enforcement.management.base import Refused
from enforcement.management.seeding import crowd, stage
from enforcement.management.seeding.crowd import Crowd, Told
from enforcement.management.seeding.telling import FIRST_DAY, Storyteller
from enforcement.models import Account, Case
from enforcement.services import clock
from examples.population import Population

_BLOCK = 1000  # accounts
_AHEAD = 4  # blocks that are computed while one is written

T = TypeVar("T")


class Command(BaseCommand):
    help = (
        "Fills a test database with accounts, their evidence and cases in every state. The same --seed on the same day"
        " gives the same; nobody can be written to (.example). Refused unless DEBUG or ENFORCEMENT_TEST_CLOCK is on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--accounts", type=int, required=True)
        parser.add_argument("--items", type=float, default=10.0, help="evidence items an account, on average")
        parser.add_argument("--stories", type=float, default=0.02, help="share of accounts that anybody looks at")
        parser.add_argument("--seed", type=int, default=1, help="another number makes other accounts, beside the first")

    def handle(self, *, accounts: int, items: float, stories: float, seed: int, **_: Any) -> None:
        began, now = time.monotonic(), clock.now()
        population = Population(seed, now.astimezone(UTC).date(), items, stories)
        self._check(accounts, population)
        staff = stage.people()
        policy = stage.policy_in_force(staff, now - timedelta(days=FIRST_DAY + 1))
        residents = Crowd(population, policy, stage.detectors(), now)
        with Progress(*Progress.get_default_columns(), console=Console(stderr=True)) as bar:
            told = _crowd(residents, accounts, bar)
            days = bar.add_task("Days lived again", total=FIRST_DAY + 1)
            Storyteller(told, policy, staff, now).tell(lambda: bar.advance(days))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # the planner knows nothing of rows that came this fast
        cases = Case.objects.filter(account__external_id__startswith=f"seed-{seed}-").count()
        self.say({"accounts": accounts, "cases": cases, "seconds": round(time.monotonic() - began)})

    def _check(self, accounts: int, population: Population) -> None:
        if not (settings.DEBUG or settings.TEST_CLOCK):
            raise Refused("This makes accounts up. It runs where DEBUG=1 or ENFORCEMENT_TEST_CLOCK=1 is set only.")
        if accounts < 1 or population.items < 0 or not 0 <= population.stories <= 1:
            raise Refused("--accounts must be at least 1, --items at least 0, and --stories between 0 and 1.")
        if Account.objects.filter(external_id=population.name_of(1)).exists():
            raise Refused(f"The population of seed {population.seed} is here already; give another --seed.")


def _crowd(residents: Crowd, accounts: int, bar: Progress) -> list[Told]:
    done = bar.add_task("Accounts", total=accounts)
    told: list[Told] = []
    for block in _ahead(residents.blocks(accounts, _BLOCK, crowd.reserve(accounts))):
        crowd.write(block)
        told += block.told
        bar.advance(done, block.accounts)
    return told


def _ahead(blocks: Iterable[T]) -> Iterator[T]:
    """The same, computed in a thread that touches no database, while the consumer waits for it."""
    waiting: queue.Queue[T | BaseException | None] = queue.Queue(maxsize=_AHEAD)

    def compute() -> None:
        try:
            for block in blocks:
                waiting.put(block)
            waiting.put(None)
        except BaseException as error:  # it is raised where somebody hears it
            waiting.put(error)

    threading.Thread(target=compute, daemon=True).start()
    while (block := waiting.get()) is not None:
        if isinstance(block, BaseException):
            raise block
        yield block
