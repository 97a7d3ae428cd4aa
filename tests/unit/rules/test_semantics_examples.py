"""The worked examples of the semantics, row by row."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from enforcement.rules.outcomes import BACKTEST_COLUMNS, backtest_row, outcome
from enforcement.rules.policy import parse_policy
from enforcement.rules.scoring import score
from tests.unit.rules.evidence import as_sighting, moment, tallied

FILE = Path(__file__).parents[2] / "data" / "semantics_examples.json"
EXAMPLES = json.loads(FILE.read_text(encoding="utf-8"), parse_float=Decimal)


def rows(example: dict[str, Any], tally: bool) -> list[dict[str, str]]:
    policy, at = parse_policy(json.dumps(example["policy"], default=float)), moment(example["at"])
    found = []
    for account in sorted({item["account"] for item in example["evidence"]}):
        sightings = [
            as_sighting(item)
            for item in example["evidence"]
            if item["account"] == account and moment(item["observed_at"]) <= at
        ]
        result = score(tallied(sightings) if tally else sightings, policy, at)
        decided = outcome(result, policy, at)
        if decided is not None:
            found.append(backtest_row(account, result, decided))
    return found


@pytest.mark.parametrize("example", EXAMPLES, ids=[each["sentence"] for each in EXAMPLES])
@pytest.mark.parametrize("tally", [False, True], ids=["rows", "tallies"])
def test_a_worked_example_gives_its_rows(example: dict[str, Any], tally: bool) -> None:
    assert rows(example, tally) == example["rows"]


def test_all_thirty_six_examples_are_here() -> None:
    assert len(EXAMPLES) == 36
    assert {tuple(row) for each in EXAMPLES for row in each["rows"]} == {BACKTEST_COLUMNS}
