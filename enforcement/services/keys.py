"""API keys: made once, shown once, kept as a digest."""

import hmac
import secrets
from datetime import timedelta
from hashlib import sha256

from django.db.models import F, Q
from django.db.models.functions import Now

from enforcement.models import ApiKey, Client

# Last use is worth a write a minute, not a write a request.
_USE_STEP = timedelta(minutes=1)

SCOPES: dict[str, frozenset[str]] = {
    Client.Kind.DETECTOR: frozenset({"evidence:write"}),
    Client.Kind.GATEWAY: frozenset({"gateway:read", "gateway:write"}),
    Client.Kind.READER: frozenset({"accounts:read", "cases:read"}),
    Client.Kind.REGISTRAR: frozenset({"accounts:write", "accounts:read"}),
}


class KeyRefused(Exception):
    """The key cannot be made; the sentence says why."""


def issue(name: str, kind: str, *, lasts: timedelta | None) -> str:
    """A new key for a client, which is made if need be. A second live key is the overlap of a rotation."""
    client, _ = Client.objects.get_or_create(name=name, defaults={"kind": kind})
    if client.kind != kind:
        raise KeyRefused(f"{name} is a {client.kind}; a key of kind {kind} takes another name.")
    prefix, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    key = ApiKey.objects.create(client=client, prefix=prefix, digest=_digest(secret))
    if lasts is not None:
        # Counted on the real clock, which a test clock must not touch.
        ApiKey.objects.filter(pk=key.pk).update(expires_at=F("created_at") + lasts)
    return f"ae_{prefix}_{secret}"


def find(presented: str) -> Client | None:
    """The client that holds this key, if it is live."""
    scheme, _, rest = presented.partition("_")
    prefix, _, secret = rest.partition("_")
    if scheme != "ae" or not secret or not presented.isascii():
        return None
    live = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=Now()))
    key = ApiKey.objects.filter(live, prefix=prefix).select_related("client").first()
    if key is None or not hmac.compare_digest(bytes(key.digest), _digest(secret)):
        return None
    stale = Q(last_used_at=None) | Q(last_used_at__lt=Now() - _USE_STEP)
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=Now())
    return key.client


def _digest(secret: str) -> bytes:
    """256 random bits need no slow hash."""
    return sha256(secret.encode()).digest()
