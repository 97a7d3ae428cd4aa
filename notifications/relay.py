"""One conversation with a mail server, reused for many messages."""

import smtplib
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from types import TracebackType
from urllib.parse import unquote, urlsplit

from notifications.models import Message

_CONNECT_TIMEOUT = 30.0
# A server may take ten minutes over the final dot (RFC 5321, 4.5.3.2.6); giving up earlier doubles the mail.
_FINAL_DOT_TIMEOUT = 600.0
_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


class RelayRefused(Exception):
    """EMAIL_URL cannot be used; the sentence says why."""


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


class Relay:
    """A connection that is made when the first message comes and again when the server dropped it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise RelayRefused("EMAIL_URL must be smtp://, smtp+tls:// or smtps:// and name a host.")
        self._scheme, self._host = parts.scheme, parts.hostname
        self._port = parts.port or _PORTS[parts.scheme]
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._line: smtplib.SMTP | None = None

    def offer(self, message: Message, sender: str) -> Reply:
        """Offer one message; every outcome is a reply, and a broken line is dropped."""
        content = compose(message, sender)
        try:
            return self._offer(content, sender, message.recipient)
        except smtplib.SMTPResponseException as refused:
            self._drop_after(refused.smtp_code)
            return Reply(refused.smtp_code, _words(refused.smtp_error))
        except (OSError, smtplib.SMTPException) as broken:
            self._drop()
            return Reply(None, f"{type(broken).__name__}: {broken}"[:500])

    def is_reachable(self) -> bool:
        """Whether there is a line, or one can be had."""
        try:
            self._connect()
        except (OSError, smtplib.SMTPException):
            return False
        return True

    def _offer(self, content: bytes, sender: str, recipient: str) -> Reply:
        line = self._connect()
        for code, words in (line.mail(sender), line.rcpt(recipient)):
            if code >= 300:
                line.rset()
                self._drop_after(code)
                return Reply(code, _words(words))
        if line.sock is not None:
            line.sock.settimeout(_FINAL_DOT_TIMEOUT)
        code, words = line.data(content)
        if line.sock is not None:
            line.sock.settimeout(_CONNECT_TIMEOUT)
        self._drop_after(code)
        return Reply(code, _words(words))

    def _connect(self) -> smtplib.SMTP:
        if self._line is not None:
            return self._line
        tls = ssl.create_default_context()
        if self._scheme == "smtps":
            line: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=_CONNECT_TIMEOUT, context=tls)
        else:
            line = smtplib.SMTP(self._host, self._port, timeout=_CONNECT_TIMEOUT)
        try:
            line.ehlo_or_helo_if_needed()
            if self._scheme == "smtp+tls":
                line.starttls(context=tls)  # raises where the server has none: there is no way back to plain text
                line.ehlo()
            if self._user:
                line.login(self._user, self._password)
        except BaseException:
            line.close()
            raise
        self._line = line
        return line

    def _drop_after(self, code: int) -> None:
        if code == 421:  # the server says goodbye
            self._drop()

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def __enter__(self) -> "Relay":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._line is not None:
            try:
                self._line.quit()
            except (OSError, smtplib.SMTPException):
                self._drop()  # a slow goodbye changes nothing: every reply was heard before


def compose(message: Message, sender: str) -> bytes:
    """The message as it goes out: the same bytes at every attempt."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = message.subject
    mail["From"] = sender
    mail["To"] = Address(addr_spec=message.recipient)
    mail["Date"] = format_datetime(message.created_at)
    mail["Message-ID"] = message.message_id
    mail["Auto-Submitted"] = "auto-generated"  # no vacation answers (RFC 3834)
    mail.set_content(message.text, cte="quoted-printable")
    mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
    mail["Content-Language"] = message.language  # after the content, which sets its headers anew
    # A boundary that does not change from attempt to attempt.
    mail.set_boundary(f"=_{message.message_id.strip('<>').partition('@')[0]}")
    return mail.as_bytes()


def _words(words: bytes | str) -> str:
    return (words.decode("utf-8", "replace") if isinstance(words, bytes) else words)[:500]
