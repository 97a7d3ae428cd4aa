"""A real browser at the real web server, on the tests' database. It notes whatever no page may do."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Session
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from devservices.service import free_port, is_ready, start_web
from devservices.supervisor import Family
from tests.admin.conftest import (  # noqa: F401 - fixtures
    due_case,
    held,
    in_review,
    suspended_case,
    warned_case,
    written_by_strangers,
)

CHROMIUM = shutil.which("chromium")
# The browser's own errands would look like requests of our pages.
QUIET = [
    "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--disable-quic",
]  # fmt: skip
# Only where asked for: SCREENSHOTS=docs/screenshots ./run test tests/browser
SHOTS = Path(os.environ["SCREENSHOTS"]) if os.environ.get("SCREENSHOTS") else None


@contextmanager
def serving(directory: Path, **more: str) -> Iterator[str]:
    """The address of a web server whose database is the tests'."""
    database = settings.DATABASES["default"]["NAME"]
    url = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}"))
    port = free_port()
    found = {"DATABASE_URL": url, "PUBLIC_URL": f"http://127.0.0.1:{port}", **more}
    with Family(directory, os.environ | found) as family:
        start_web(family, port)
        family.wait_until(lambda: is_ready(port), "the web server is ready")
        yield found["PUBLIC_URL"]


@pytest.fixture(scope="module")
def site(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("web")) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One for a module: while it runs, this thread has an event loop, which tests elsewhere would stumble over."""
    if CHROMIUM is None:
        pytest.skip("There is no chromium here; as root devservices/system-programs installs it.")
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        environment.setenv(
            "DJANGO_ALLOW_ASYNC_UNSAFE", "1"
        )  # the loop is Playwright's, and none of our code runs in it
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


class Watch:
    """What the pages of a context did that no page of ours may do."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.asked_elsewhere: list[str] = []
        self.complaints: list[str] = []

    def over(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self._asked(request.url))
        context.on("requestfailed", lambda request: self._failed(request.url, request.failure))
        context.on("console", lambda message: self._said(message.type, message.text))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("dialog", lambda dialog: self._opened(dialog))

    def _asked(self, url: str) -> None:
        if not url.startswith((f"{self.site}/", "data:", "blob:", "about:")):
            self.asked_elsewhere.append(url)

    def _failed(self, url: str, why: str | None) -> None:
        """What the policy stopped was never sent."""
        if why == "csp" and url in self.asked_elsewhere:
            self.asked_elsewhere.remove(url)

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def _opened(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def check(self) -> None:
        assert self.asked_elsewhere == []
        assert self.complaints == []


OpenAs = Callable[..., Page]


@pytest.fixture
def watch(site: str) -> Watch:
    return Watch(site)


@pytest.fixture
def open_as(chromium: Browser, site: str, watch: Watch, transactional_db: None) -> Iterator[OpenAs]:
    """A page in a browser of its own, logged in as a person or not; in the end no host but ours was asked, nothing
    was refused by the policy, and no script failed."""
    contexts = []

    def opened(person: User | None = None, **options: Any) -> Page:
        options.setdefault("viewport", {"width": 1280, "height": 900})
        context = chromium.new_context(base_url=site, reduced_motion="reduce", **options)
        contexts.append(context)
        watch.over(context)
        if person is not None:
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session_of(person), "url": site}])
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()
    watch.check()


def session_of(person: User) -> str:
    session = Session()
    session.force_login(person)
    return str(session.cookies[settings.SESSION_COOKIE_NAME].value)


def shoot(page: Page, name: str, **options: Any) -> None:
    """A picture, where pictures are asked for."""
    if SHOTS:
        page.screenshot(path=SHOTS / f"{name}.png", **options)


@pytest.fixture(autouse=True)
def _one_database(transactional_db: None) -> None:
    """What a test writes is what the web server reads."""
    assert not connection.in_atomic_block
