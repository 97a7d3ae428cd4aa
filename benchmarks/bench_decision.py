"""Answers per second of `GET /api/v1/gateway/decision` beside bare SQL of the same look-up, and beside a first draft.

python -m benchmarks.bench_decision --size small|medium|large, or `./run bench decision`. The three are asked the same
questions turn by turn over the same number of connections, so that what else the machine does hits all of them.
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import django
import psycopg
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accounts_enforcement.settings")
os.environ["ENFORCEMENT_TEST_CLOCK"] = "1"  # accounts are made up here
django.setup()

from benchmarks import machine, population_ground  # noqa: E402
from benchmarks.asking import Ask, HttpConnection, Rate, ask_for, http_request  # noqa: E402
from devservices.service import free_port, is_ready, start_web  # noqa: E402
from devservices.supervisor import Family  # noqa: E402
from enforcement.models import Account, Client, Restriction  # noqa: E402
from enforcement.services import gateway, keys  # noqa: E402

CONNECTIONS = 8
QUESTIONS = 2000
SECONDS = {"small": 2.0, "medium": 4.0, "large": 8.0}
ROUNDS = {"small": 3, "medium": 5, "large": 5}
BASELINE = "benchmarks.decision_baseline_settings"
SIDES = ("limit", "rest", "baseline")


def questions() -> list[dict[str, str]]:
    """Of ten, one is about an account with a restriction and one about nobody that we know; a third are from abroad."""
    chance = random.Random(7)
    some = Account.objects.filter(pk__in=_random_ids(chance, QUESTIONS)).values_list("external_id", flat=True)
    known = list(some)
    restricted = list(Restriction.objects.filter(lifted_at=None).values_list("account__external_id", flat=True)[:500])
    pools = [known] * 8 + [restricted or known, ["nobody-has-this"]]
    return [
        {
            "account": chance.choice(pools[number % 10]),
            "credential": f"sk-{number % 50}",
            "country": chance.choice(("DE", "US", "CN")),
        }
        for number in range(QUESTIONS)
    ]


def _random_ids(chance: random.Random, count: int) -> list[int]:
    first, last = Account.objects.earliest("pk").pk, Account.objects.latest("pk").pk
    return [chance.randint(first, last) for _ in range(count)]


@contextmanager
def bare_sql(accounts: Sequence[str]) -> Iterator[Ask]:
    """The statement that the service asks, prepared; nothing is parsed, authenticated, decided or written as JSON."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as link:
        yield lambda number: link.execute(gateway._KNOWN, [accounts[number]], prepare=True).fetchall()


def over_http(port: int, asked: Sequence[dict[str, str]], key: str) -> Callable[[], HttpConnection]:
    requests = [http_request(f"/api/v1/gateway/decision?{urlencode(each)}", key) for each in asked]
    return lambda: HttpConnection(port, requests)


def check_answers(asked: Sequence[dict[str, str]], key: str, *ports: int) -> None:
    """A first draft that answers something else would be no measure."""
    for question in asked[:200]:
        path = f"/api/v1/gateway/decision?{urlencode(question)}"
        answers = [_answer(port, path, key) for port in ports]
        assert all(each == answers[0] for each in answers), (question, answers)


def _answer(port: int, path: str, key: str) -> dict[str, object]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request) as answer:
        found = json.load(answer)
    return {name: found[name] for name in ("allow", "reason_code", "scope", "case", "seq")}


def measure(sides: dict[str, Callable[[], object]], rounds: int, seconds: float) -> dict[str, list[Rate]]:
    found: dict[str, list[Rate]] = {side: [] for side in sides}
    for number in range(rounds + 1):
        for side, connect in sides.items():
            rate = ask_for(seconds, CONNECTIONS, connect, QUESTIONS)
            if number:  # the first round warms all of them up
                found[side].append(rate)
    return found


_ROW = "{:<9} {:>9} {:>9} {:>9}  {}"


def report(found: dict[str, list[Rate]], alone: dict[str, Rate]) -> dict[str, float]:
    """Medians of the rounds; `alone` is one connection by itself."""
    print(_ROW.format("side", "answers/s", "p50 ms", "p99 ms", "one connection: p50, p99 ms; answers/s of each round"))
    middle: dict[str, float] = {}
    for side, rounds in found.items():
        rate = statistics.median(each.per_second for each in rounds)
        p50, p99 = (statistics.median(each.quantile(share) for each in rounds) for share in (0.5, 0.99))
        single = f"{alone[side].quantile(0.5):.2f}, {alone[side].quantile(0.99):.2f}"
        each_round = " ".join(f"{each.per_second:,.0f}" for each in rounds)
        print(_ROW.format(side, f"{rate:,.0f}", f"{p50:.2f}", f"{p99:.2f}", f"{single}; {each_round}"))
        middle |= {f"{side}_per_second": round(rate), f"{side}_p50_ms": round(p50, 2), f"{side}_p99_ms": round(p99, 2)}
    pairs = list(zip(*(found[side] for side in SIDES), strict=True))
    middle["share"] = round(statistics.median(rest.per_second / limit.per_second for limit, rest, _ in pairs), 3)
    middle["times_baseline"] = round(statistics.median(rest.per_second / base.per_second for _, rest, base in pairs), 2)
    print(f"{middle['share']:.0%} of the limit, {middle['times_baseline']:.1f} times the baseline")
    return middle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=population_ground.SIZES, default="small")
    size = parser.parse_args().size
    call_command("migrate", verbosity=0)
    population_ground.lay(population_ground.SIZES[size])
    key, asked = keys.issue("bench-gateway", Client.Kind.GATEWAY, lasts=None), questions()
    with tempfile.TemporaryDirectory() as logs, ExitStack() as servers:
        service = servers.enter_context(_serving(Path(logs) / "rest"))
        draft = servers.enter_context(_serving(Path(logs) / "baseline", DJANGO_SETTINGS_MODULE=BASELINE))
        sides = {
            "limit": lambda: bare_sql([each["account"] for each in asked]),
            "rest": over_http(service, asked, key),
            "baseline": over_http(draft, asked, key),
        }
        check_answers(asked, key, service, draft)
        found = measure(sides, ROUNDS[size], SECONDS[size])
        alone = {side: ask_for(SECONDS[size], 1, connect, QUESTIONS) for side, connect in sides.items()}
    middle = report(found, alone)
    circumstances = {"size": size, "connections": CONNECTIONS, "rounds": ROUNDS[size], "seconds": SECONDS[size]}
    print(json.dumps({"decision": middle, "circumstances": circumstances | machine.describe()}))


@contextmanager
def _serving(logs: Path, **environment: str) -> Iterator[int]:
    """The web server as `./run serve` starts it; answers with its port."""
    port = free_port()
    with Family(logs, {**os.environ, **environment}) as family:
        start_web(family, port)
        family.wait_until(lambda: is_ready(port), "the web process is ready")
        yield port


if __name__ == "__main__":
    main()
