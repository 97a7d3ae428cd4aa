"""How much of a minute's calls each client has left, kept in Redis: one round trip, atomic, and never in the way."""

import time
from functools import cache

import structlog
from django.conf import settings
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

# A call that is not counted does less harm than one that is not answered.
_PATIENCE = 0.25  # seconds
_PAUSE = 5.0  # seconds without asking, after Redis did not answer
_QUIET = 60.0  # seconds between two lines in the log about it

# A bucket holds a minute's worth. Stored are what is missing from it and since when, by Redis's own clock, so that all
# processes go by one. What is larger than the bucket goes when the bucket is full, and leaves a debt: the rate holds.
_TAKE = """
local MINUTE = 60000000
local limit, cost = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local missing, since = string.match(redis.call('GET', KEYS[1]) or '0 0', '(%S+) (%S+)')
missing = math.max(missing - math.max(now - since, 0) * limit / MINUTE, 0)

local beyond = missing + math.min(cost, limit) - limit
if beyond > 0 then
    return math.ceil(beyond * MINUTE / limit / 1000)
end
missing = missing + cost
redis.call('SET', KEYS[1], string.format('%.6f %.0f', missing, now), 'PX', math.ceil(missing * MINUTE / limit / 1000))
return 0
"""

log = structlog.get_logger(__name__)


class Away(Exception):
    """Redis did not answer in time, or not as it should. Let the call pass."""


class Buckets:
    """The buckets of one Redis; safe to share among threads, and after a fork."""

    def __init__(self, url: str) -> None:
        bounded = {"socket_timeout": _PATIENCE, "socket_connect_timeout": _PATIENCE, "retry": Retry(NoBackoff(), 0)}
        self._take = Redis.from_url(url, **bounded).register_script(_TAKE)
        self._asks_again_at = self._tells_again_at = 0.0

    def take(self, name: str, *, limit: int, cost: int) -> float:
        """Take `cost` of `limit` a minute: 0 if it was there, else the seconds until it will be. Raises Away."""
        if time.monotonic() < self._asks_again_at:
            raise Away
        try:
            return int(self._take([f"enforcement:bucket:{name}"], [limit, cost])) / 1000
        except (RedisError, OSError) as error:
            self._note(error)
            raise Away from error

    def _note(self, error: Exception) -> None:
        now = time.monotonic()
        self._asks_again_at = now + _PAUSE
        if now >= self._tells_again_at:
            self._tells_again_at = now + _QUIET
            log.warning("limits.not_counted", why=type(error).__name__)


@cache
def buckets() -> Buckets:
    """This process's own."""
    return Buckets(settings.REDIS_URL)
