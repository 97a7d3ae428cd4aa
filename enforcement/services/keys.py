"""API keys: made once, shown once, kept as a digest."""

import hmac
import re
import secrets
from datetime import timedelta
from hashlib import sha256

from django.db.models import F

from enforcement.models import ApiKey, Client
from enforcement.services import cursors

SCOPES: dict[str, frozenset[str]] = {
    Client.Kind.DETECTOR: frozenset({"evidence:write"}),
    Client.Kind.GATEWAY: frozenset({"gateway:read", "gateway:write"}),
    Client.Kind.READER: frozenset({"accounts:read", "cases:read"}),
    Client.Kind.REGISTRAR: frozenset({"accounts:write", "accounts:read"}),
}

MAX_NAME = 64
_KEY = re.compile(r"ae_([0-9a-f]{10})_([A-Za-z0-9_-]{43})")
# The real clock, which a test clock must not touch. Every request asks this, so it is written out.
_LIVE = """
SELECT key.id, key.digest,
       key.last_used_at IS NULL OR key.last_used_at < statement_timestamp() - interval '1 minute' AS unnoted,
       client.id, client.name, client.kind, client.created_at
  FROM enforcement_apikey AS key JOIN enforcement_client AS client ON client.id = key.client_id
 WHERE key.prefix = %s AND key.revoked_at IS NULL
   AND (key.expires_at IS NULL OR key.expires_at > statement_timestamp())
"""
# Last use is worth a write a minute, not a write a request, and no wait at all.
_USED = """
UPDATE enforcement_apikey SET last_used_at = statement_timestamp()
 WHERE id = (SELECT id FROM enforcement_apikey WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED)
"""


class KeyRefused(Exception):
    """The key cannot be made; the sentence says why."""


def issue(name: str, kind: str, *, lasts: timedelta | None) -> str:
    """A new key for a client, which is made if need be. A second live key is the overlap of a rotation."""
    if not (1 <= len(name) <= MAX_NAME and name.isprintable() and name == name.strip()):
        raise KeyRefused(f"{name!a} is no name: 1 to {MAX_NAME} printable characters, no space at the ends.")
    client, _ = Client.objects.get_or_create(name=name, defaults={"kind": kind})
    if client.kind != kind:
        raise KeyRefused(f"{name} is a {client.kind}; a key of kind {kind} takes another name.")
    prefix, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    key = ApiKey.objects.create(client=client, prefix=prefix, digest=_digest(secret))
    if lasts is not None:
        ApiKey.objects.filter(pk=key.pk).update(expires_at=F("created_at") + lasts)
    return f"ae_{prefix}_{secret}"


def find(presented: str) -> Client | None:
    """The client that holds this key, if it is live."""
    parts = _KEY.fullmatch(presented)
    if parts is None:
        return None
    with cursors.prepared() as cursor:
        cursor.execute(_LIVE, [parts[1]])
        row = cursor.fetchone()
        if row is None or not hmac.compare_digest(row[1], _digest(parts[2])):
            return None
        key, _, unnoted, *client = row
        if unnoted:
            cursor.execute(_USED, [key])
    return Client.from_db(None, ("id", "name", "kind", "created_at"), client)


def _digest(secret: str) -> bytes:
    """256 random bits need no slow hash."""
    return sha256(secret.encode()).digest()
