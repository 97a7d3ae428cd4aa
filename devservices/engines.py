"""Both engines at once, and the environment that they make."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from devservices.ground import Ground, ground
from devservices.postgres import FORGETFUL, Postgres
from devservices.valkey import Valkey

ROOT = Path(__file__).resolve().parent.parent


def local_directory() -> Path:
    return Path(os.environ.get("ENFORCEMENT_LOCAL_DIR") or ROOT / ".local")


@dataclass(frozen=True)
class Engines:
    """What is running, or None where a URL of the environment says that somebody else runs it."""

    ground: Ground
    postgres: Postgres | None
    valkey: Valkey | None

    def environment(self, database: str) -> dict[str, str]:
        """What our processes need to find the engines; the database is created if need be."""
        found = {}
        if self.postgres:
            self.postgres.create(database)
            found["DATABASE_URL"] = self.postgres.url(database)
        if self.valkey:
            found["REDIS_URL"] = self.valkey.url()
        return found

    def stop(self) -> None:
        with _one_at_a_time(self.ground):
            if self.valkey:
                self.valkey.stop()
            if self.postgres:
                self.postgres.stop()

    def status(self) -> dict[str, str]:
        return {
            "postgres": _status(self.postgres, "DATABASE_URL"),
            "valkey": _status(self.valkey, "REDIS_URL"),
        }


def find(*, forgetful: bool = False) -> Engines:
    """The engines of this checkout, running or not. Forgetful ones (for tests) live apart and never sync to disk."""
    base = local_directory() / "test" if forgetful else local_directory()
    place = ground(base)
    place.own(place.run)
    return Engines(
        place,
        None if os.environ.get("DATABASE_URL") else Postgres(place, FORGETFUL if forgetful else {}),
        None if os.environ.get("REDIS_URL") else Valkey(place),
    )


def start(*, forgetful: bool = False) -> Engines:
    """Start what does not run yet; any number of starters at once end up with one server of each kind."""
    engines = find(forgetful=forgetful)
    with _one_at_a_time(engines.ground):
        if engines.postgres:
            engines.postgres.start()
        if engines.valkey:
            engines.valkey.start()
    return engines


def secret_key() -> str:
    """A key of this checkout's own, made once: sessions outlive a restart and no key stands in the code."""
    file = local_directory() / "secret_key"
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        mine = file.with_name(f"secret_key.{os.getpid()}")
        mine.touch(mode=0o600)
        mine.write_text(secrets.token_urlsafe(48))
        with suppress(FileExistsError):  # another starter was faster: its key is whole, since linking is atomic
            os.link(mine, file)
        mine.unlink()
    return file.read_text()


@contextmanager
def _one_at_a_time(place: Ground) -> Iterator[None]:
    with (place.base / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _status(engine: Postgres | Valkey | None, variable: str) -> str:
    if engine is None:
        return f"elsewhere ({variable})"
    return "running" if engine.is_ready() else "stopped"
