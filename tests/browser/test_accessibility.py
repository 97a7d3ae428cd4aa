"""The console has no more findings than the admin that Django ships (pa11y: axe and HTML_CodeSniffer, WCAG 2 AA)."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.urls import reverse

from devservices.engines import local_directory
from enforcement.models import Account, Case, Evidence, Memo
from tests.browser.conftest import CHROMIUM, QUIET, serving, session_of

NODE = local_directory() / "node" / "node_modules"
HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and NODE.exists() and shutil.which("node")),
    reason="There is no chromium, node or pa11y here; as root devservices/system-programs installs them.",
)
Findings = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def stock_site(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("stock"), DJANGO_SETTINGS_MODULE="tests.browser.stock") as address:
        yield address


def look(site: str, pages: dict[str, str], person: User, scheme: str = "light") -> Findings:
    cookie = f"{settings.SESSION_COOKIE_NAME}={session_of(person)}"
    asked = {
        "chromium": CHROMIUM,
        "flags": QUIET,
        "scheme": scheme,
        "pages": [
            {"name": name, "url": site + address, "cookie": "" if name == "log-in" else cookie}
            for name, address in pages.items()
        ],
    }
    done = subprocess.run(
        ["node", HERE / "look.cjs"], input=json.dumps(asked), env=os.environ | {"NODE_PATH": str(NODE)}, text=True,
        capture_output=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: Findings = json.loads(done.stdout)
    return found


def rows_of(noun: str, model: type[Any]) -> dict[str, str]:
    """A list and a page: the same addresses in both."""
    name = f"admin:enforcement_{model._meta.model_name}"
    latest = model._default_manager.latest("pk").pk
    return {
        f"list of {noun}": reverse(f"{name}_changelist"),
        f"page of {noun}": reverse(f"{name}_change", args=[latest]),
    }


def same_pages() -> dict[str, str]:
    return {
        "log-in": reverse("admin:login"),
        "first page": reverse("admin:index"),
        "password": reverse("admin:password_change"),
        **rows_of("cases", Case),
        **rows_of("accounts", Account),
        **rows_of("evidence", Evidence),
        **rows_of("memos", Memo),
    }


def ours_alone(case: Case) -> dict[str, str]:
    """Pages that Django's admin lacks; a form that asks before it does something is beside its form of a row."""
    return {
        "step": reverse("admin:enforcement_case_step", args=[case.pk, "reinstate"]),
        "queue, by state": f"{reverse('admin:enforcement_case_changelist')}?state=suspended",
    }


def number(found: Findings) -> dict[str, int]:
    return {name: len(each["issues"]) for name, each in found.items()}


def told(found: Findings) -> str:
    return "\n".join(
        f"{name}: {issue['code']} {issue['selector']}: {issue['message'][:120]}"
        for name, each in found.items()
        for issue in each["issues"]
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_the_console_has_more_findings_than_the_stock_admin(
    scheme: str, site: str, stock_site: str, suspended_case: Case, officer: User
) -> None:
    stock = number(look(stock_site, same_pages(), User.objects.create_superuser("root"), scheme))
    stock |= {"step": stock["page of cases"], "queue, by state": stock["list of cases"]}
    ours = look(site, same_pages() | ours_alone(suspended_case), officer, scheme)
    assert all("Accounts Enforcement" in each["title"] for each in ours.values())  # no page of an error
    worse = {name: each for name, each in ours.items() if len(each["issues"]) > stock[name]}
    assert not worse, told(worse)
