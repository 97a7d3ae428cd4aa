"""What every start looks at in the settings. Each line about the broker is a failure that was measured."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

_WHY = "docs/adr/0001-redis-is-a-doorbell.md tells why."


@register()
def check_broker(app_configs: Any, **_: Any) -> list[CheckMessage]:
    return [
        Error(sentence, hint=_WHY, id=f"enforcement.E00{number}")
        for number, (holds, sentence) in enumerate(_rules(), start=1)
        if not holds
    ]


@register()
def check_metrics(app_configs: Any, **_: Any) -> list[CheckMessage]:
    is_open = settings.METRICS_TOKEN or settings.METRICS_NETWORKS
    if not is_open or settings.METRICS_DIRECTORY:
        return []
    sentence = "/metrics is open, and each process counts for itself: every scrape tells of another one."
    return [
        Warning(sentence, hint="Set PROMETHEUS_MULTIPROC_DIR to a directory of this machine.", id="enforcement.W001")
    ]


def _rules() -> list[tuple[bool, str]]:
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    visible = options.get("visibility_timeout", 0)
    beat = settings.CELERY_BEAT_SCHEDULE.values()
    return [
        (
            visible == settings.CELERY_VISIBILITY_TIMEOUT and visible >= 4 * settings.CELERY_TASK_TIME_LIMIT,
            "The visibility timeout must be the same everywhere and four times the longest task.",
        ),
        (
            bool(options.get("socket_timeout") and options.get("socket_connect_timeout")),
            "The broker's sockets need timeouts: a frozen Redis would hang for ever.",
        ),
        (
            settings.CELERY_TASK_ACKS_LATE and not settings.CELERY_TASK_REJECT_ON_WORKER_LOST,
            "Tasks are acknowledged late, and not rejected when their worker is lost.",
        ),
        (
            settings.CELERY_WORKER_PREFETCH_MULTIPLIER == 1 and settings.CELERY_WORKER_DISABLE_PREFETCH,
            "Workers reserve no task ahead.",
        ),
        (settings.CELERY_RESULT_BACKEND is None, "There is no result backend: nobody reads results, and they grow."),
        (settings.CELERY_ACCEPT_CONTENT == ["json"], "Messages are JSON only."),
        (all("expires" in entry["options"] for entry in beat), "Every tick expires, so that none pile up."),
    ]
