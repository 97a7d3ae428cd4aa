"""`./run` sets itself up on machines that are old, busy, interrupted or without what it would like best."""

import ast
import base64
import hashlib
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)

# What a checkout's own commands see, instead of Django.
MANAGE = "import json, os, sys; print(json.dumps([sys.argv[1:], sys.prefix, os.environ['SECRET_KEY']]))"

# An installer that says what it was asked, and that can be held in the middle of its work.
UV = """#!{python}
import os, subprocess, sys, time
here = os.path.dirname(os.path.abspath(__file__))
with open(here + "/asked", "a") as asked:
    asked.write(repr((sys.argv[1:], dict(os.environ))) + "\\n")
if sys.argv[1] == "venv":
    sys.exit(subprocess.call([{python!r}, "-m", "venv", "--without-pip", sys.argv[-1]]))
while os.path.exists(here + "/hold"):
    time.sleep(0.01)
"""


class Checkout:
    """A bare clone with locks of its own, and a PATH with nothing on it but what a test puts there."""

    def __init__(self, root: Path) -> None:
        self.root, self.path = root, root / "path"
        self.path.mkdir(parents=True)
        shutil.copy(ROOT / "run", root)
        shutil.copytree(ROOT / "devservices", root / "devservices")
        (root / "manage.py").write_text(MANAGE)
        for lock in ("requirements", "requirements-local", "requirements-dev"):
            (root / f"{lock}.txt").write_text("")

    def environment(self) -> dict[str, str]:
        """Engines are somebody else's, so that none is started."""
        elsewhere = {"DATABASE_URL": "postgresql://elsewhere/x", "REDIS_URL": "redis://elsewhere"}
        return elsewhere | {"PATH": str(self.path), "HOME": str(self.root), "PIP_NO_INDEX": "1"}

    def start(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [BASE_PYTHON, self.root / "run", *arguments],
            env=self.environment() | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **more: str) -> tuple[int, str, str]:
        started = self.start(*arguments, **more)
        out, err = started.communicate(timeout=60)
        return started.returncode, out, err

    def lock_needs(self, text: str, lock: str = "requirements") -> None:
        (self.root / f"{lock}.txt").write_text(text)


