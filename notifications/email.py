"""A message as the bytes that a mail server is given: the same ones at every attempt."""

from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from notifications.models import Message


def compose(message: Message, sender: str) -> bytes:
    """Text and HTML as alternatives, 7-bit clean. Raises ValueError or MessageError for what no header may hold."""
    mail = EmailMessage(policy=SMTP)
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
    return _subject(message.subject) + mail.as_bytes()


def _subject(subject: str) -> bytes:
    """Encoded whole. `EmailMessage` decodes what a name writes as an encoded word, and what comes out is believed:
    `=?utf-8?q?x=0D=0ABcc:_me?=` made a header of its own.
    """
    encoded = Header(subject, "utf-8", header_name="Subject").encode(linesep=SMTP.linesep)
    return f"Subject: {encoded}\r\n".encode("ascii")
