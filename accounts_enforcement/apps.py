from importlib import import_module

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ProjectConfig(AppConfig):
    name = "accounts_enforcement"
    verbose_name = "Accounts Enforcement"

    def ready(self) -> None:
        import_module("accounts_enforcement.checks")  # registering needs the apps to be ready
        make_groups = import_module("enforcement.services.staff").make_groups  # and so do models
        post_migrate.connect(make_groups, sender=apps.get_app_config("enforcement"), dispatch_uid="staff groups")
