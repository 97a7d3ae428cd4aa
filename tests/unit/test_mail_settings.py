"""Mail settings that cannot work stop the start, with a sentence."""

import pytest
from django.core.checks import run_checks


def complaints() -> list[str]:
    return [each.msg for each in run_checks() if each.id.startswith("notifications.")]


@pytest.mark.parametrize("url", ["", "smtp://localhost:1025", "smtp+tls://me:secret@mail.example.com", "smtps://mail"])
@pytest.mark.parametrize("sender", ["policy@localhost", '"Prövider, Inc" <policy@example.com>'])
def test_what_works_is_taken(url: str, sender: str, settings) -> None:
    settings.EMAIL_URL, settings.MEMO_FROM = url, sender
    assert complaints() == []


@pytest.mark.parametrize("url", ["mail.example.com", "smtp://mail:port", "smtp://mail?tls=1"])
def test_a_relay_that_cannot_be_reached_so_is_named(url: str, settings) -> None:
    settings.EMAIL_URL = url
    (complaint,) = complaints()
    assert complaint.startswith("EMAIL_URL ")


@pytest.mark.parametrize(
    "sender",
    ["", "Provider", "@example.com", "policy@", "pölicy@example.com", "a@b.test\nBcc: c@d", "Two, Parts <a@b.test>"],
)
def test_a_sender_that_is_no_address_is_named(sender: str, settings) -> None:
    settings.MEMO_FROM = sender
    (complaint,) = complaints()
    assert complaint.startswith("MEMO_FROM must be an address")
