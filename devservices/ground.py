"""Where local engines live and as whom they run."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "accounts-enforcement"
_SOCKET_ROOM = 100  # a unix socket's path may be 103 bytes on macOS and 107 on Linux


class NoEngine(Exception):
    """No binaries of an engine were found; the sentence says what to do."""


@dataclass(frozen=True)
class Ground:
    """A directory for data, a directory for sockets, and an account that may run PostgreSQL (which refuses root)."""

    base: Path
    run: Path
    owner: pwd.struct_passwd | None

    def own(self, directory: Path) -> Path:
        """Make a directory that only the engines' account can enter: the sockets' only door."""
        directory.mkdir(parents=True, exist_ok=True)
        if directory.stat().st_uid not in (os.geteuid(), self.owner.pw_uid if self.owner else os.geteuid()):
            raise PermissionError(f"{directory} belongs to somebody else; remove it or set ENFORCEMENT_LOCAL_DIR.")
        directory.chmod(0o700)
        if self.owner:
            os.chown(directory, self.owner.pw_uid, self.owner.pw_gid)
        return directory

    def call(self, *command: object, **more: Any) -> subprocess.CompletedProcess[bytes]:
        """Run a command as the engines' account, in its own session so that Ctrl-C does not reach it."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        drop = {} if self.owner is None else {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []}
        return subprocess.run(
            [str(part) for part in command],
            cwd="/",
            env=environment | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **drop,
            **more,
        )


def ground(directory: Path) -> Ground:
    """The ground for `directory`; elsewhere, if we are root and the engines' account could not reach it there."""
    base, owner = directory.resolve(), None
    if os.geteuid() == 0:
        owner = _unprivileged()
        base.parent.mkdir(parents=True, exist_ok=True)
        if not reachable(base.parent):
            base = Path("/var/tmp") / f"{NAME}-{_hash(base)}"
    base.mkdir(parents=True, exist_ok=True)
    return Ground(base, _sockets(base), owner)


def _unprivileged() -> pwd.struct_passwd:
    """An account that exists; none is created, and nobody else's directories are opened."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoEngine("PostgreSQL refuses to run as root, and there is neither a `postgres` nor a `nobody` account.")


def reachable(path: Path) -> bool:
    """Whether others may pass every directory on the way."""
    return all(each.stat().st_mode & 0o001 for each in (path, *path.parents))


def _sockets(base: Path) -> Path:
    here = base / "run"
    if len(os.fsencode(here / ".s.PGSQL.5432")) <= _SOCKET_ROOM:
        return here
    return Path("/tmp") / f"{NAME}-{os.geteuid()}-{_hash(base)}"


def _hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]


def wheel(package: str) -> Path | None:
    """Where a package is installed; nothing of it is imported."""
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent if found and found.origin else None


def within_reach(ground: Ground, package: Path) -> Path:
    """The package's directory, or a copy that the engines' account can read."""
    if ground.owner is None or reachable(package):
        return package
    copy = ground.base / "binaries" / package.name
    if not copy.exists():
        part = copy.with_name(f"{copy.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(package, part, symlinks=True)
        for libraries in package.parent.glob(f"{package.name}*.libs"):  # shared libraries stand beside the package
            shutil.copytree(libraries, copy.parent / libraries.name, symlinks=True, dirs_exist_ok=True)
        part.rename(copy)
    return copy


def on_path(*names: str, also: str = "") -> Path | None:
    """A program of the system."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found:
        return Path(found).resolve()
    candidates = sorted(Path("/").glob(also), key=lambda path: path.parts, reverse=True) if also else []
    return candidates[0] if candidates else None
