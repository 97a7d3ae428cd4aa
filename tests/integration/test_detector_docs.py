"""What docs/detectors.md shows runs as it stands there, against the real web server."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import yaml
from django.db import connection
from django.db.models import Sum

from devservices.service import free_port, is_ready, start_web
from devservices.supervisor import Family
from enforcement.detector.__main__ import main
from enforcement.detector.formats import reader
from enforcement.detector.json_lines import NAMES
from enforcement.detector.logs import Log
from enforcement.models import DayTally, Evidence
from enforcement.services import keys

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples" / "detectors"
PAGE = (ROOT / "docs" / "detectors.md").read_text(encoding="utf-8")
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

_RUN = re.compile(r"<!-- run(?:: (?P<file>\S+))? -->\n```(?P<language>\w+)\n(?P<text>.*?)```\n", re.DOTALL)
_SHOWN = re.compile(r"<!-- output -->\n```console\n\$ (?P<command>.*?)\n(?P<output>.*?)```\n", re.DOTALL)
BLOCKS = [found.groupdict() for found in _RUN.finditer(PAGE)]
PYTHON, INVOICE, NDJSON = BLOCKS


@pytest.fixture
def environment(transactional_db: None, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A machine of somebody who wrote a detector: the service's address and a key."""
    database = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}"))
    port = free_port()
    with Family(tmp_path / "logs", os.environ | {"DATABASE_URL": database}) as family:
        start_web(family, port)
        family.wait_until(lambda: is_ready(port), "the web server is ready")
        yield {
            "PATH": os.environ["PATH"], "NO_PROXY": "*", "URL": f"http://127.0.0.1:{port}",
            "KEY": keys.issue("docs", "detector", lasts=None),
        }  # fmt: skip


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector's own: nobody's home is written to."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def ran(block: dict[str, str], directory: Path, environment: dict[str, str]) -> dict[str, object]:
    """The service's answer to a block, run as the page has it."""
    program = [sys.executable, "-c"] if block["language"] == "python" else ["bash", "-euc"]
    done = subprocess.run(
        [*program, block["text"]], cwd=directory, env=environment, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_the_blocks_of_the_page_are_the_examples_and_short() -> None:
    for block in BLOCKS:
        assert block["file"] is None or block["text"] == (EXAMPLES / block["file"]).read_text(encoding="utf-8")
    assert len([line for line in PYTHON["text"].splitlines() if line.strip()]) <= 20


def test_the_detector_in_python_is_understood_and_may_be_started_again(
    environment: dict[str, str], tmp_path: Path
) -> None:
    shutil.copy(EXAMPLES / "declared.csv", tmp_path)
    shown = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert shown
    assert ran(PYTHON, tmp_path, environment) == json.loads(shown[1])
    assert ran(PYTHON, tmp_path, environment)["duplicates"] == 3
    assert list(Evidence.objects.order_by("observed_at").values_list("account__external_id", "kind", "country")) == [
        ("shenzhen-office", "declared_country", "CN"), ("berlin-gmbh", "declared_country", "DE"),
        ("kyiv-tov", "declared_country", "UA"),
    ]  # fmt: skip


def test_the_detectors_in_a_shell_are_understood(environment: dict[str, str], tmp_path: Path) -> None:
    assert ran(INVOICE, tmp_path, environment)["accepted"] == 1
    options = ["--account-from", "field:account", "--output", str(tmp_path / "evidence.ndjson")]
    assert main([str(EXAMPLES / "envoy.jsonl"), *options]) == 0
    items = len((tmp_path / "evidence.ndjson").read_text().splitlines())
    assert ran(NDJSON, tmp_path, environment)["accepted"] == items
    assert Evidence.objects.count() == items + 1


def test_the_reference_detector_is_understood_and_a_day_that_grows_is_tallied_once(
    environment: dict[str, str], tmp_path: Path
) -> None:
    log, journal = tmp_path / "access.log", str(tmp_path / "journal")
    lines = (EXAMPLES / "combined.log").read_text().splitlines(keepends=True)
    to = ["--url", environment["URL"], "--key", environment["KEY"], "--journal", journal]
    rules = ["--account-from", "user", "--credential-from", "query:key", "--trusted-proxy", "10.0.0.0/8"]
    for count in (1, 3, 3, 8):
        log.write_text("".join(lines[:count]))
        assert main([str(log), *rules, *to]) == 0
        with connection.cursor() as cursor:
            cursor.execute("SELECT sum(requests) FROM enforcement_daytally")
            assert cursor.fetchone() == (count,)


def test_files_of_a_log_that_grows_are_tallied_once(environment: dict[str, str], tmp_path: Path) -> None:
    log, output = tmp_path / "access.log", str(tmp_path / "evidence.ndjson")
    lines = (EXAMPLES / "combined.log").read_text().splitlines(keepends=True)
    rules = ["--account-from", "user", "--credential-from", "query:key", "--trusted-proxy", "10.0.0.0/8"]
    for count in (1, 3, 3, 8):
        log.write_text("".join(lines[:count]))
        assert main([str(log), *rules, "--output", output]) == 0
        assert ran(NDJSON, tmp_path, environment)["conflicts"] == 0
        tallied = DayTally.objects.aggregate(requests=Sum("requests"), items=Sum("items"))
        assert tallied == {"requests": count, "items": Evidence.objects.count()}


def test_what_the_page_prints_is_what_it_prints(tmp_path: Path) -> None:
    shown = _SHOWN.search(PAGE)
    assert shown
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    command = shown["command"].split()
    done = subprocess.run(
        [sys.executable, *command[1:]], cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", shown["output"])


@pytest.mark.parametrize(
    ("log", "account", "credential"),
    [
        ("nginx.jsonl", "field:account", "field:credential"),
        ("envoy.jsonl", "field:account", "field:credential"),
        ("combined.log", "user", "query:key"),
    ],
)
def test_three_gateways_tell_of_the_same_requests_the_same(
    log: str, account: str, credential: str, tmp_path: Path
) -> None:
    output = tmp_path / "evidence.ndjson"
    rules = ["--account-from", account, "--credential-from", credential, "--trusted-proxy", "10.0.0.0/8"]
    assert main([str(EXAMPLES / log), *rules, "--output", str(output)]) == 0
    items = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(item["account"], item["country"], item["requests"], item["outcome"]) for item in items] == [
        ("berlin-gmbh", "DE", 1, "served"), ("shenzhen-office", "CN", 2, "served"),
        ("shenzhen-office", "CN", 1, "served"), ("shenzhen-office", "CN", 1, "refused"),
        ("berlin-gmbh", "DE", 1, "served"), ("berlin-gmbh", "HK", 1, "served"), ("shenzhen-office", "CN", 1, "served"),
    ]  # fmt: skip


@pytest.mark.skipif(NGINX is None, reason="needs nginx: devservices/system-programs")
def test_a_real_nginx_writes_by_the_example_what_the_detector_reads(tmp_path: Path) -> None:
    log, port = tmp_path / "access.log", free_port()
    (tmp_path / "nginx.conf").write_text(f"""
        daemon off; master_process off; pid {tmp_path}/pid; error_log stderr; events {{}}
        http {{
            client_body_temp_path {tmp_path}/body; proxy_temp_path {tmp_path}/proxy; uwsgi_temp_path {tmp_path}/uwsgi;
            fastcgi_temp_path {tmp_path}/fastcgi; scgi_temp_path {tmp_path}/scgi;
            map $http_x_account $account {{ default $http_x_account; }}
            map $http_x_credential $credential {{ default $http_x_credential; }}
            include {EXAMPLES}/nginx.conf;
            server {{ listen 127.0.0.1:{port}; access_log {log} detector; location / {{ return 204; }} }}
        }}""")
    with Family(tmp_path / "logs", os.environ) as family:
        family.add("nginx", str(NGINX), "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path), "-e", "stderr")
        asked = ["curl", "--silent", "--fail", "-H", "X-Forwarded-For: 2001:db8::7", "-H", "X-Account: acme",
                 "-H", 'X-Credential: sk-"1"', f"http://127.0.0.1:{port}/v1/chat?a=b"]  # fmt: skip
        family.wait_until(lambda: subprocess.call(asked) == 0, "nginx answers")
    with closing(Log(str(log))) as lines:
        (line,) = map(reader(fields={}), lines)
    assert (line.ip, line.status, line.fields["account"], line.fields["credential"]) == (
        "127.0.0.1", 204, "acme", 'sk-"1"',
    )  # fmt: skip
    assert line.fields["http_x_forwarded_for"] == "2001:db8::7"
    assert line.query("a") == "b"


def test_the_example_for_envoy_uses_names_that_the_detector_knows() -> None:
    config = yaml.safe_load((EXAMPLES / "envoy.yaml").read_text(encoding="utf-8"))
    names = set(config["log_format"]["json_format"])
    assert names == set(json.loads((EXAMPLES / "envoy.jsonl").read_text().splitlines()[0]))
    for what in ("time", "ip", "forwarded", "status", "request"):
        assert names & set(NAMES[what])
