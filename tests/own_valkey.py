"""A Valkey of a test's own, which it may kill, freeze and fill up."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devservices.place import find_place
from devservices.valkey import Valkey


@contextmanager
def own_valkey() -> Iterator[Valkey]:
    """In a directory that the engines' account can enter, unlike pytest's."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    server = Valkey(find_place(directory / "valkey"))
    server.place.make()
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


@contextmanager
def frozen(server: Valkey) -> Iterator[None]:
    """It takes connections and answers nothing."""
    process = int((server.place.run / "valkey.pid").read_text())
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)