class HeldInstaller:
    """The stand-in for uv."""

    def __init__(self, checkout: Checkout) -> None:
        self.door = checkout.path / "hold"
        self.log = checkout.path / "asked"
        program = checkout.path / "uv"
        program.write_text(UV.format(python=BASE_PYTHON))
        program.chmod(0o755)

    def hold(self) -> None:
        self.door.touch()

    def release(self) -> None:
        self.door.unlink()

    def asked(self, verb: str) -> list[dict[str, str]]:
        """The environment of every call of a verb so far."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [environment for words, environment in map(ast.literal_eval, lines) if words[0] == verb]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "a clone")


@pytest.fixture
def uv(checkout: Checkout) -> HeldInstaller:
    return HeldInstaller(checkout)


@pytest.fixture
def wheel(tmp_path: Path) -> str:
    """A line of a lock: a package that exists nowhere else, with its hash."""
    file = tmp_path / "enforcement_sample-1.0-py3-none-any.whl"
    metadata = "Metadata-Version: 2.1\nName: enforcement-sample\nVersion: 1.0\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {"enforcement_sample.py": "", "METADATA": metadata, "WHEEL": tags}
    with zipfile.ZipFile(file, "w") as packed:
        record = []
        for name, text in files.items():
            path = name if name.endswith(".py") else f"enforcement_sample-1.0.dist-info/{name}"
            packed.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(text)}")
        record.append("enforcement_sample-1.0.dist-info/RECORD,,")
        packed.writestr("enforcement_sample-1.0.dist-info/RECORD", "\n".join(record))
    return f"enforcement-sample @ {file.as_uri()} --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_help_lists_every_command() -> None:
    run = runpy.run_path(str(ROOT / "run"))
    listed = [line.split()[0] for line in run["__doc__"].splitlines() if line.startswith("  ") and line[2] != " "]
    assert listed == list(run["COMMANDS"])


def test_an_unknown_command_is_refused_on_standard_error(checkout: Checkout) -> None:
    status, out, err = checkout.run("tset")
    assert (status, out) == (2, "")
    assert "no `./run tset`" in err


def test_old_pythons_can_read_the_file() -> None:
    ast.parse((ROOT / "run").read_text(encoding="utf-8"), feature_version=(3, 7))


def as_old_python(checkout: Checkout, *arguments: str) -> tuple[int, str, str]:
    """Started by a Python that takes itself for 3.9."""
    pretend = (
        "import runpy, sys; sys.version_info = (3, 9); del sys.argv[0]; runpy.run_path(sys.argv[0], None, '__main__')"
    )
    done = subprocess.run(
        [BASE_PYTHON, "-c", pretend, checkout.root / "run", *arguments],
        env=checkout.environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def test_an_old_python_without_a_newer_one_says_so_in_one_sentence(checkout: Checkout) -> None:
    status, out, err = as_old_python(checkout, "manage", "check")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "Python 3.11 or newer" in err


def test_an_old_python_goes_on_as_a_newer_one_that_really_works(checkout: Checkout, uv: HeldInstaller) -> None:
    shim = checkout.path / "python3.13"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    (checkout.path / "python3.11").symlink_to(BASE_PYTHON)
    status, out, _ = as_old_python(checkout, "manage", "check")
    assert (status, json.loads(out)[0]) == (0, ["check"])


def test_standard_output_carries_the_commands_own_output_only(checkout: Checkout, uv: HeldInstaller) -> None:
    status, out, err = checkout.run("manage", "clock", "--by", "two words")
    words, prefix, _ = json.loads(out)
    assert (status, words, prefix) == (0, ["clock", "--by", "two words"], str(checkout.root / ".venv"))
    assert "Installing" in err
    assert "ready after" in err


def test_the_second_start_installs_nothing_and_keeps_the_key(checkout: Checkout, uv: HeldInstaller) -> None:
    first = checkout.run("manage")[1]
    status, out, err = checkout.run("manage")
    assert (status, out, err) == (0, first, "")
    assert len(uv.asked("pip")) == 1


def test_a_package_with_another_hash_is_refused(checkout: Checkout, wheel: str) -> None:
    checkout.lock_needs(wheel[:-4] + "0000")
    status, out, err = checkout.run("manage")
    assert (status, out) == (2, "")
    assert "HASHES" in err
    assert not (checkout.root / ".venv" / "installed").exists()


def test_pip_takes_over_where_uv_fails(checkout: Checkout, wheel: str) -> None:
    (checkout.path / "uv").write_text("#!/bin/sh\nexit 1\n")
    (checkout.path / "uv").chmod(0o755)
    (checkout.root / "manage.py").write_text("import enforcement_sample; print(enforcement_sample.__name__)")
    checkout.lock_needs(wheel)
    status, out, err = checkout.run("manage")
    assert (status, out) == (0, "enforcement_sample\n"), err
    assert "uv could not; trying pip." in err


def test_uv_gets_the_index_settings_of_pip(checkout: Checkout, uv: HeldInstaller) -> None:
    settings = checkout.root / "pip.conf"
    settings.write_text(
        "[global]\nindex-url = https://mirror.test/simple\nextra-index-url = file:///a/simple\n  file:///b/simple\n"
        "[install]\nfind-links = /wheels /more-wheels\n"
    )
    assert checkout.run("manage", PIP_CONFIG_FILE=str(settings))[0] == 0
    given = uv.asked("pip")[0]
    assert given["UV_DEFAULT_INDEX"] == "https://mirror.test/simple"
    assert given["UV_INDEX"] == "file:///a/simple file:///b/simple"
    assert given["UV_FIND_LINKS"] == "/wheels,/more-wheels"


def test_what_uv_was_told_itself_wins_over_pips_settings(checkout: Checkout, uv: HeldInstaller) -> None:
    told = {"PIP_INDEX_URL": "https://pip.test/simple", "UV_DEFAULT_INDEX": "https://uv.test/simple"}
    assert checkout.run("manage", **told)[0] == 0
    assert uv.asked("pip")[0]["UV_DEFAULT_INDEX"] == "https://uv.test/simple"


def test_a_changed_lock_is_installed_into_a_new_environment(checkout: Checkout, uv: HeldInstaller) -> None:
    checkout.run("manage")
    (checkout.root / ".venv" / "left-over").touch()
    checkout.lock_needs("# another version")
    assert checkout.run("manage")[0] == 0
    assert not (checkout.root / ".venv" / "left-over").exists()
    assert len(uv.asked("pip")) == 2


def test_the_development_packages_come_on_top_of_the_runtime_ones(checkout: Checkout, uv: HeldInstaller) -> None:
    checkout.lock_needs("# development", "requirements-dev")
    (checkout.root / "benchmarks").mkdir()
    (checkout.root / "benchmarks" / "bench_nothing.py").write_text("print('measured')")
    checkout.run("manage")
    assert checkout.run("bench", "nothing")[:2] == (0, "measured\n")
    assert checkout.run("manage")[0] == 0
    assert (len(uv.asked("venv")), len(uv.asked("pip"))) == (1, 2)


def test_an_environment_whose_python_has_gone_is_made_again(checkout: Checkout, uv: HeldInstaller) -> None:
    checkout.run("manage")
    (checkout.root / ".venv" / "bin" / "python").unlink()
    assert checkout.run("manage")[0] == 0
    assert len(uv.asked("venv")) == 2


def test_four_starters_at_once_install_once(checkout: Checkout, uv: HeldInstaller) -> None:
    starters = [checkout.start("manage", str(number)) for number in range(4)]
    said = [starter.communicate(timeout=60) for starter in starters]
    assert [json.loads(out)[0] for out, _ in said] == [["0"], ["1"], ["2"], ["3"]]
    assert sum("Installing" in err for _, err in said) == 1
    assert len(uv.asked("pip")) == 1


def test_an_installation_that_was_killed_is_done_again_when_its_installer_has_gone(
    checkout: Checkout, uv: HeldInstaller
) -> None:
    uv.hold()
    first = checkout.start("manage")
    until(lambda: bool(uv.asked("pip")))
    first.send_signal(signal.SIGKILL)
    second = checkout.start("manage")
    assert second.stderr is not None
    assert "waiting for it" in second.stderr.readline()
    assert len(uv.asked("pip")) == 1
    uv.release()
    out, err = second.communicate(timeout=60)
    first.communicate()
    assert "ready after" in err
    assert json.loads(out)[1] == str(checkout.root / ".venv")
    assert (len(uv.asked("venv")), len(uv.asked("pip"))) == (2, 2)


def test_a_missing_key_for_sessions_is_made_once_and_closed_to_others(checkout: Checkout, uv: HeldInstaller) -> None:
    starters = [checkout.start("manage") for _ in range(3)]
    keys = {json.loads(starter.communicate(timeout=60)[0])[2] for starter in starters}
    kept = checkout.root / ".local" / "secret_key"
    assert keys == {kept.read_text()}
    assert kept.stat().st_mode & 0o077 == 0
    assert os.listdir(checkout.root / ".local").count("secret_key") == 1
