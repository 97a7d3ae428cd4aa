"""Is the process alive, and can it work?"""

from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, ProgrammingError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from enforcement.rules.durations import format_duration
from enforcement.services import clock, readiness


@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """503 where this process cannot serve: the database is away, or its tables are not ours.

    What others are late with is told and named ("degraded"), and is no reason to take a web process out of service.
    Redis is not asked, since the web process does not need it: beat tells when it last spoke to it.
    """
    try:
        pending = _known_migrations() - MigrationRecorder(connection).applied_migrations().keys()
        if pending:
            return _unavailable(
                f"{len(pending)} migrations are pending", database="ok", pending_migrations=len(pending)
            )
        return JsonResponse(_document(readiness.look(now=clock.now(), limits=_limits())))
    except (OperationalError, InterfaceError):
        return _unavailable("the database is away", database="away")
    except ProgrammingError:
        return _unavailable("the tables are not those that the code expects", database="ok")


def _document(found: readiness.Readiness) -> dict[str, Any]:
    ages = {**found.oldest_due, **found.heartbeats}
    return {
        "status": "degraded" if found.late else "ok",
        "late": found.late,
        "database": "ok",
        "pending_migrations": 0,
        "brake_pulled": found.pulled,
        "oldest_due": {work: _duration(age) for work, age in found.oldest_due.items()},
        "last_heard": {name: _duration(age) for name, age in found.heartbeats.items()},
        "age_seconds": {name: age.total_seconds() if age is not None else None for name, age in ages.items()},
    }


def _duration(age: timedelta | None) -> str | None:
    return format_duration(age) if age is not None else None


@cache
def _limits() -> dict[str, timedelta]:
    return {name: timedelta(seconds=seconds) for name, seconds in settings.LATE_AFTER.items()}


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """What the code expects; files do not change under a running process."""
    return frozenset(MigrationLoader(None).disk_migrations)


def _unavailable(why: str, **more: Any) -> JsonResponse:
    return JsonResponse({"status": "unavailable", "why": why, **more}, status=503)
