"""What docker-compose.yml, the Dockerfile and nginx's files name is there. No engine runs them here: they are read."""

import re
import subprocess
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path

import pytest
from celery.bin.celery import celery as celery_commands
from click import Context
from django.conf import settings
from django.core.management import get_commands
from granian.cli import cli

from enforcement.models import Heartbeat
from tests.operations import composition
from tests.operations.composition import COMPOSE, DOCKERFILE, NGINX, OURS, ROOT, SERVICES, health_check, instruction
from tests.operations.conftest import lay_out_nginx
from tests.test_docs import settings_read

_PROGRAMS = {"celery": "celery", "granian": "granian"}  # of packages that the image installs
# What compose, the images of others and the test of PUBLIC_URL's scheme read; all else is a setting of ours.
_NOT_OURS = {"POSTGRES_PASSWORD", "TAG", "HTTP_PORT", "HTTPS_PORT", "NGINX_SERVER", "TLS_DIRECTORY"}


# -- commands ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OURS)
def test_every_command_exists(name: str) -> None:
    for words in (composition.command(name), health_check(name)):
        if words:
            _check(words)


def _check(words: list[str]) -> None:
    program, *rest = words
    if program == "python":
        _check_python(rest)
        return
    scripts = {each.name for each in distribution(_PROGRAMS[program]).entry_points if each.group == "console_scripts"}
    assert program in scripts
    _check_celery(rest) if program == "celery" else _check_granian(rest)


def _check_python(words: list[str]) -> None:
    if words[0] == "-c":
        compile(words[1], "health check", "exec")
    elif words[0] == "manage.py":
        assert words[1] in get_commands()
    else:
        assert (ROOT / words[0]).is_file()


