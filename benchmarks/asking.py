"""Asking over kept connections with as little of our own as goes: raw sockets, requests written beforehand."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

Ask = Callable[[int], None]  # asks the question of that number and waits for its answer
Connect = Callable[[], AbstractContextManager[Ask]]


@dataclass(frozen=True)
class Rate:
    """What a round came to; milliseconds of each request, sorted."""

    per_second: float
    milliseconds: Sequence[float]

    def quantile(self, share: float) -> float:
        return self.milliseconds[int(len(self.milliseconds) * share)]


def ask_for(seconds: float, connections: int, connect: Connect, questions: int) -> Rate:
    """Ask over so many connections at once, each in a thread, until the time is over."""
    took: list[list[float]] = [[] for _ in range(connections)]
    together, failed = threading.Barrier(connections), []

    def work(number: int) -> None:
        try:
            with connect() as ask:
                together.wait()
                ends, at = time.perf_counter() + seconds, number
                while (began := time.perf_counter()) < ends:
                    ask(at % questions)
                    took[number].append((time.perf_counter() - began) * 1000)
                    at += connections
        except BaseException as error:
            together.abort()
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    all_of_them = sorted(each for mine in took for each in mine)
    return Rate(len(all_of_them) / seconds, all_of_them)


class HttpConnection:
    """A kept connection; `ask` sends a whole request and reads a whole answer, which must be a 200 with a length."""

    def __init__(self, port: int, requests: Sequence[bytes]) -> None:
        self.requests = requests
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Ask:
        return self.ask

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, number: int) -> None:
        self.socket.sendall(self.requests[number])
        found = self.socket.recv(65536)
        while (head := found.find(b"\r\n\r\n")) < 0:
            found += self._more()
        assert found.startswith(b"HTTP/1.1 200"), found[:500]
        lower = found[:head].lower()
        at = lower.index(b"content-length:") + 15
        length = int(lower[at : lower.find(b"\r", at) if b"\r" in lower[at:] else None])
        while len(found) < head + 4 + length:
            found += self._more()

    def _more(self) -> bytes:
        found = self.socket.recv(65536)
        assert found, "the server closed the connection"
        return found


def http_request(path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
