"""Who sends too much is told 429, by whose limit, and when to come again."""

import math
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from enforcement.api.authentication import caller_of
from enforcement.api.problems import Problem
from enforcement.services import limits


class ClientLimit(BaseThrottle):
    """A call costs 1, unless its view charges for what is in it."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if request.user is not None:  # the schema is open, and nobody's
            charge(request, 1)
        return True


def charge(request: Request, cost: int) -> None:
    """Count a call against its client's limit. Raises Problem: 429, with the seconds after which it fits."""
    client = caller_of(request).client
    wait = math.ceil(limits.spend(client, cost))
    if wait:
        raise Problem(
            429,
            f"{client.name} has {limits.per_minute(client):,} calls or items of evidence a minute, and this is "
            f"{cost:,}: come again in {wait:,} s.",
            headers={"Retry-After": str(wait)},
        )
