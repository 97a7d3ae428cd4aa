"""A mail server that follows a script to the letter, and is as strict about the order of commands as a real one."""

import socketserver
import ssl
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CERTIFICATE = Path(__file__).parent.parent / "data" / "mail-server.pem"
_GOOD = {
    "connect": "220 mail.test ESMTP",
    "EHLO": "250-mail.test\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 SMTPUTF8",
    "STARTTLS": "220 go ahead",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 sender ok",
    "RCPT": "250 2.1.5 recipient ok",
    "DATA": "354 go ahead",
    ".": "250 2.0.0 queued",
    "RSET": "250 2.0.0 flushed",
    "QUIT": "221 2.0.0 bye",
}


class MailServer(socketserver.ThreadingTCPServer):
    """`says` holds, by command, what to answer instead, in order. "hang" says nothing more until the server closes,
    "drop" hangs up without a word, and "… and drop" hangs up after the words."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.port = self.server_address[1]
        self.says: dict[str, list[str]] = defaultdict(list)
        self.heard: list[list[str]] = []  # the commands of each connection
        self.accepted: list[bytes] = []
        self.over_tls: list[bool] = []
        self.tls_at_once = False
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"smtp://localhost:{self.port}"

    def commands(self) -> list[str]:
        """What was said on all connections, without arguments."""
        return [line.partition(" ")[0].upper() for connection in self.heard for line in connection]


@contextmanager
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            serving.join()


class _HangUp(Exception):
    pass


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.commands: list[str] = []
        self.server.heard.append(self.commands)
        self.sender = self.recipient = False
        try:
            if self.server.tls_at_once:
                self._secure()
            self._answer("connect")
            while line := self.rfile.readline():
                self._obey(line.decode().strip())
        except (_HangUp, OSError):
            return

    def _obey(self, line: str) -> None:
        self.commands.append(line)
        verb = line.partition(" ")[0].upper()
        if verb == "MAIL" and self.sender:
            return self._say("503 5.5.1 nested MAIL command")
        if (verb == "RCPT" and not self.sender) or (verb == "DATA" and not self.recipient):
            return self._say("503 5.5.1 bad sequence of commands")
        code = self._answer(verb)
        if verb == "STARTTLS" and code == "220":
            self._secure()
        elif verb == "DATA" and code == "354":
            self._take()
        elif verb in ("RSET", "EHLO"):
            self.sender = self.recipient = False
        elif verb == "MAIL":
            self.sender = code == "250"
        elif verb == "RCPT":
            self.recipient = code == "250"
        elif verb == "QUIT":
            raise _HangUp
        return None

    def _take(self) -> None:
        content = b""
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                raise _HangUp
            content += line.removeprefix(b".")
        self.sender = self.recipient = False
        script = self.server.says["."]
        if not script or script[0].startswith(("2", "take")):
            self.server.accepted.append(content)
            self.server.over_tls.append(isinstance(self.connection, ssl.SSLSocket))
        self._answer(".")

    def _answer(self, verb: str) -> str:
        script = self.server.says[verb]
        words = (script.pop(0) if script else _GOOD[verb]).removeprefix("take and ")
        if words == "hang":
            self.server.closing.wait()
            raise _HangUp
        if words == "drop":
            raise _HangUp
        self._say(words.removesuffix(" and drop"))
        if words.endswith(" and drop"):
            raise _HangUp
        return words[:3]

    def _say(self, words: str) -> None:
        self.wfile.write(words.encode() + b"\r\n")

    def _secure(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
