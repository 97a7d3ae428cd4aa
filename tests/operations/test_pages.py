"""What deploy.md and runbook.md tell an operator to type exists: services, commands, options, statements, addresses."""

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.db import connection, transaction
from django.urls import resolve

from tests.operations.composition import NGINX, OURS, ROOT, SERVICES
from tests.operations.test_alerts import RULES

PAGES = [ROOT / "docs" / name for name in ("deploy.md", "runbook.md")]
_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_PROGRAMS = {"curl", "cp", "git", "docker"}
# Verbs of `docker compose` that end with names of services.
_OF_SERVICES = {"ps", "logs", "stop", "start", "restart", "kill", "up", "rm", "build"}
_TAKES_VALUE = {"--since", "--env", "--build-arg", "--format", "-U", "-c", "--dbname"}


def blocks(language: str) -> list[tuple[str, str]]:
    """Page and body of each block."""
    return [
        (page.name, found["body"])
        for page in PAGES
        for found in _BLOCK.finditer(page.read_text(encoding="utf-8"))
        if found["language"] == language
    ]


LINES = [
    pytest.param(command, id=f"{page}: {command}"[:100])
    for page, body in blocks("sh")
    for line in body.splitlines()
    for command in re.split(r" && | \| ", line)
]
STATEMENTS = [pytest.param(body, id=f"{page}: {body.split(maxsplit=3)[:3]}") for page, body in blocks("sql")]


@pytest.mark.parametrize("line", LINES)
def test_every_command_line_can_be_typed(line: str) -> None:
    words = [word for word in shlex.split(line) if not re.match(r"[A-Z]+=", word)]
    words = words[: next((at for at, word in enumerate(words) if word in "<>" and word), len(words))]
    if words[0] in ("grep", "cd"):
        return
    assert words[0] in _PROGRAMS, line
    if words[:2] == ["docker", "compose"]:
        _check_compose(words[2:])
    if words[0] == "curl":
        resolve(words[-1].removeprefix("http://localhost:8000"))
    if words[0] == "cp":
        assert (ROOT / words[1]).exists()


def _check_compose(words: list[str]) -> None:
    verb, *rest = words
    plain = _without_options(rest)
    if verb in _OF_SERVICES:
        assert set(plain) <= SERVICES.keys()
        return
    assert verb in ("run", "exec")
    service, *command = rest[rest.index(plain[0]) :]
    assert service in SERVICES
    if service in OURS and command:
        assert (ROOT / "manage.py").exists()
        _check_command(command)


def _without_options(words: list[str]) -> list[str]:
    takes = [at + 1 for at, word in enumerate(words) if word in _TAKES_VALUE]
    return [word for at, word in enumerate(words) if not word.startswith("-") and at not in takes]


def _check_command(words: list[str]) -> None:
    """What runs inside a container of ours: Python and its shell are there, and our commands take these options."""
    assert words[0] in ("python", "sh")
    if words[:2] == ["python", "-c"]:
        compile(words[2], "line", "exec")
    elif words[0] == "python":
        assert words[1] == "manage.py"
        name, *arguments = words[2:]
        load_command_class(get_commands()[name], name).create_parser("manage.py", name).parse_args(arguments)


@pytest.mark.django_db
@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_statement_runs_on_our_tables(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        if "ALTER ROLE" in statement:
            cursor.execute("CREATE ROLE enforcement")
        cursor.execute(statement)
        transaction.set_rollback(True)


def test_statements_inside_command_lines_run_too() -> None:
    text = "\n".join(body for _, body in blocks("sh"))
    assert set(re.findall(r'-c "((?:SELECT|ALTER)[^"]+)"', text)) == {
        "SELECT document FROM enforcement_policyversion WHERE id = 7",
        "ALTER ROLE enforcement PASSWORD 'LettersAndDigits'",
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_service_that_is_named_exists(page: Path) -> None:
    table = re.findall(r"^\| (web|worker|worker-mail|beat|sweeper)\b", page.read_text(), re.MULTILINE)
    assert set(table) <= OURS.keys()


def test_every_alert_has_a_section_and_no_section_is_of_an_alert_that_went() -> None:
    page = (ROOT / "docs" / "runbook.md").read_text()
    part = page.partition("## Alerts")[2].partition("## Faults without")[0]
    assert re.findall(r"^### (\w+)$", part, re.MULTILINE) == [rule["alert"] for rule in RULES]


def test_variables_of_the_composition_that_a_page_names_exist() -> None:
    known = (ROOT / ".env.example").read_text() + (ROOT / "docker-compose.yml").read_text()
    for name in ("NGINX_SERVER", "TLS_DIRECTORY", "HTTP_PORT", "HTTPS_PORT", "TAG"):
        assert name in known
    assert (NGINX / "tls").is_dir()
