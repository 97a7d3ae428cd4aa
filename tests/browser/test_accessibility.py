"""What axe and HTML_CodeSniffer (pa11y, WCAG 2 AA) find on the console's pages: nothing but what is named here."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client as Session
from django.urls import reverse

from devservices.engines import local_directory
from enforcement.models import ApiKey, Appeal, Brake, BrakePull, Case, Client, Exemption, Memo
from enforcement.rules.transitions import Step
from enforcement.services import appeals, brake, clock, exemptions
from tests.browser.conftest import CHROMIUM, QUIET, serving, session_of

NODE = local_directory() / "node" / "node_modules"
HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and NODE.exists() and shutil.which("node")),
    reason="There is no chromium, node or pa11y here; as root devservices/system-programs installs them.",
)
Findings = dict[str, dict[str, Any]]

# The HTML of a mail stands in a sandbox that runs no script: none of a stranger's, and none of axe's. Whoever cannot
# see it reads the same words as text, above it.
REMAINING = {"page of memo": ["frame-tested"], "page of message": ["frame-tested"]}


@dataclass(frozen=True)
class Look:
    """A page that is opened, or what is answered to a form."""

    address: str
    form: dict[str, str] = field(default_factory=dict)
    as_stranger: bool = False


def look(site: str, pages: dict[str, Look], person: User, scheme: str = "light") -> Findings:
    session = f"{settings.SESSION_COOKIE_NAME}={session_of(person)}"
    asked = {
        "chromium": CHROMIUM,
        "flags": QUIET,
        "scheme": scheme,
        "pages": [_asked(site, name, page, session) for name, page in pages.items()],
    }
    done = subprocess.run(
        ["node", HERE / "look.cjs"], input=json.dumps(asked), env=os.environ | {"NODE_PATH": str(NODE)}, text=True,
        capture_output=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: Findings = json.loads(done.stdout)
    return found


TOKEN = "t" * 32  # the same in a form and in its cookie


def _asked(site: str, name: str, page: Look, session: str) -> dict[str, Any]:
    cookies = [*([] if page.as_stranger else [session]), *([f"csrftoken={TOKEN}"] if page.form else [])]
    form = page.form | {"csrfmiddlewaretoken": TOKEN} if page.form else None
    return {"name": name, "url": site + page.address, "cookie": "; ".join(cookies), "form": form}


def every_page(case: Case) -> dict[str, Look]:
    """Every list, a page of every noun, the pages that ask, and what is answered to a form that is wrong."""
    models = [model for model in admin.site._registry if model not in (User, Group)]
    names = {
        model._meta.verbose_name: (model, f"admin:{model._meta.label_lower.replace('.', '_')}") for model in models
    }
    queue = reverse("admin:enforcement_case_changelist")
    step = reverse("admin:enforcement_case_step", args=[case.pk, "reinstate"])
    return {
        "log-in": Look(reverse("admin:login"), as_stranger=True),
        "log-in, refused": Look(reverse("admin:login"), {"username": "nobody", "password": "x"}, as_stranger=True),
        "lockout": Look(reverse("admin:login"), {"username": "robot", "password": "x"}, as_stranger=True),
        "home": Look(reverse("admin:index")),
        "password": Look(reverse("admin:password_change")),
        "password, refused": Look(reverse("admin:password_change"), {"old_password": "x"}),
        **{f"list of {noun}": Look(reverse(f"{name}_changelist")) for noun, (_, name) in names.items()},
        **{f"page of {noun}": Look(_latest(model, name)) for noun, (model, name) in names.items()},
        "queue, by state": Look(f"{queue}?state=suspended&sort=points"),
        "queue, with nothing in it": Look(f"{queue}?q=nothing"),
        "brake": Look(reverse("admin:enforcement_brake")),
        "brake, release": Look(reverse("admin:enforcement_brake_act", args=["mail", "propose"])),
        "step": Look(step),
        "step, without a reason": Look(step, {"version": str(case.version)}),
        "hold": Look(reverse("admin:enforcement_case_clock", args=[case.pk, "hold"])),
        "more time, refused": Look(reverse("admin:enforcement_case_clock", args=[case.pk, "extend"]), {"reason": "x"}),
        "exempt": Look(reverse("admin:enforcement_account_exempt", args=[case.account_id])),
        "appeal": Look(reverse("admin:enforcement_appeal_overturn", args=[Appeal.objects.get().pk])),
    }


def _latest(model: Any, name: str) -> str:
    return reverse(f"{name}_change", args=[model._default_manager.latest("pk").pk])


def codes(found: Findings) -> dict[str, list[str]]:
    return {name: [issue["code"] for issue in page["issues"]] for name, page in found.items() if page["issues"]}


def told(found: Findings) -> str:
    return "\n".join(
        f"{name}: {issue['code']} {issue['selector']}: {issue['message'][:120]}"
        for name, page in found.items()
        for issue in page["issues"]
    )


@pytest.fixture
def one_of_everything(suspended_case: Case, detector: Client, officer: User) -> Case:
    ApiKey.objects.create(client=detector, prefix="aek_1", digest=b"digest")
    suspension = suspended_case.decisions.get(step=Step.SUSPEND)
    appeals.file(decision_id=suspension.pk, statement="That was our edge in Hong Kong.", now=clock.now())
    exemptions.grant(
        account_id=suspended_case.account_id, scope=Exemption.Scope.TERRITORY, value="CN", reason="A pilot.",
        by=officer, ends_at=clock.now() + timedelta(days=30), now=clock.now(),
    )  # fmt: skip
    brake.pull(Brake.What.MAIL, BrakePull.Cause.MANUAL, "Odd figures.", now=clock.now())
    return suspended_case


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_found_on_any_page_but_what_is_named(
    scheme: str, site: str, one_of_everything: Case, officer: User
) -> None:
    call_command("figures")  # the plots of the first page
    for _ in range(settings.AXES_FAILURE_LIMIT):
        Session().post(reverse("admin:login"), {"username": "robot", "password": "x"})
    pages = every_page(one_of_everything)
    found = look(site, pages, officer, scheme)
    assert all("Accounts Enforcement" in each["title"] for each in found.values())  # no page of an error
    assert codes(found) == REMAINING, told(found)


@pytest.fixture
def stock_site(django_db_setup: None, tmp_path: Path) -> Iterator[str]:
    with serving(tmp_path, DJANGO_SETTINGS_MODULE="tests.browser.stock") as address:
        yield address


def test_where_something_remains_the_stock_admin_has_no_less(stock_site: str, suspended_case: Case) -> None:
    pages = {"page of memo": Look(_latest(Memo, "admin:enforcement_memo"))}
    stock = codes(look(stock_site, pages, User.objects.create_superuser("root")))
    assert len(stock["page of memo"]) >= len(REMAINING["page of memo"])
