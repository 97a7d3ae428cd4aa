"""Is the process alive, and can it work?"""

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe


@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """The database answers and its tables are ours. Redis is not asked: the web process does not need it."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, InterfaceError):
        return JsonResponse({"status": "unavailable", "why": "the database is away"}, status=503)
    if pending:
        return JsonResponse({"status": "unavailable", "why": f"{len(pending)} migrations are pending"}, status=503)
    return JsonResponse({"status": "ok"})
