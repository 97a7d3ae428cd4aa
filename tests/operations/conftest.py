"""The service as docker-compose.yml starts it: its own commands, production's settings, a database of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
import psycopg
import pytest

from devservices import service
from devservices.place import find_place
from devservices.supervisor import Family
from devservices.valkey import Valkey
from tests.operations import composition

# What the composition's own files say, but for where things are on this machine.
_LOCAL = ("PATH", "LD_LIBRARY_PATH", "HOME", "LANG", "TMPDIR")


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is missing: devservices/system-programs installs it")
    return found


@pytest.fixture(scope="session")
def nginx() -> str:
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip("nginx is missing: devservices/system-programs installs it")
    return found


def lay_out_nginx(place: Path, server: str, moved: Mapping[str, str]) -> None:
    """The files as they are mounted into the container, with paths of this machine; the certificate is the tests'."""
    shutil.copytree(composition.NGINX / server, place / "server")
    (place / "tls").mkdir()
    for name in ("fullchain.pem", "privkey.pem"):
        shutil.copy(composition.ROOT / "tests" / "data" / "mail-server.pem", place / "tls" / name)
    for source in (composition.NGINX / "nginx.conf", composition.NGINX / "site.conf"):
        shutil.copy(source, place)
    for file in (place / "nginx.conf", place / "site.conf", place / "server" / "server.conf"):
        text = file.read_text()
        for container, machine in {"/tmp/": f"{place}/", "/etc/nginx": str(place), **moved}.items():
            text = text.replace(container, machine)
        file.write_text(text)


@dataclass
class Composition:
    """Web, both workers, beat and the sweeper, running; with a mail catcher."""

    directory: Path
    environment: dict[str, str]
    port: int
    family: Family
    redis: Valkey  # nobody else's: tests take it away

    @property
    def web(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def manage(self, *arguments: str) -> str:
        return manage(self.environment, *arguments)

    def logs(self) -> dict[str, str]:
        """By process: all that it wrote. The mail catcher's is not ours."""
        return {name: each.log.read_text() for name, each in self.family.members.items() if name != "mail"}


def manage(environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=composition.ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def redis() -> Iterator[Valkey]:
    """In a directory that the engines' account can enter, unlike pytest's."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    server = Valkey(find_place(directory / "redis"))
    server.place.make()
    server.start()
    yield server
    server.stop()
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def running(redis: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composition]:
    directory, name = tmp_path_factory.mktemp("composition"), f"composition_{uuid4().hex[:10]}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            environment = {**_environment(directory, name), "REDIS_URL": redis.url()}
            manage(environment, "migrate", "--noinput", "--verbosity", "0")
            with _start(directory, environment) as family:
                yield Composition(directory, family.environment, int(environment["PORT"]), family, redis)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _environment(directory: Path, database: str) -> dict[str, str]:
    """The example filled in as its comments ask, and then what containers would find under names of their own."""
    filled = composition.example() | {"SECRET_KEY": uuid4().hex * 2, "POSTGRES_PASSWORD": "marker-password"}
    found = composition.environment("web", filled | {"METRICS_TOKEN": "marker-token"})
    url = urlsplit(os.environ["DATABASE_URL"])
    here = {
        "DATABASE_URL": urlunsplit(url._replace(path=f"/{database}")),
        "PROMETHEUS_MULTIPROC_DIR": str(directory / "metrics"),
        "EMAIL_URL": "",
        "LATE_HEARTBEAT_SECONDS": "15",  # tests wait for it
        "PORT": str(service.free_port()),
    }
    scripts = str(Path(sys.executable).parent)
    kept = {name: os.environ[name] for name in _LOCAL if name in os.environ}
    return {**found, **kept, **here, "PATH": f"{scripts}:{kept['PATH']}"}


def _start(directory: Path, environment: dict[str, str]) -> Family:
    family = Family(directory / "logs", environment)
    port = int(environment["PORT"])
    try:
        service.catch_mail(family, directory / "mail")
        for name in ("web", "worker", "worker-mail", "beat", "sweeper"):
            revived = composition.SERVICES[name]["restart"] == "unless-stopped"
            family.add(name, *_here(composition.command(name), directory, port), revived=revived)
        family.wait_until(lambda: service.is_ready(port), "the web process is ready", patience=120)
    except BaseException:
        family.stop()
        raise
    return family


def _here(words: list[str], directory: Path, port: int) -> list[str]:
    """A command of the composition with this machine's port, directory and Python."""
    there = {"8000": str(port), "0.0.0.0": "127.0.0.1", "/tmp/beat": str(directory / "beat"), "python": sys.executable}
    return [there.get(word, word) for word in words]
