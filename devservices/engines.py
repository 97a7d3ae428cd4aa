"""Both engines at once, and the environment that they make."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from devservices.place import Place, find_place
from devservices.postgres import FORGETFUL, Postgres
from devservices.valkey import Valkey

ROOT = Path(__file__).resolve().parent.parent


def local_directory() -> Path:
    """Where local data, logs and caught mail live."""
    return Path(os.environ.get("ENFORCEMENT_LOCAL_DIR") or ROOT / ".local").resolve()


@dataclass(frozen=True)
class Engines:
    """What we run, or None where a URL of the environment says that somebody else runs it.

    What changes something takes a lock: any number of callers at once end up with one server of each kind.
    """

    place: Place
    postgres: Postgres | None
    valkey: Valkey | None

    def start(self) -> None:
        if not (self.postgres or self.valkey):
            return
        with self._one_at_a_time():
            if self.postgres:
                self.postgres.start()
            if self.valkey:
                self.valkey.start()

    def environment(self, database: str) -> dict[str, str]:
        """What our processes need to find the engines; the database is created if need be."""
        found = {}
        if self.postgres:
            with self._one_at_a_time():
                self.postgres.create(database)
            found["DATABASE_URL"] = self.postgres.url(database)
        if self.valkey:
            found["REDIS_URL"] = self.valkey.url()
        return found

    def stop(self) -> None:
        if not self.place.base.exists():
            return
        with self._one_at_a_time():
            if self.valkey:
                self.valkey.stop()
            if self.postgres:
                self.postgres.stop()

    def status(self) -> dict[str, str]:
        return {
            "postgres": self._state(self.postgres, "DATABASE_URL"),
            "valkey": self._state(self.valkey, "REDIS_URL"),
        }

    def _state(self, engine: Postgres | Valkey | None, variable: str) -> str:
        if engine is None:
            return f"elsewhere, as {variable} says"
        return f"running in {self.place.base}" if self.place.run.exists() and engine.is_ready() else "stopped"

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        self.place.make()
        with (self.place.base / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def find(*, forgetful: bool = False) -> Engines:
    """The engines of this checkout, running or not. Forgetful ones (for tests) live apart and never sync to disk."""
    place = find_place(local_directory() / "test" if forgetful else local_directory())
    return Engines(
        place,
        None if os.environ.get("DATABASE_URL") else Postgres(place, FORGETFUL if forgetful else {}),
        None if os.environ.get("REDIS_URL") else Valkey(place),
    )


def start(*, forgetful: bool = False) -> Engines:
    """Start what does not run yet."""
    engines = find(forgetful=forgetful)
    engines.start()
    return engines


def secret_key() -> str:
    """A key of this checkout's own, made once: sessions outlive a restart and no key stands in the code."""
    file = local_directory() / "secret_key"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        mine = file.with_name(f"secret_key.{os.getpid()}")
        mine.touch(mode=0o600)
        mine.write_text(secrets.token_urlsafe(48))
        with suppress(FileExistsError):  # another starter was faster: its key is whole, since linking is atomic
            os.link(mine, file)
        mine.unlink()
    return file.read_text()
