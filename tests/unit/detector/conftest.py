"""A service to send to, a journal of one's own, and the detector run as a user runs it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from enforcement.detector.__main__ import main
from tests.unit.detector.service import KEY, Service, serving

Send = Callable[..., int]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "state"


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture
def send(service: Service) -> Send:
    def run(*logs: Path | str, account: str = "user", key: str = KEY, options: tuple[str, ...] = ()) -> int:
        return main([*map(str, logs), "--account-from", account, "--url", service.url, "--key", key, *options])

    return run
