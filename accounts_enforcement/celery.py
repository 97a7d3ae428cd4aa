"""The Celery application. Beat knows one phrase, "look now"; every deadline is a row in PostgreSQL."""

import os
from io import StringIO

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accounts_enforcement.settings")

app = Celery("accounts_enforcement")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_django_logging(**_: object) -> None:
    """Celery would replace the root logger's handlers; ours already write what operators read."""


@worker_init.connect
@beat_init.connect
def check_settings(**_: object) -> None:
    """Workers and beat refuse to start with settings that are known to lose or repeat work."""
    call_command("check", stdout=StringIO())  # its praise is no log line; what it finds is raised


@worker_init.connect
def check_eviction(**_: object) -> None:
    """Any policy but noeviction drops queued tasks without an error to anybody."""
    with app.connection_for_read() as connection:
        policy = connection.default_channel.client.config_get("maxmemory-policy")["maxmemory-policy"]
    if policy != "noeviction":
        raise ImproperlyConfigured(f"Redis evicts ({policy}); set maxmemory-policy to noeviction.")
