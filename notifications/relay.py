"""One conversation with a mail server, reused for many messages."""

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import unquote, urlsplit

from faultpoints import faultpoint, port

# For every word but the last. A server may take ten minutes over the final dot (RFC 5321, 4.5.3.2.6); giving up
# earlier doubles the mail.
_TIMEOUT = 30.0
_FINAL_DOT_TIMEOUT = 600.0
_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


class RelayRefused(Exception):
    """EMAIL_URL cannot be used; the sentence says why."""


class RelayAway(Exception):
    """No message can be offered at present, and none is to blame: nobody answers, or the server wants nothing of us.

    A wrong password or a refused sender is such a case: their code is 5xx, but it says nothing about a recipient.
    """


@dataclass(frozen=True, slots=True)
class Reply:
    """The server's last words on one message. Without a code there were none."""

    code: int | None
    text: str

    @property
    def accepted(self) -> bool:
        return self.code is not None and 200 <= self.code < 300

    @property
    def final(self) -> bool:
        """Refused for good."""
        return self.code is not None and 500 <= self.code < 600

    def __str__(self) -> str:
        return f"{self.code} {self.text}" if self.code else self.text


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed in: `smtp` in the clear, `smtp+tls` by STARTTLS, `smtps` by TLS from the first byte."""

    scheme: str
    host: str
    port: int
    user: str
    password: str


def read_url(url: str) -> Server:
    """EMAIL_URL as a server; raises RelayRefused. What we would not heed is refused: `?ssl=1` must not pass in vain."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise RelayRefused(f"EMAIL_URL cannot be read: {error}.") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise RelayRefused("EMAIL_URL must be smtp://, smtp+tls:// or smtps:// and name a host.")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise RelayRefused("EMAIL_URL ends after its port: TLS is asked for by smtp+tls:// or smtps://.")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Server(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], user, password)


class Relay:
    """A line that is opened for the first message, and again when the server has dropped it."""

    def __init__(self, url: str) -> None:
        self._server = read_url(url)
        self._line: smtplib.SMTP | None = None

    def offer(self, content: bytes, sender: str, recipient: str) -> Reply:
        """Offer one message to one recipient; raises RelayAway before anything was said about the message."""
        line = self._begin(sender)
        try:
            reply = _hand_over(line, content, recipient)
        except smtplib.SMTPResponseException as refused:  # no 354 to DATA
            reply = Reply(refused.smtp_code, _words(refused.smtp_error))
        except (OSError, smtplib.SMTPException, ValueError) as broken:
            self._drop()
            return Reply(None, _sentence(broken))
        if not reply.accepted:
            self._clear(reply)
        return reply

    def _begin(self, sender: str) -> smtplib.SMTP:
        """A line on which the sender was accepted. One that served before may be closed by now: then a fresh one."""
        used = self._line is not None
        try:
            line = self._connect()
            code, words = line.mail(sender)
        except (OSError, smtplib.SMTPException, ValueError) as broken:
            reply = Reply(None, _sentence(broken))
        else:
            if code == 250:
                return line
            reply = Reply(code, _words(words))
        self._drop()
        if used:
            return self._begin(sender)
        raise RelayAway(str(reply))

    def _connect(self) -> smtplib.SMTP:
        if self._line is not None:
            return self._line
        server, tls = self._server, ssl.create_default_context()
        if server.scheme == "smtps":
            line: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=_TIMEOUT, context=tls)
        else:
            line = smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT)
        try:
            line.ehlo_or_helo_if_needed()
            if server.scheme == "smtp+tls":
                line.starttls(context=tls)  # raises where the server has none: there is no way back to plain text
                line.ehlo()
            if server.user:
                line.login(server.user, server.password)
        except BaseException:
            line.close()
            raise
        self._line = line
        return line

    def _clear(self, reply: Reply) -> None:
        """Make the line fit for the next message; what goes wrong here must not cover the words on this one."""
        if reply.code == 421:  # the server says goodbye
            self._drop()
        elif self._line is not None:
            try:
                self._line.rset()
            except (OSError, smtplib.SMTPException):
                self._drop()

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def __enter__(self) -> "Relay":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._line is not None:
            with suppress(OSError, smtplib.SMTPException):  # every reply was heard before
                self._line.quit()
        self._drop()


def _hand_over(line: smtplib.SMTP, content: bytes, recipient: str) -> Reply:
    code, words = line.rcpt(recipient)
    if not 200 <= code < 300:
        return Reply(code, _words(words))
    _wait(line, _FINAL_DOT_TIMEOUT)
    faultpoint("memo.smtp.before_data")
    with port("memo.smtp", TimeoutError):
        code, words = line.data(content)
    faultpoint("memo.smtp.after_accept")
    _wait(line, _TIMEOUT)
    return Reply(code, _words(words))


def _wait(line: smtplib.SMTP, seconds: float) -> None:
    if line.sock is not None:
        line.sock.settimeout(seconds)


def _words(words: bytes | str) -> str:
    """Fit to be stored: PostgreSQL keeps no NUL, and a reply that cannot be recorded would be asked for again."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return text.replace("\x00", " ")[:500]


def _sentence(error: Exception) -> str:
    """What the server said where it said something; else what happened to the line."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_words(error.smtp_error)}"
    return _words(f"{type(error).__name__}: {error}")
