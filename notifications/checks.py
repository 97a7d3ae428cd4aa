"""What must hold of the mail settings, looked at by every start: a mistake here would put off every message."""

from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from notifications.relay import RelayRefused, read_url


@register()
def check_mail(app_configs: Any, **_: Any) -> list[CheckMessage]:
    return [*_check_url(settings.EMAIL_URL), *_check_sender(settings.MEMO_FROM)]


def _check_url(url: str) -> list[CheckMessage]:
    """Empty is no mistake: `./run` runs a mail catcher then."""
    try:
        if url:
            read_url(url)
    except RelayRefused as refused:
        return [Error(str(refused), id="notifications.E001")]
    return []


def _check_sender(sender: str) -> list[CheckMessage]:
    name, _, host = parseaddr(sender)[1].rpartition("@")
    if name and host and f"{name}{host}".isascii() and sender.isprintable():
        return []
    sentence = "MEMO_FROM must be an address, with or without a name: Provider <policy@example.com>."
    return [Error(sentence, id="notifications.E002")]
