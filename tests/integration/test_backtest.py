"""The backtest agrees with ten lines that anybody could write, repeats itself byte for byte, and writes nothing."""

import csv
import io
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import iptocc
import pytest
import yaml
from django.core.management import call_command
from django.db import connection
from django.db.utils import InternalError

from enforcement.detector.__main__ import main as detect
from enforcement.detector.sending import BATCH
from enforcement.models import Account, Client
from enforcement.services import clock, intake
from enforcement.services.backtest import _reading_only
from examples.people import HISTORY, PEOPLE, write_log
from tests.conftest import EXAMPLES
from tests.stage import DAY

pytestmark = pytest.mark.django_db(transaction=True)

AT = datetime(2026, 6, 11, tzinfo=UTC)
MINIMAL = """
format: 1
name: ten-lines
territories: {{supported: {supported}, inherits: {inherits}}}
evidence: {{kinds: {{ip_geolocation: {{points: 1, per: request, cap: 1000000}}}}}}
qualifies: [{{name: any, min_requests: 1}}]
ladder: {{warn: {{automation: auto, notice: P15D}}, deadline: {{step: suspend, automation: auto}}}}
"""


def common_log(file: Path) -> None:
    """A log in common format: a hundred networks of the whole world, some in unsupported territory."""
    blocks = ["219.133", "203.198", "95.165", "88.26", "91.12", "73.15", "37.73", "177.32", "165.21", "126.1", "202.96"]
    lines = []
    for number in range(3000):
        at = AT - timedelta(minutes=17 * number)
        ip = f"{blocks[number % len(blocks)]}.{number % 7}.{number % 251}"
        lines.append(f'{ip} - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "GET /{number} HTTP/1.1" 200 {number}\n')
    file.write_text("".join(lines))


def ten_lines(file: Path, supported: set[str]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for line in file.read_text().splitlines():
        ip = re.match(r"\S+", line)[0]
        country = iptocc.country_code(ip)
        if country and country not in supported:
            found["net-" + ".".join(ip.split(".")[:2]) + ".0.0-16"][country] += 1
    return found


def list_of(year: int) -> dict[str, object]:
    document = (EXAMPLES / f"supported-territories-{year}.yaml").read_text()
    return yaml.load(document, Loader=yaml.BaseLoader)["territories"]


@pytest.fixture
def detector(db) -> Client:
    return Client.objects.create(name="logs", kind="detector")


def send(detector: Client, log: Path, *options: str) -> None:
    output, journal = log.with_suffix(".ndjson"), log.with_suffix(".journal")
    assert detect([str(log), *options, "--output", str(output), "--journal", str(journal)]) == 0
    import json

    items = [json.loads(line) for line in output.read_text().splitlines()]
    for start in range(0, len(items), BATCH):
        receipt = intake.record(detector, items[start : start + BATCH], now=clock.now())
        assert receipt.accepted == len(items[start : start + BATCH])


def backtest(*arguments: str) -> str:
    out = io.StringIO()
    call_command("backtest", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("year", [2023, 2024])
def test_a_backtest_finds_the_accounts_and_counts_that_ten_lines_find(
    year: int, tmp_path: Path, detector: Client
) -> None:
    log, policy = tmp_path / "access.log", tmp_path / "policy.yaml"
    common_log(log)
    clock.move_to(AT)
    send(detector, log, "--account-from", "network/16")
    territories = list_of(year)
    supported, inherits = territories["supported"], territories.get("inherits", {})
    policy.write_text(MINIMAL.format(supported=supported, inherits="{}"))
    expected = ten_lines(log, set(supported))
    rows = list(csv.DictReader(io.StringIO(backtest(str(policy), "--at", AT.isoformat()))))
    assert inherits
    assert [row["account"] for row in rows] == sorted(expected, key=str.encode)
    for row in rows:
        counts = expected[row["account"]]
        assert row["unsupported_requests"] == str(counts.total())
        ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        assert row["territories"] == " ".join(f"{code}:{count}" for code, count in ordered)


def test_two_runs_give_the_same_bytes_and_nothing_is_written(tmp_path: Path, detector: Client) -> None:
    now = clock.now().replace(microsecond=0)
    log = tmp_path / "access.jsonl"
    write_log(log, now, now - HISTORY * DAY, now, PEOPLE)
    send(detector, log, "--account-from", "field:account", "--credential-from", "field:key")
    before = _counts()
    first = backtest(str(EXAMPLES / "recommended.yaml"), "--at", now.isoformat())
    assert first == backtest(str(EXAMPLES / "recommended.yaml"), "--at", now.isoformat())
    assert first.startswith("account,outcome,rule,points,")
    assert "\r" not in first
    assert _counts() == before


def _counts() -> dict[str, int]:
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
        return {name: cursor.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def test_the_database_itself_refuses_a_backtest_that_writes() -> None:
    with pytest.raises(InternalError, match="read-only transaction"), _reading_only():
        Account.objects.create(external_id="written")


def test_the_day_of_the_moment_counts_up_to_the_moment_and_not_beyond(tmp_path: Path, detector: Client) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(MINIMAL.format(supported="[DE]", inherits="{}"))
    noon = AT + timedelta(hours=12)
    moments = [AT, noon, noon + timedelta.resolution, AT - timedelta.resolution]
    items = [
        {"id": f"i{number}", "account": "a", "kind": "ip_geolocation", "country": "CN", "requests": 10**number,
         "observed_at": at.isoformat(), "network_class": "residential"}
        for number, at in enumerate(moments)
    ]  # fmt: skip
    clock.move_to(AT + 2 * DAY)
    intake.record(detector, items, now=clock.now())
    (row,) = csv.DictReader(io.StringIO(backtest(str(policy), "--at", noon.isoformat())))
    assert row["unsupported_requests"] == "1011"


def test_a_diff_tells_who_is_affected_freed_or_changed(tmp_path: Path, detector: Client, activate) -> None:
    old = MINIMAL.format(supported="[DE, JP]", inherits="{}")
    new = tmp_path / "new.yaml"
    new.write_text(MINIMAL.format(supported="[DE, CN]", inherits="{}"))
    activate(old)
    at = clock.now()
    seen = {"freed": ["CN"], "newly": ["JP"], "changed": ["CN", "RU"], "same": ["RU"], "home": ["DE"]}
    items = [
        {"id": f"{account}-{country}", "account": account, "kind": "ip_geolocation", "country": country,
         "observed_at": at.isoformat()}
        for account, countries in seen.items() for country in countries
    ]  # fmt: skip
    intake.record(detector, items, now=at)
    assert backtest(str(new), "--diff", "--at", at.isoformat()) == (
        "account,change\nchanged,changed\nfreed,freed\nnewly,newly_affected\n"
    )
