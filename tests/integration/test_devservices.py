"""Local engines start anywhere, for anybody, however the last ones ended, and keep what they were given."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from devservices import engines, postgres, service, valkey
from devservices.binaries import on_system
from devservices.engines import Engines
from devservices.place import NoEngine

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory open to all, in which engines that a test started are stopped."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    use(monkeypatch, directory / "local")
    yield directory
    directory.chmod(0o755)
    for forgetful in (True, False):  # those for tests live inside the others' directory
        found = engines.find(forgetful=forgetful)
        found.stop()
        for made in (found.place.run, found.place.base):
            shutil.rmtree(made, ignore_errors=True)
    shutil.rmtree(directory)


def use(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    monkeypatch.setenv("ENFORCEMENT_LOCAL_DIR", str(directory))


def ask(started: Engines, statement: str) -> str:
    with psycopg.connect(started.environment("sample")["DATABASE_URL"], autocommit=True) as connection:
        cursor = connection.execute(statement)
        return str(cursor.fetchone()[0]) if cursor.description else ""  # type: ignore[index]


def redis_of(started: Engines) -> "redis.Redis":
    return redis.Redis.from_url(started.environment("sample")["REDIS_URL"], decode_responses=True)


def process_ids(started: Engines) -> tuple[int, int]:
    assert started.postgres
    stamp = (started.postgres.data / "postmaster.pid").read_text().split()[0]
    return int(stamp), int((started.place.run / "valkey.pid").read_text())


def test_importing_starts_nothing(machine: Path) -> None:
    modules = "devservices.engines, devservices.service, devservices.supervisor, devservices.mailcatcher"
    subprocess.run([sys.executable, "-c", f"import {modules}"], cwd=ROOT, check=True)
    assert not (machine / "local").exists()


def test_engines_start_once_and_answer(machine: Path) -> None:
    first = engines.start()
    assert ask(first, "SHOW fsync") == "on"
    assert ask(first, "SHOW listen_addresses") == ""
    assert redis_of(first).config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert process_ids(engines.start()) == process_ids(first)


def test_nobody_else_can_enter_the_directory_of_the_sockets(machine: Path) -> None:
    assert engines.start().place.run.stat().st_mode & 0o077 == 0


def test_engines_for_tests_live_apart_and_forget(machine: Path) -> None:
    started = engines.start(forgetful=True)
    assert ask(started, "SHOW fsync") == "off"
    assert started.place.base.name == "test"
    assert engines.find().status() == {"postgres": "stopped", "valkey": "stopped"}


def test_data_outlives_a_kill_of_both_servers(machine: Path) -> None:
    started = engines.start()
    ask(started, "CREATE TABLE kept (word text)")
    ask(started, "INSERT INTO kept VALUES ('still here')")
    redis_of(started).set("word", "still here")
    redis_of(started).execute_command("WAITAOF", 1, 0, 5000)
    for process_id in process_ids(started):
        os.kill(process_id, signal.SIGKILL)
    again = engines.start()
    assert ask(again, "SELECT word FROM kept") == "still here"
    assert redis_of(again).get("word") == "still here"


def test_data_outlives_a_stop(machine: Path) -> None:
    started = engines.start()
    redis_of(started).set("word", "still here")
    started.stop()
    assert started.status() == {"postgres": "stopped", "valkey": "stopped"}
    assert redis_of(engines.start()).get("word") == "still here"


def test_four_starters_at_once_end_up_with_one_server_of_each_kind(machine: Path) -> None:
    start = "from devservices import engines; print(engines.start().environment('sample'))"
    starters = [
        subprocess.Popen([sys.executable, "-c", start], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    said = {starter.communicate(timeout=60)[0] for starter in starters}
    assert [starter.returncode for starter in starters] == [0, 0, 0, 0]
    assert len(said) == 1
    log = engines.find().place.run / "postgres.log"
    assert log.read_text().count("database system is ready") == 1


@pytest.mark.parametrize(
    "name", ["with space", "it's, with a comma", "x" * 120], ids=["space", "comma and apostrophe", "long"]
)
def test_any_path_will_do(machine: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    use(monkeypatch, machine / name)
    started = engines.start()
    assert ask(started, "SELECT 1") == "1"
    assert redis_of(started).ping()


def test_a_closed_home_stays_closed(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root's engines run as somebody else, who cannot get in there: they go elsewhere."""
    home = machine / "home"
    home.mkdir(mode=0o700)
    use(monkeypatch, home / "local")
    started = engines.start()
    assert ask(started, "SELECT 1") == "1"
    assert home.stat().st_mode & 0o777 == 0o700
    assert started.place.base.is_relative_to(home) == (os.geteuid() != 0)


