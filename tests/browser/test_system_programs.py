"""`devservices/system-programs` does nothing where all is there, and says what it takes where it cannot install."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "devservices" / "system-programs"
PROGRAMS = ("chromium", "npm", "promtool", "nginx")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout on a machine with nothing on it: programs note what they were asked."""
    for name in ("devservices/system-programs", "tests/browser/package.json", "tests/browser/package-lock.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    return tmp_path


def put(place: Path, *names: str, says: str = "") -> None:
    for name in names:
        program = place / "bin" / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{place}/asked"\n{says}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def run(place: Path, user: int = 0) -> tuple[int, str]:
    """On a PATH of the place's own, also without /usr/sbin, as root or somebody else."""
    script = (place / "devservices" / "system-programs").read_text(encoding="utf-8")
    body = script.replace('"/usr/sbin"]', '""]').replace("os.geteuid()", str(user))
    body = body.replace('Path("/usr/sbin/policy-rc.d")', f"Path({str(place / 'policy-rc.d')!r})")
    (place / "devservices" / "system-programs").write_text(body, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, place / "devservices" / "system-programs"], env={"PATH": str(place / "bin")},
        capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stderr


def asked(place: Path) -> list[str]:
    note = place / "asked"
    return note.read_text().splitlines() if note.exists() else []


def test_where_all_is_there_nothing_is_asked_and_nothing_said(bare: Path) -> None:
    put(bare, *PROGRAMS)
    assert run(bare)[0] == 0
    (bare / "asked").unlink()
    assert run(bare) == (0, "")
    assert asked(bare) == []


def test_who_is_not_root_is_told_the_line(bare: Path) -> None:
    put(bare, "chromium", "npm", "apt-get")
    status, said = run(bare, user=1000)
    assert status == 1
    assert said == (
        "Missing: promtool, nginx. Installing takes root: apt-get install --no-install-recommends prometheus nginx\n"
    )
    assert asked(bare) == []


def test_without_apt_it_says_what_is_missing(bare: Path) -> None:
    assert run(bare) == (1, "Missing: chromium, npm, promtool, nginx. There is no apt-get here to install them with.\n")


def test_as_root_what_is_missing_is_installed_once_and_no_server_is_started(bare: Path) -> None:
    put(bare, "chromium", "npm", "nginx")
    brings = f'[ -x {bare}/policy-rc.d ] && echo "no starts" >> {bare}/asked; cp {bare}/bin/nginx {bare}/bin/promtool'
    put(bare, "apt-get", says=f"PATH=/usr/bin:/bin; {brings}")
    assert run(bare)[0] == 0
    lines = asked(bare)
    assert [line.split("300 ")[1] for line in lines if line.startswith("apt-get")] == [
        "update",
        "install --yes --no-install-recommends prometheus",
    ]
    assert "no starts" in lines
    assert not (bare / "policy-rc.d").exists()


def test_a_failure_is_told_with_the_installer_s_last_words(bare: Path) -> None:
    put(bare, *PROGRAMS)
    put(bare, "npm", says='echo "no such host"; exit 3')
    status, said = run(bare)
    assert status == 1
    assert "npm ci" in said
    assert "no such host" in said
    assert run(bare)[0] == 1  # and is tried again


def test_the_lock_names_no_host_and_every_package_has_its_digest() -> None:
    lock = json.loads((ROOT / "tests" / "browser" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert packages
    assert not [name for name, each in packages.items() if "resolved" in each]
    assert not [name for name, each in packages.items() if not each["integrity"].startswith("sha512-")]


def test_it_can_be_run_as_it_stands() -> None:
    assert os.access(SCRIPT, os.X_OK)
