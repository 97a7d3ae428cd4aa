"""The Celery app of the baseline: the service's broker, a queue of its own, a task an item."""

from celery import Celery

QUEUE = "intake-baseline"

app = Celery("intake_baseline")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_default_queue=QUEUE,
    imports=("benchmarks.intake_baseline",),  # after Django has been set up
    beat_schedule={},
    worker_disable_prefetch=False,
    worker_prefetch_multiplier=4,
    worker_max_tasks_per_child=None,  # a thousand small tasks are no reason to start anew
)
