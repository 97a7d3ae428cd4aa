"""What a mail server may do to a conversation, and whom it costs: the message, the run, or nobody."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from notifications import relay as relays
from notifications.email import compose
from notifications.models import Message
from notifications.relay import Relay, RelayAway, RelayRefused, Reply, Server, read_url
from tests.integration.mail_server import CERTIFICATE, MailServer, mail_server

SENDER = "Provider <policy@provider.test>"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def relay(server: MailServer) -> Iterator[Relay]:
    with Relay(server.url) as line:
        yield line


def offer(relay: Relay, recipient: str = "a@x.test") -> Reply:
    return relay.offer(f"Subject: to {recipient}\r\n\r\nwords\r\n".encode(), SENDER, recipient)


QUEUED = Reply(250, "2.0.0 queued")


# -- one message's own trouble -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("RCPT", "450 4.2.0 greylisted"),
        ("RCPT", "550 5.1.1 no such user"),
        ("DATA", "451 4.3.0 not this one"),
        ("DATA", "554 5.6.0 not this one"),
        (".", "452 4.3.1 no room"),
        (".", "554 5.7.1 not wanted"),
    ],
)
def test_what_is_refused_leaves_the_line_fit_for_the_next(
    command: str, words: str, server: MailServer, relay: Relay
) -> None:
    server.says[command] = [words]
    assert str(offer(relay)) == words
    assert offer(relay) == QUEUED
    assert len(server.heard) == 1


@pytest.mark.parametrize("command", ["RCPT", "DATA", "."])
def test_a_server_that_refuses_and_hangs_up_is_quoted_all_the_same(
    command: str, server: MailServer, relay: Relay
) -> None:
    server.says[command] = ["550 5.7.1 go away and drop"]
    assert offer(relay) == Reply(550, "5.7.1 go away")
    assert offer(relay) == QUEUED
    assert len(server.heard) == 2


@pytest.mark.parametrize("command", ["RCPT", "DATA", "."])
def test_a_goodbye_is_followed_by_a_new_connection(command: str, server: MailServer, relay: Relay) -> None:
    server.says[command] = ["421 4.3.2 shutting down"]
    assert offer(relay) == Reply(421, "4.3.2 shutting down")
    assert offer(relay) == QUEUED
    assert len(server.heard) == 2


@pytest.mark.parametrize("command", ["RCPT", "DATA", "."])
def test_a_line_that_breaks_costs_one_message(command: str, server: MailServer, relay: Relay) -> None:
    server.says[command] = ["drop"]
    assert offer(relay).code is None
    assert offer(relay) == QUEUED


@pytest.mark.parametrize(("command", "timeout"), [("RCPT", "_TIMEOUT"), (".", "_FINAL_DOT_TIMEOUT")])
def test_nobody_waits_for_ever(
    command: str, timeout: str, server: MailServer, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, timeout, 0.2)
    server.says[command] = ["hang"]
    assert offer(relay).code is None
    assert offer(relay) == QUEUED


def test_an_address_that_cannot_be_spoken_is_nobody_elses_trouble(server: MailServer, relay: Relay) -> None:
    reply = offer(relay, "ä@x.test")
    assert reply.code is None
    assert "UnicodeEncodeError" in reply.text
    assert offer(relay) == QUEUED


def test_a_line_that_was_closed_while_it_lay_idle_costs_nobody_anything(server: MailServer, relay: Relay) -> None:
    server.says["."] = ["250 2.0.0 queued and drop"]
    assert offer(relay) == QUEUED
    assert offer(relay) == QUEUED
    assert len(server.heard) == 2


def test_words_that_no_database_keeps_are_made_fit(server: MailServer, relay: Relay) -> None:
    server.says["."] = ["250 2.0.0 \x00queued"]
    assert offer(relay) == Reply(250, "2.0.0  queued")


# -- nobody's trouble: the relay is away ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("connect", "421 4.3.2 too busy"),
        ("connect", "554 5.7.1 not from your address"),
        ("AUTH", "535 5.7.8 wrong password"),
        ("MAIL", "530 5.7.0 authentication required"),
        ("MAIL", "550 5.7.1 that is not your sender"),
        ("MAIL", "452 4.3.1 no room for anybody"),
    ],
)
def test_what_is_said_before_any_recipient_is_named_refuses_no_recipient(
    command: str, words: str, server: MailServer
) -> None:
    server.says[command] = [words]
    with Relay(server.url.replace("//", "//me:secret@")) as line:
        with pytest.raises(RelayAway) as away:
            offer(line)
        assert str(away.value) == words
        assert offer(line) == QUEUED


@pytest.mark.parametrize("command", ["connect", "EHLO", "MAIL"])
@pytest.mark.parametrize("words", ["hang", "drop"])
def test_a_server_that_does_not_speak_is_away(
    command: str, words: str, server: MailServer, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "_TIMEOUT", 0.2)
    server.says[command] = [words] * 2  # after EHLO smtplib tries HELO
    with pytest.raises(RelayAway):
        offer(relay)


def test_a_goodbye_that_hangs_changes_nothing(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "_TIMEOUT", 0.2)
    server.says["QUIT"] = ["hang"]
    with Relay(server.url) as line:
        assert offer(line) == QUEUED


# -- TLS -----------------------------------------------------------------------------------------------------------


def secured(server: MailServer, scheme: str = "smtp+tls") -> Relay:
    return Relay(server.url.replace("smtp://", f"{scheme}://me:p%40ss@"))


@pytest.mark.parametrize("scheme", ["smtp+tls", "smtps"])
def test_password_and_mail_go_over_tls_where_it_was_asked_for(
    scheme: str, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    server.tls_at_once = scheme == "smtps"
    with secured(server, scheme) as line:
        assert offer(line) == QUEUED
    assert server.over_tls == [True]
    said = server.commands()
    assert said[said.index("AUTH") - 1] == "EHLO"
    assert server.tls_at_once or said.index("STARTTLS") < said.index("AUTH")


@pytest.mark.parametrize("words", ["454 4.7.0 not now", "502 5.5.1 not here"])
def test_without_tls_nothing_is_said_at_all(words: str, server: MailServer) -> None:
    server.says["STARTTLS"] = [words]
    with secured(server) as line, pytest.raises(RelayAway):
        offer(line)
    assert server.commands() == ["EHLO", "STARTTLS"]


def test_a_server_that_hides_its_tls_gets_nothing_in_the_clear(server: MailServer) -> None:
    server.says["EHLO"] = ["250 mail.test"]
    with secured(server) as line, pytest.raises(RelayAway, match="STARTTLS extension not supported"):
        offer(line)
    assert server.accepted == []


def test_a_certificate_that_nobody_vouches_for_is_refused(server: MailServer) -> None:
    with secured(server) as line, pytest.raises(RelayAway, match="CERTIFICATE_VERIFY_FAILED"):
        offer(line)
    assert server.accepted == []


# -- where the relay is --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.test", Server("smtp", "mail.test", 25, "", "")),
        ("smtp+tls://mail.test", Server("smtp+tls", "mail.test", 587, "", "")),
        ("smtps://me:p%40ss%2F@mail.test:2465/", Server("smtps", "mail.test", 2465, "me", "p@ss/")),
        ("smtp://[::1]:1025", Server("smtp", "::1", 1025, "", "")),
    ],
)
def test_the_url_names_protection_server_and_login(url: str, server: Server) -> None:
    assert read_url(url) == server


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "must be smtp://, smtp\\+tls:// or smtps:// and name a host"),
        ("mail.example.com", "must be smtp://"),
        ("http://mail.example.com", "must be smtp://"),
        ("smtp://", "name a host"),
        ("smtp://mail.example.com:mail", "cannot be read: Port could not be cast"),
        ("smtp://mail.example.com:70000", "cannot be read: Port out of range"),
        ("smtp://mail.example.com/?ssl=1", "TLS is asked for by smtp\\+tls:// or smtps://"),
        ("smtp://mail.example.com#tls", "ends after its port"),
    ],
)
def test_a_bad_url_is_refused_with_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(RelayRefused, match=f"EMAIL_URL .*{sentence}"):
        read_url(url)


# -- bytes ---------------------------------------------------------------------------------------------------------


def message(**changed: object) -> Message:
    given = {
        "recipient": "a@x.test", "message_id": "<abc@provider.test>", "subject": "s", "text": "t\n",
        "html": "<p>t</p>", "language": "en", "created_at": datetime(2026, 7, 9, 12, tzinfo=UTC),
    }  # fmt: skip
    return Message(**(given | changed))


@pytest.mark.parametrize(
    "name",
    [
        "=?utf-8?q?x=0D=0ABcc:_thief@x.test?=",
        "=?utf-8?b?4oCubGl2ZQ==?=",
        "a\r\nBcc: thief@x.test",
        "深圳办公室" * 60,
        "😀" * 150,
        "a" * 900,
    ],
)
def test_a_name_is_never_a_header(name: str) -> None:
    content = compose(message(subject=f"{name}: API traffic"), SENDER)
    head = content.partition(b"\r\n\r\n")[0]
    assert [line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")] == [
        b"Subject", b"From", b"To", b"Date", b"Message-ID", b"Auto-Submitted", b"MIME-Version", b"Content-Type",
        b"Content-Language",
    ]  # fmt: skip
    assert all(len(line) <= 78 for line in content.split(b"\r\n"))


def test_a_line_that_begins_with_from_or_a_dot_arrives_as_it_was(server: MailServer, relay: Relay) -> None:
    text = "From 3 June 2026 on\n.\n..two\n"
    assert relay.offer(compose(message(text=text), SENDER), SENDER, "a@x.test") == QUEUED
    assert b"\r\nFrom 3 June 2026 on\r\n.\r\n..two\r\n" in server.accepted[0]