def _check_celery(words: list[str]) -> None:
    """Celery's own parser reads it; the application, the queues and the scheduler are looked up."""
    general = celery_commands.make_context("celery", [*words], resilient_parsing=True)
    assert import_module(general.params["app"]).celery_app.main == "accounts_enforcement"
    named = next(word for word in words if word in celery_commands.commands)
    rest = words[words.index(named) + 1 :]
    parsed = celery_commands.commands[named].make_parser(Context(celery_commands.commands[named]))
    options, left, _ = parsed.parse_args(args=rest)
    assert not left
    queues = {entry["options"]["queue"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert set((options.get("queues") or "decide").split(",")) <= queues


def _check_granian(words: list[str]) -> None:
    options, left, _ = cli.make_parser(Context(cli)).parse_args(args=[*words])
    assert not left
    module, _, name = options["app"].partition(":")
    assert callable(getattr(import_module(module), name))
    assert (ROOT / options["log_config"]).is_file()
    assert int(options["workers"]) * settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"] <= 20
    assert int(options["blocking_threads"]) < settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]


def test_every_queue_that_beat_rings_has_a_worker() -> None:
    rung = {entry["options"]["queue"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    served = {
        queue
        for service in OURS.values()
        if "worker" in (words := service.get("command", []))
        for queue in words[words.index("--queues") + 1].split(",")
    }
    assert rung == served


def test_there_is_exactly_one_beat_and_it_cannot_be_scaled() -> None:
    beats = [service for service in OURS.values() if "beat" in service.get("command", [])]
    assert len(beats) == 1
    assert "container_name" in beats[0]


def test_who_serves_nothing_is_checked_by_its_signs_of_life() -> None:
    asked = [words[-1] for name in OURS if (words := health_check(name)) and "deploy/heard_of.py" in words]
    assert sorted(asked) == sorted({*Heartbeat.Name.values} - {"redis"})


# -- order, safety -------------------------------------------------------------------------------------------------


def test_whoever_is_waited_for_can_tell_that_it_is_ready() -> None:
    for service in SERVICES.values():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                checked = SERVICES[other].get("healthcheck") or (other in OURS and instruction("HEALTHCHECK"))
                assert checked, other
            else:
                assert (how["condition"], SERVICES[other]["restart"]) == ("service_completed_successfully", "no")


@pytest.mark.parametrize("name", [name for name in OURS if name != "migrate"])
def test_nothing_of_ours_runs_on_tables_of_yesterday(name: str) -> None:
    assert OURS[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


@pytest.mark.parametrize("name", OURS)
def test_our_processes_can_write_nowhere_and_gain_nothing(name: str) -> None:
    service = OURS[name]
    assert (service["read_only"], service["cap_drop"], service["tmpfs"]) == (True, ["ALL"], ["/tmp"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service
    assert instruction("USER") == "10001"


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "migrate"])
def test_everything_comes_back_and_its_logs_stay_small(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert set(SERVICES[name]["logging"]["options"]) == {"max-size", "max-file"}


def test_redis_evicts_nothing_and_keeps_its_file() -> None:
    words = SERVICES["redis"]["command"]
    assert words[words.index("--maxmemory-policy") + 1] == "noeviction"
    assert words[words.index("--appendonly") + 1] == "yes"


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_the_engines_are_reached_from_inside_only_and_persist(name: str) -> None:
    assert SERVICES[name]["networks"] == ["inside"]
    assert "ports" not in SERVICES[name]
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert SERVICES[name]["volumes"][0].split(":")[0] in COMPOSE["volumes"]


# -- paths, variables, ports ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["http", "tls"])
def test_every_path_that_is_copied_or_mounted_exists(server: str) -> None:
    named = [source for word, rest in DOCKERFILE if word == "COPY" and "--" not in rest for source in rest.split()[:-1]]
    mounted = [volume.partition(":/")[0] for each in SERVICES.values() for volume in each.get("volumes", [])]
    named += [composition.filled_in(path, {"NGINX_SERVER": server}) for path in set(mounted) - {*COMPOSE["volumes"]}]
    assert not [path for path in named if not (ROOT / path).exists()]


def test_what_is_copied_into_the_image_is_sent_to_the_builder() -> None:
    kept = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    copied = [rest.split() for word, rest in DOCKERFILE if word == "COPY" and not rest.startswith("--from")]
    assert kept == {source for words in copied for source in words[:-1]}


def test_the_image_holds_what_the_service_imports_and_runs_from() -> None:
    copied = " ".join(rest for word, rest in DOCKERFILE if word == "COPY")
    packages = {app.partition(".")[0] for app in settings.INSTALLED_APPS if (ROOT / app.partition(".")[0]).is_dir()}
    assert all(f"{package} {package}" in copied for package in packages | {"templates", "deploy"})


def test_every_package_is_installed_by_its_hash() -> None:
    installs = [rest for word, rest in DOCKERFILE if word == "RUN" and "pip install" in rest]
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert "--only-binary :all:" in installs[0]


def test_every_variable_is_a_setting_of_ours_or_compose_s_own() -> None:
    given = {name for service in OURS.values() for name in service["environment"]} | composition.offered()
    interpolated = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    assert given - settings_read() - _NOT_OURS == set()
    assert interpolated - {"EMAIL_URL"} == _NOT_OURS


def test_what_is_required_stands_in_the_example_and_no_secret_does() -> None:
    example = composition.example()
    required = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text())) | {"SECRET_KEY"}
    assert required <= example.keys()
    assert all(example[name] == "" for name in required)


def test_ports_agree_from_the_outside_to_granian() -> None:
    words = composition.image_command()
    served = words[words.index("--port") + 1]
    assert instruction("EXPOSE") == served
    assert f":{served}/readyz" in instruction("HEALTHCHECK")
    assert f"server web:{served};" in (NGINX / "nginx.conf").read_text()
    assert f"http://web:{served}/readyz" in (ROOT / "deploy" / "heard_of.py").read_text()
    inner = {re.split(r":(?!-)", port)[-1] for port in SERVICES["nginx"]["ports"]}
    listened = re.findall(r"listen (\d+)", (NGINX / "tls" / "server.conf").read_text())
    assert inner == set(listened)
    assert "8025" in SERVICES["mailpit"]["ports"][0]
    assert ":1025" in OURS["web"]["environment"]["EMAIL_URL"]


# -- nginx ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["http", "tls"])
def test_nginx_takes_its_files(server: str, nginx: str, tmp_path: Path) -> None:
    lay_out_nginx(tmp_path, server, {"web:8000": "127.0.0.1:8000"})
    tested = subprocess.run([nginx, "-t", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True)
    assert tested.returncode == 0, tested.stderr
    assert "[warn]" not in tested.stderr
