import logging
from importlib import import_module

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models.signals import post_migrate

from accounts_enforcement import reporting


class ProjectConfig(AppConfig):
    name = "accounts_enforcement"
    verbose_name = "Accounts Enforcement"

    def ready(self) -> None:
        for name in ("checks", "task_log"):
            import_module(f"accounts_enforcement.{name}")  # registering needs the apps to be ready
        import_module("accounts_enforcement.metrics").start_at_nought()
        logging.captureWarnings(True)
        reporting.start(settings.SENTRY_DSN)
        if settings.OTLP_ENDPOINT:
            _start_tracing()
        for service, made in (("staff", "make_groups"), ("switches", "make")):
            make = getattr(import_module(f"enforcement.services.{service}"), made)  # and so do models
            post_migrate.connect(make, sender=apps.get_app_config("enforcement"), dispatch_uid=service)


def _start_tracing() -> None:
    try:
        tracing = import_module("accounts_enforcement.tracing")
    except ImportError as missing:
        raise ImproperlyConfigured(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and packages for traces are not installed: "
            f"pip install --require-hashes -r requirements-otel.txt ({missing})."
        ) from None
    tracing.start()
