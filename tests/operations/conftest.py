"""A whole service on the tests' database, started by the commands that production starts it with."""

import os
import shutil
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection


def database_url() -> str:
    """The tests' own database, for processes that we start."""
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}"))


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is missing: devservices/system-programs installs it")
    return found
