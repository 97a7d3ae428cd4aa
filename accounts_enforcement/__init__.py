"""The project: wiring only."""

from accounts_enforcement.celery import app as celery_app

__all__ = ["celery_app"]
