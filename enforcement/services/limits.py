"""How much a client may ask for in a minute. Losing Redis loses the count, never a call."""

from django.conf import settings

from enforcement import metrics
from enforcement.models import Client
from enforcement.services.buckets import Away, buckets


def per_minute(client: Client) -> int:
    """Calls, or items of evidence; the client's own limit before that of its kind. 0 is no limit."""
    own = client.limit_per_minute
    kinds: dict[str, int] = settings.RATE_LIMITS
    return kinds[client.kind] if own is None else own


def spend(client: Client, cost: int) -> float:
    """0 if the client may go on, else the seconds after which the same may come again.

    All keys of a client draw on one bucket: a rotation gives nobody twice as much.
    """
    limit = per_minute(client)
    if not limit:
        return 0.0
    try:
        wait = buckets().take(str(client.pk), limit=limit, cost=cost)
    except Away:
        metrics.RATE_NOT_COUNTED.labels(client.kind).inc()
        return 0.0
    if wait:
        metrics.RATE_LIMITED.labels(client.kind).inc()
    return wait
