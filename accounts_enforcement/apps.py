from importlib import import_module

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "accounts_enforcement"
    verbose_name = "Accounts Enforcement"

    def ready(self) -> None:
        import_module("accounts_enforcement.checks")  # registering needs the apps to be ready
