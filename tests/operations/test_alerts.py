"""The alerts that we ship say what they mean, and tell of names that exist."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from enforcement import metrics

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
CASES = Path(__file__).with_name("alerts.test.yml")
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]


def run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_well_formed(promtool: str) -> None:
    run(promtool, "check", "rules", PROMETHEUS / "alerts.yml")


def test_the_scrape_configuration_is_well_formed(promtool: str, tmp_path: Path) -> None:
    for name in ("prometheus.yml", "alerts.yml"):
        (tmp_path / name).write_text((PROMETHEUS / name).read_text())
    (tmp_path / "metrics-token").touch()
    run(promtool, "check", "config", tmp_path / "prometheus.yml")


def test_each_alert_fires_in_its_case_and_none_in_health(promtool: str) -> None:
    run(promtool, "test", "rules", CASES)


def test_every_alert_has_a_case() -> None:
    assert {rule["alert"] for rule in RULES} == set(re.findall(r'alertname="(\w+)"', CASES.read_text()))


def test_alerts_ask_for_names_that_are_declared() -> None:
    exposed = {each.name for each in vars(metrics).values() if isinstance(each, metrics.Reading)}
    for family in metrics.COUNTED.collect():
        suffixes = ("_total",) if family.type == "counter" else ("_count", "_sum", "_bucket")
        exposed |= {family.name + suffix for suffix in suffixes}
    asked = {name for rule in RULES for name in re.findall(r"enforcement_\w+", rule["expr"])}
    assert asked <= exposed


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_whom_to_wake_and_what_to_read(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert f"### {rule['alert']}\n" in (ROOT / page).read_text()
    assert anchor == rule["alert"].lower()
