"""The answer to whoever guessed too often at a password: no way in for now, and when there is one again."""

from datetime import timedelta
from math import ceil
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off, get_failure_limit
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone


def turn_away(request: HttpRequest, _: HttpResponse | None, credentials: dict[str, Any] | None) -> HttpResponse:
    """429, as AXES_LOCKOUT_CALLABLE. Nothing on it depends on whether anybody has the name that was tried."""
    limit = get_failure_limit(request, credentials)
    wait = _wait(request, credentials, limit)
    context = {
        **admin.site.each_context(request),
        "title": "Too many wrong passwords",
        "limit": limit,
        "minutes": ceil(wait / timedelta(minutes=1)),
    }
    answer = render(request, "admin/enforcement/lockout.html", context, status=429)
    answer["Retry-After"] = str(ceil(wait.total_seconds()))
    return answer


def _wait(request: HttpRequest, credentials: dict[str, Any] | None, limit: int) -> timedelta:
    """Until so many tries are forgotten that fewer than `limit` are left; like sessions, by the real clock.

    There is a row for each browser that tried, with the time of the last of its tries that counted.
    """
    now, cool_off = timezone.now(), get_cool_off(request) or timedelta()
    for attempts in AxesProxyHandler.get_implementation().get_user_attempts(request, credentials):
        failures = 0
        for attempt in attempts.order_by("-attempt_time"):
            failures += attempt.failures_since_start
            if failures >= limit:
                return max(attempt.attempt_time + cool_off - now, timedelta(seconds=1))
    return timedelta(seconds=1)  # they were forgotten while we looked
