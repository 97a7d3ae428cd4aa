"""The baseline: Django's own admin, without a theme, over the same rows. A settings module and its addresses in one."""

from typing import Any

from accounts_enforcement.settings import *  # noqa: F403
from accounts_enforcement.settings import INSTALLED_APPS as OURS

ROOT_URLCONF = "tests.browser.stock_urls"
# The simple configuration looks for no admin of ours.
INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig" if each == "django.contrib.admin" else each
    for each in OURS
    if each != "unfold"
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
