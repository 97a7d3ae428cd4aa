"""A line to PostgreSQL that is cut at the worst moment."""

import socket
import threading
from contextlib import suppress


class Cutter(threading.Thread):
    """Stands between a process and PostgreSQL, and hangs up after a COMMIT was done and before its answer is passed on.

    It cuts once, at the first COMMIT after the statement `marked` was sent.
    """

    def __init__(self, upstream: str, marked: bytes) -> None:
        super().__init__(daemon=True)
        self.upstream, self.marked = upstream, marked
        self.cut = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self) -> None:
        with suppress(OSError):  # closed: the test is over
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self.upstream)
            threading.Thread(target=self._answers, args=(server, client), daemon=True).start()
            marked = False
            with suppress(OSError):
                while said := client.recv(65536):
                    marked = marked or self.marked in said
                    if marked and b"COMMIT" in said and not self.cut.is_set():
                        client.shutdown(socket.SHUT_RDWR)  # whatever is answered from now on reaches nobody
                        self.cut.set()
                        server.sendall(said)
                        return
                    server.sendall(said)

    @staticmethod
    def _answers(server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while said := server.recv(65536):
                client.sendall(said)

    def __enter__(self) -> "Cutter":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()
