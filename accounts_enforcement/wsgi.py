"""The web process (granian serves it)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accounts_enforcement.settings")
application = get_wsgi_application()
