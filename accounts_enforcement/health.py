"""Is the process alive, and can it work?"""

from functools import cache

from django.db import InterfaceError, OperationalError, ProgrammingError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from enforcement.rules.durations import format_duration
from enforcement.services import backlog, clock


@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """The database answers and its tables are ours. Redis is not asked: the web process does not need it.

    Late work is told, and is no reason to take a web process out of service.
    """
    try:
        pending = _known_migrations() - MigrationRecorder(connection).applied_migrations().keys()
        if pending:
            return _unavailable(f"{len(pending)} migrations are pending")
        ages = backlog.oldest_due(now=clock.now())
    except (OperationalError, InterfaceError):
        return _unavailable("the database is away")
    except ProgrammingError:
        return _unavailable("the tables are not those that the code expects")
    oldest = {work: format_duration(age) if age is not None else None for work, age in ages.items()}
    return JsonResponse({"status": "ok", "oldest_due": oldest})


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """What the code expects; files do not change under a running process."""
    return frozenset(MigrationLoader(None).disk_migrations)


def _unavailable(why: str) -> JsonResponse:
    return JsonResponse({"status": "unavailable", "why": why}, status=503)
