"""Where local engines live, and as whom they run."""

import hashlib
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NAME = "accounts-enforcement"
_SOCKET_ROOM = 100  # a unix socket's path may be 103 bytes on macOS and 107 on Linux


class NoEngine(Exception):
    """An engine cannot run here; the sentence says why and what to do."""


@dataclass(frozen=True)
class Place:
    """A directory for data, a directory for sockets and logs, and an account to drop to (PostgreSQL refuses root)."""

    base: Path
    run: Path
    owner: pwd.struct_passwd | None

    def make(self) -> None:
        """The base directory: where we are root, open to the engines' account whatever our umask."""
        missing = [each for each in (self.base, *self.base.parents) if not each.exists()]
        for directory in reversed(missing):
            directory.mkdir(exist_ok=True)
            if self.owner:
                directory.chmod(0o755)
        if self.owner:
            _refuse_strangers(self.base, {os.geteuid()})

    def own(self, directory: Path) -> Path:
        """Make a directory that only the engines' account can enter: the servers trust whoever gets in."""
        directory.mkdir(parents=True, exist_ok=True)
        _refuse_strangers(directory, {os.geteuid(), self.owner.pw_uid if self.owner else os.geteuid()})
        directory.chmod(0o700)
        if self.owner:
            os.chown(directory, self.owner.pw_uid, self.owner.pw_gid)
        return directory

    def call(self, *command: object, **more: Any) -> subprocess.CompletedProcess[bytes]:
        """Run a command as the engines' account, in a session of its own so that Ctrl-C does not reach it."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        drop: dict[str, Any] = {}
        if self.owner:
            drop = {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []}
        return subprocess.run(
            [str(part) for part in command],
            cwd="/",
            env=environment | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **drop,
            **more,
        )

    def last_words(self, log: Path) -> str:
        return log.read_text(errors="replace")[-2000:] if log.exists() else f"{log} was never written."


def find_place(directory: Path) -> Place:
    """The place for `directory`, which is not made yet.

    Root's checkout may stand under a closed home (0700), where the engines' account cannot get in; /var/tmp is open and
    survives a restart.
    """
    base = directory.resolve()
    owner = _unprivileged() if os.geteuid() == 0 else None
    if owner and not reachable(base):
        base = Path("/var/tmp") / f"{_NAME}-{_hash(base)}"
    return Place(base, _sockets(base), owner)


def reachable(path: Path) -> bool:
    """Whether others may pass every directory that is there on the way."""
    return all(each.stat().st_mode & 0o001 for each in (path, *path.parents) if each.exists())


def _unprivileged() -> pwd.struct_passwd:
    """An account that exists; none is created, and nobody else's directories are opened."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoEngine("PostgreSQL refuses to run as root, and there is neither a `postgres` nor a `nobody` account.")


def _sockets(base: Path) -> Path:
    """Beside the data, unless the path is too long for a socket or has a comma, which parts hosts for libpq."""
    here = base / "run"
    if len(os.fsencode(here / ".s.PGSQL.5432")) <= _SOCKET_ROOM and "," not in str(here):
        return here
    return Path("/tmp") / f"{_NAME}-{os.geteuid()}-{_hash(base)}"


def _refuse_strangers(directory: Path, ours: set[int]) -> None:
    """In a directory that everybody may write to, somebody else may have been faster (lstat: or have left a link)."""
    if directory.lstat().st_uid not in ours:
        raise NoEngine(f"{directory} belongs to somebody else: remove it, or set ENFORCEMENT_LOCAL_DIR.")


def _hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]
