"""API keys: made once, shown once, kept as a digest, and replaced without a gap.

Keys go by the real clock, which a test clock must not touch.
"""

import hmac
import re
import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Least, Now

from enforcement.models import ApiKey, Client
from enforcement.services import cursors

SCOPES: dict[str, frozenset[str]] = {
    Client.Kind.DETECTOR: frozenset({"evidence:write"}),
    Client.Kind.GATEWAY: frozenset({"gateway:read", "gateway:write"}),
    Client.Kind.READER: frozenset({"accounts:read", "cases:read"}),
    Client.Kind.REGISTRAR: frozenset({"accounts:write", "accounts:read"}),
}

MAX_NAME = 64
LARGEST_LIMIT = 60_000_000  # a minute
Life = timedelta | datetime | None  # how long, until when, or for good

_KEY = re.compile(r"ae_([0-9a-f]{10})_([A-Za-z0-9_-]{43})")
# Every request asks this, so it is written out.
_FIND = """
SELECT key.id, key.digest, key.revoked_at, key.expires_at, key.expires_at <= statement_timestamp() AS expired,
       key.last_used_at IS NULL OR key.last_used_at < statement_timestamp() - interval '1 minute' AS unnoted,
       client.id, client.name, client.kind, client.limit_per_minute, client.created_at
  FROM enforcement_apikey AS key JOIN enforcement_client AS client ON client.id = key.client_id
 WHERE key.prefix = %s
"""
# Last use is worth a write a minute, not a write a request, and no wait at all: of eight that come at once one writes.
_USED = """
UPDATE enforcement_apikey SET last_used_at = statement_timestamp()
 WHERE id = (SELECT id FROM enforcement_apikey
              WHERE id = %s AND (last_used_at IS NULL OR last_used_at < statement_timestamp() - interval '1 minute')
                FOR NO KEY UPDATE SKIP LOCKED)
"""


# How long it is until the first client of a kind is left without a key.
_RUNS_OUT = """
SELECT kind, min(last - statement_timestamp())
  FROM (SELECT client.kind, max(coalesce(key.expires_at, 'infinity')) AS last
          FROM enforcement_apikey AS key JOIN enforcement_client AS client ON client.id = key.client_id
         WHERE key.revoked_at IS NULL AND (key.expires_at IS NULL OR key.expires_at > statement_timestamp())
         GROUP BY client.id) AS clients
 WHERE last < 'infinity'
 GROUP BY kind
"""


class KeyRefused(Exception):
    """What was asked for cannot be done; the sentence says why."""


class KeyRejected(Exception):
    """Nobody may call with this; the sentence says why."""


# -- of a request ------------------------------------------------------------------------------------------------


def find(presented: str) -> Client:
    """The client that holds this key. Raises KeyRejected; that a key is over is told only to who has all of it."""
    parts = _KEY.fullmatch(presented)
    if parts is None:
        raise KeyRejected("This is no key.")
    with cursors.prepared() as cursor:
        cursor.execute(_FIND, [parts[1]])
        row = cursor.fetchone()
        if row is None or not hmac.compare_digest(row[1], _digest(parts[2])):
            raise KeyRejected("The key is unknown.")
        key, _, revoked_at, expires_at, expired, unnoted, *client = row
        if revoked_at:
            raise KeyRejected(f"The key was revoked at {revoked_at:%Y-%m-%dT%H:%M:%SZ}.")
        if expired:
            raise KeyRejected(f"The key expired at {expires_at:%Y-%m-%dT%H:%M:%SZ}.")
        if unnoted:
            cursor.execute(_USED, [key])
    return Client.from_db(None, ("id", "name", "kind", "limit_per_minute", "created_at"), client)


def _digest(secret: str) -> bytes:
    """256 random bits need no slow hash."""
    return sha256(secret.encode()).digest()


# -- of an operator ----------------------------------------------------------------------------------------------


def issue(name: str, kind: str, *, lasts: Life) -> str:
    """A new key for a client, which is made if need be. Other keys of the client go on working."""
    if not (1 <= len(name) <= MAX_NAME and name.isprintable() and name == name.strip()):
        raise KeyRefused(f"{name!a} is no name: 1 to {MAX_NAME} printable characters, no space at the ends.")
    client, _ = Client.objects.get_or_create(name=name, defaults={"kind": kind})
    if client.kind != kind:
        raise KeyRefused(f"{name} is a {client.kind}; a key of kind {kind} takes another name.")
    return _make(client, lasts)


@transaction.atomic
def rotate(name: str, *, overlap: timedelta, lasts: Life) -> str:
    """A new key for a client; those that it had work until the overlap ends, and no longer than they would have.

    Without `lasts` the new key lives as long as the newest one was made for.
    """
    client = _locked(name)
    newest = live(client.keys.all()).order_by("-pk").first()
    if newest is None:
        raise KeyRefused(f"{name} has no live key; create_client {name} --kind {client.kind} makes one.")
    if lasts is None and newest.expires_at:
        lasts = newest.expires_at - newest.created_at
    # LEAST passes over a null: a key that had no end gets one.
    live(client.keys.all()).update(expires_at=Least("expires_at", Now() + overlap))
    return _make(client, lasts)


def revoke(prefix: str) -> ApiKey:
    """This key is refused from the next request on. Revoking again changes nothing."""
    if not ApiKey.objects.filter(prefix=prefix).exists():
        raise KeyRefused(f"No key begins with ae_{prefix}_.")
    ApiKey.objects.filter(prefix=prefix, revoked_at=None).update(revoked_at=Now())
    return ApiKey.objects.select_related("client").get(prefix=prefix)


def revoke_all(name: str) -> list[ApiKey]:
    """Every live key of a client; it cannot call any more."""
    with transaction.atomic():
        revoked = list(live(_locked(name).keys.all()).order_by("pk"))
        ApiKey.objects.filter(pk__in=[key.pk for key in revoked]).update(revoked_at=Now())
    return list(ApiKey.objects.filter(pk__in=[key.pk for key in revoked]).select_related("client").order_by("pk"))


def limit(name: str, per_minute: int | None) -> None:
    """A limit of the client's own, from its next call on; None: as its kind, 0: none."""
    if per_minute is not None and not 0 <= per_minute <= LARGEST_LIMIT:
        raise KeyRefused(f"A limit is a number a minute from 0 (none) to {LARGEST_LIMIT:,}, not {per_minute:,}.")
    if not Client.objects.filter(name=name).update(limit_per_minute=per_minute):
        raise _nobody(name)


def live(keys: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
    """Those that open the door at this moment."""
    return keys.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), revoked_at=None)


def running_out() -> dict[str, timedelta]:
    """By kind: how long it is until a client has no live key left. A successor that lives on is no worry."""
    with connection.cursor() as cursor:
        cursor.execute(_RUNS_OUT)
        return dict(cursor.fetchall())


def _make(client: Client, lasts: Life) -> str:
    prefix, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    key = ApiKey.objects.create(client=client, prefix=prefix, digest=_digest(secret))
    if lasts is not None:
        ends = F("created_at") + lasts if isinstance(lasts, timedelta) else lasts
        ApiKey.objects.filter(pk=key.pk).update(expires_at=ends)
    return f"ae_{prefix}_{secret}"


def _locked(name: str) -> Client:
    """One rotation or revocation of a client at a time; its calls wait for nobody."""
    client = Client.objects.select_for_update(no_key=True).filter(name=name).first()
    if client is None:
        raise _nobody(name)
    return client


def _nobody(name: str) -> KeyRefused:
    return KeyRefused(f"There is no client {name!a}; list_api_keys --all shows all of them.")