def test_a_closed_umask_does_not_lock_the_engines_out(machine: Path) -> None:
    before = os.umask(0o077)
    try:
        assert ask(engines.start(), "SELECT 1") == "1"
    finally:
        os.umask(before)


def test_a_cluster_that_was_half_made_is_made_again(machine: Path) -> None:
    part = machine / "local" / "postgres.part"
    part.mkdir(parents=True)
    (part / "PG_VERSION").write_text("18\n")
    assert ask(engines.start(), "SELECT 1") == "1"


def test_a_cluster_of_another_version_is_refused_in_one_sentence(machine: Path) -> None:
    data = machine / "local" / "postgres"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("14\n")
    with pytest.raises(NoEngine, match="made by PostgreSQL 14 and this is"):
        engines.start()


def test_binaries_on_path_serve_where_no_wheel_is_installed(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = engines.find()
    assert found.postgres
    assert found.valkey
    monkeypatch.setenv("PATH", f"{found.postgres.bin}:{found.valkey.program.parent}")
    monkeypatch.setattr(postgres, "in_wheel", lambda *_: None)
    monkeypatch.setattr(valkey, "in_wheel", lambda *_: None)
    assert ask(engines.start(), "SELECT 1") == "1"


def test_the_newest_installed_version_is_taken(tmp_path: Path) -> None:
    for version in ("9", "15", "18"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "no-such-program").touch()
    also = f"{tmp_path.relative_to('/')}/*/bin/no-such-program"
    assert on_system(["no-such-program"], also=also) == tmp_path / "18" / "bin" / "no-such-program"


def test_a_machine_without_engines_is_told_what_to_install(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "in_wheel", lambda *_: None)
    monkeypatch.setattr(postgres, "on_system", lambda *_, **__: None)
    with pytest.raises(NoEngine, match="apt-get install postgresql"):
        engines.start()


def test_urls_of_the_environment_are_taken_as_they_are(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.test/enforcement")
    monkeypatch.setenv("REDIS_URL", "redis://redis.test/0")
    started = engines.start()
    assert started.environment("sample") == {}
    assert started.status()["postgres"] == "elsewhere, as DATABASE_URL says"
    assert not started.place.base.exists()


def test_asking_and_stopping_make_nothing(machine: Path) -> None:
    engines.find().stop()
    assert set(engines.find().status().values()) == {"stopped"}
    assert not (machine / "local").exists()


def test_a_directory_that_a_stranger_made_first_is_refused(machine: Path) -> None:
    strange = Path("/usr")
    if os.geteuid() == 0:
        strange = machine / "strange"
        strange.mkdir()
        os.chown(strange, 4711, 4711)
    with pytest.raises(NoEngine, match="belongs to somebody else"):
        engines.find().place.own(strange)


def test_the_whole_service_starts_from_nothing_answers_and_stops_without_a_trace(machine: Path) -> None:
    port = service.free_port()
    code = f"import os, sys; from devservices import service; sys.exit(service.serve(os.environ, {port}))"
    environment = os.environ | engines.start().environment("sample")
    environment.pop("EMAIL_URL", None)
    started = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    assert started.stderr is not None
    assert any("Serving on" in line for line in started.stderr)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
        assert answer.status == 200
    started.send_signal(signal.SIGTERM)
    _, rest = started.communicate(timeout=60)
    assert (started.returncode, rest) == (0, "Stopped.\n")
    assert {log.stem for log in (machine / "local" / "logs").iterdir()} == {"web", "worker", "beat", "mail"}
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
