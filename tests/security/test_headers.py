"""What every answer tells a browser that it may do."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as ours
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client as Browser
from django.urls import reverse

from enforcement.models import Case
from tests.api.conftest import Caller

pytestmark = pytest.mark.django_db

STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# What answers, of every kind: pages, documents, files, redirects and errors, ours and Django's.
ADDRESSES = [
    "/", "/admin/", "/admin/login/", "/admin/nothing/", "/admin/jsi18n/", "/api/v1/cases", "/api/v1/nothing",
    "/api/docs/", "/api/docs/?script=", "/api/schema/", "/healthz", "/readyz", "/metrics",
    "/static/enforcement/admin.css", "/static/unfold/js/app.js", "/static/nothing.js",
]  # fmt: skip


def directives(policy: str) -> dict[str, str]:
    parts = (each.strip().partition(" ") for each in policy.split(";"))
    return {name: sources for name, _, sources in parts}


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("method", ["get", "post", "options"])
def test_every_answer_carries_every_header(address: str, method: str) -> None:
    headers = getattr(Browser(raise_request_exception=False), method)(address).headers
    assert directives(headers["Content-Security-Policy"])["frame-ancestors"] == "'none'"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "geolocation=()" in headers["Permissions-Policy"]


def test_a_host_that_is_not_ours_gets_them_too() -> None:
    answer = Browser().get("/admin/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("address", [each for each in ADDRESSES if not each.startswith(("/admin/", "/api/docs/"))])
def test_the_policy_is_strict_where_nothing_needs_more(address: str) -> None:
    policy = Browser().get(address).headers["Content-Security-Policy"]
    assert directives(policy) == directives(STRICT)


def test_the_console_may_do_what_its_theme_needs_and_runs_no_script_of_a_page(officer: User) -> None:
    browser = Browser()
    browser.force_login(officer)
    found = directives(browser.get(reverse("admin:index")).headers["Content-Security-Policy"])
    relaxed = {
        "script-src": "'self' 'unsafe-eval'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data:",
    }
    assert found == directives(STRICT) | relaxed


def test_the_documentation_draws_what_its_makers_wrote_and_runs_files_of_ours_only() -> None:
    for address in ("/api/docs/", "/api/docs/?script="):
        found = directives(Browser().get(address).headers["Content-Security-Policy"])
        style = found.pop("style-src")
        assert found == {each: of for each, of in directives(STRICT).items() if each != "style-src"} | {
            "img-src": "'self' data:"
        }
        assert re.fullmatch(r"'self' 'sha256-[\w+/]{43}='", style)


def test_no_page_of_ours_has_a_script_in_it(written_by_strangers: Case, officer: User) -> None:
    """Scripts are files; what stands between the tags is nothing, or numbers for a plot."""
    call_command("figures")
    browser = Browser()
    browser.force_login(officer)
    case = reverse("admin:enforcement_case_change", args=[written_by_strangers.pk])
    for address in ("/admin/login/", "/api/docs/", reverse("admin:index"), case, f"{case[:-7]}steps/reinstate/"):
        html = browser.get(address, follow=True).content.decode()
        assert "<script" in html
        assert not "".join(re.findall(r"<script(?![^>]*application/json)[^>]*>(.*?)</script", html, re.DOTALL)).strip()
        assert " onclick=" not in html


def test_pages_with_accounts_on_them_are_kept_by_no_cache(in_review: Case, officer: User) -> None:
    browser = Browser()
    browser.force_login(officer)
    answer = browser.get(reverse("admin:enforcement_case_change", args=[in_review.pk]))
    assert {"no-store", "private"} <= {each.strip() for each in answer.headers["Cache-Control"].split(",")}


def test_the_answers_of_the_api_are_kept_by_no_cache(reader: Caller, in_review: Case) -> None:
    for path in ("/cases", f"/cases/{in_review.reference}", "/accounts/shenzhen", "/accounts/nobody"):
        assert reader.get(path).headers["Cache-Control"] == "no-store"


# -- by setting ------------------------------------------------------------------------------------------------------


def with_environment(**variables: str) -> dict[str, Any]:
    """The settings as another process has them."""
    names = [
        "SECURE_HSTS_SECONDS", "SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY",
        "SESSION_COOKIE_SAMESITE", "SESSION_COOKIE_PATH", "SESSION_COOKIE_DOMAIN", "CSRF_COOKIE_NAME",
        "CSRF_COOKIE_SECURE", "CSRF_COOKIE_HTTPONLY", "CSRF_COOKIE_PATH", "CSRF_COOKIE_DOMAIN",
        "SECURE_PROXY_SSL_HEADER", "USE_X_FORWARDED_HOST", "DEBUG",
    ]  # fmt: skip
    told = f"{{name: getattr(settings, name) for name in {names}}}"
    program = f"import json; from django.conf import settings; print(json.dumps({told}))"
    said = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **variables}, cwd=Path(ours.BASE_DIR), check=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def test_over_tls_cookies_belong_to_this_host_alone_and_browsers_insist_on_tls() -> None:
    found = with_environment(PUBLIC_URL="https://policy.example.com")
    for cookie in ("SESSION", "CSRF"):
        assert found[f"{cookie}_COOKIE_NAME"].startswith("__Host-")
        # What a browser asks of such a name.
        assert (found[f"{cookie}_COOKIE_SECURE"], found[f"{cookie}_COOKIE_PATH"]) == (True, "/")
        assert found[f"{cookie}_COOKIE_DOMAIN"] is None
        assert found[f"{cookie}_COOKIE_HTTPONLY"]
    assert found["SESSION_COOKIE_SAMESITE"] == "Lax"
    assert found["SECURE_HSTS_SECONDS"] == 365 * 86400
    assert not found["DEBUG"]


def test_how_long_browsers_insist_is_a_setting() -> None:
    assert with_environment(PUBLIC_URL="https://a.example", HSTS_SECONDS="60")["SECURE_HSTS_SECONDS"] == 60
    assert with_environment(PUBLIC_URL="http://localhost:8000")["SECURE_HSTS_SECONDS"] == 0


def test_a_proxy_is_believed_only_where_there_is_one() -> None:
    assert with_environment(BEHIND_PROXY="false")["SECURE_PROXY_SSL_HEADER"] is None
    assert with_environment(BEHIND_PROXY="true")["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]
    assert not with_environment(BEHIND_PROXY="true")["USE_X_FORWARDED_HOST"]


def test_the_cookies_of_a_log_in_cannot_be_read_by_scripts(officer: User) -> None:
    officer.set_password("correct-horse-9-battery")
    officer.save()
    browser = Browser()
    browser.get(reverse("admin:login"))
    browser.post(reverse("admin:login"), {"username": "olga", "password": "correct-horse-9-battery"})
    assert {cookie.key for cookie in browser.cookies.values()} >= {ours.SESSION_COOKIE_NAME, ours.CSRF_COOKIE_NAME}
    for name in (ours.SESSION_COOKIE_NAME, ours.CSRF_COOKIE_NAME):
        assert browser.cookies[name]["httponly"]
        assert browser.cookies[name]["samesite"] == "Lax"
