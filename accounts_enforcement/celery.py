"""The Celery application. Beat knows one phrase, "look now"; every deadline is a row in PostgreSQL."""

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accounts_enforcement.settings")

app = Celery("accounts_enforcement")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_django_logging(**_: object) -> None:
    """Celery would replace the root logger's handlers; ours already write what operators read."""
