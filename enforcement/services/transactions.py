"""Transactions that another one made fail."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, transaction

_ATTEMPTS = 4
_LOST = ("40001", "40P01")  # serialization failure, deadlock: run again, the same may succeed

P = ParamSpec("P")
R = TypeVar("R")


def atomic_and_again(work: Callable[P, R]) -> Callable[P, R]:
    """Run the whole of `work` in one transaction, again if it lost against another one; other errors pass through.

    The order of locks prevents deadlocks among our own writers; this is for what the order cannot reach, such as
    somebody's SQL by hand.
    """

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(_ATTEMPTS - 1):
            try:
                with transaction.atomic():
                    return work(*args, **kwargs)
            except OperationalError as error:
                if getattr(error.__cause__, "sqlstate", None) not in _LOST:
                    raise
        with transaction.atomic():
            return work(*args, **kwargs)

    return run
