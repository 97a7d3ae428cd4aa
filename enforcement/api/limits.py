"""Who sends too much is told 429, by whose limit, and when to come again."""

import math
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from enforcement.api.authentication import caller_of
from enforcement.api.problems import Problem
from enforcement.services import limits


class ClientLimit(BaseThrottle):
    """Every call costs 1 before it is looked at: what is refused for another reason is no way round."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if request.user is not None:  # the schema is open, and nobody's
            _spend(request, 1, whole=1)
        return True


def charge_items(request: Request, items: int) -> None:
    """Evidence costs 1 an item; the first was paid with the call."""
    if items > 1:
        _spend(request, items - 1, whole=items)


def _spend(request: Request, cost: int, *, whole: int) -> None:
    client = caller_of(request).client
    wait = math.ceil(limits.spend(client, cost, whole=whole))
    if wait:
        raise Problem(
            429,
            f"{client.name} has {limits.per_minute(client):,} calls or items of evidence a minute, and this is "
            f"{whole:,}: come again in {wait:,} s.",
            headers={"Retry-After": str(wait)},
        )
