"""Whatever strangers wrote, and whatever somebody managed to plant, no script of theirs runs (F58)."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.urls import reverse
from playwright.sync_api import Page, Route, expect

from benchmarks.unguarded import unguarded
from enforcement.models import Account, Appeal, Case, Contact, Decision, Evidence, Memo
from tests.browser.conftest import OpenAs, Watch

# Each would set `hit`, open a dialog, or ask another host. For the console's theme: its expressions, too.
PAYLOADS = [
    "<script>window.hit=1</script>",
    "<img src=x onerror='window.hit=1'>",
    "<svg onload=window.hit=1>",
    "<svg><script href='data:text/javascript,window.hit=1'/></svg>",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "<a href='javascript:window.hit=1' autofocus onfocus=window.hit=1>x</a>",
    "javascript:window.hit=1//",
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='window.hit=1'/>",
    '"><script>window.hit=1</script>',
    "' x-init='window.hit=1' x-data='{}",
    "'); window.hit=1; ('",
    "{{constructor.constructor('window.hit=1')()}} {% load i18n %} ${window.hit=1} %s {0.__class__}",
    "</script><script>window.hit=1</script>",
    "</textarea></title></style><script>window.hit=1</script>",
    "<link rel=stylesheet href=https://tracker.example/x.css><img src=https://tracker.example/x.png>",
    "<div hx-get='https://tracker.example/' hx-trigger='load'></div>",
    "W" * 2000,
]
WORDS = " ".join(PAYLOADS)


@pytest.fixture
def hostile(written_by_strangers: Case) -> Case:
    """Every word that comes from outside is a script that wants to run."""
    case = written_by_strangers
    Account.objects.update(name=WORDS[:200], plan=PAYLOADS[0], timezone=PAYLOADS[3][:64])
    for number, payload in enumerate(PAYLOADS):
        name = f"hostile-{number}"
        account = Account.objects.create(external_id=name, name=payload[:200])
        Contact.objects.create(account=account, role=Contact.Role.OWNER, email=f"{name}@x.test")
    evidence = Evidence.objects.latest("pk")
    evidence.details = {payload: [payload] for payload in PAYLOADS}
    evidence.credential = evidence.source = evidence.end_user = PAYLOADS[0]
    with unguarded("enforcement_evidence"):
        evidence.save()
    for decision in Decision.objects.all():
        decision.facts["lines"] = PAYLOADS
        decision.facts["rows"] = [{**decision.facts["rows"][0], "credential": each[:128]} for each in PAYLOADS]
        decision.reason = WORDS
        with unguarded("enforcement_decision"):
            decision.save()
    with unguarded("enforcement_appeal", "enforcement_memo"):
        Appeal.objects.update(statement=WORDS)
        Memo.objects.update(subject=PAYLOADS[0], text=WORDS, html=WORDS)
    call_command("figures")  # the plots of the first page
    return case


def pages_of(case: Case) -> list[str]:
    """Every list, a page of every noun, the pages that ask, and addresses that carry the words themselves."""
    models = [model for model in admin.site._registry if model not in (User, Group)]
    names = [(model, f"admin:{model._meta.app_label}_{model._meta.model_name}") for model in models]
    queue, appeal = reverse("admin:enforcement_case_changelist"), Appeal.objects.get()
    return [
        reverse("admin:index"),
        *(reverse(f"{name}_changelist") for _, name in names),
        *(reverse(f"{name}_change", args=[model._default_manager.latest("pk").pk]) for model, name in names),
        reverse("admin:enforcement_account_change", args=[case.account_id]),
        reverse("admin:enforcement_case_step", args=[case.pk, "reinstate"]),
        reverse("admin:enforcement_appeal_overturn", args=[appeal.pk]),
        f"{queue}?q='><script>window.hit=1</script>&state=<script>window.hit=1</script>&p=<svg onload=window.hit=1>",
        f"{queue}#'); window.hit=1; ('",
        f"{reverse('admin:login')}?next=javascript:window.hit=1",
    ]


def hit(page: Page) -> bool:
    return bool(page.evaluate("'hit' in window"))


# What the browser says of the frame in which a mail is shown: it runs nothing, and the policies let it ask nobody.
FENCE = (
    "tracker.example",
    "the 'allow-scripts' permission is not set",
    "\"default-src 'none'\"",
    "\"style-src 'unsafe-inline'\"",
)


@pytest.fixture
def fenced(open_as: OpenAs, watch: Watch) -> Iterator[None]:
    yield
    watch.complaints[:] = [each for each in watch.complaints if not any(words in each for words in FENCE)]


def test_stored_hostile_evidence_is_inert_on_every_page(
    hostile: Case, officer: User, open_as: OpenAs, fenced: None
) -> None:
    page = open_as(officer)
    for address in pages_of(hostile):
        answer = page.goto(address)
        assert answer is not None
        assert answer.ok, address
        page.wait_for_load_state("load")
        assert not hit(page), address
        assert not page.locator("[onerror], [onload], [onfocus], a[href^='javascript:' i]").count(), address
        assert not page.locator("[hx-get^='http'], [src*='tracker'], [href*='tracker']").count(), address


def test_long_unbroken_words_widen_no_page(hostile: Case, officer: User, open_as: OpenAs) -> None:
    page = open_as(officer)
    for address in [reverse("admin:enforcement_case_changelist"), *pages_of(hostile)[-6:-3]]:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address


PLANTED = (
    "<script>window.hit = 1</script>"
    "<img src='/static/nothing.png' onerror='window.hit = 2'>"
    "<script src='https://tracker.example/x.js'></script>"
    "<script src='data:text/javascript,window.hit=3'></script>"
    "<iframe src='javascript:parent.hit = 4'></iframe>"
    "<base href='https://tracker.example/'>"
    "<img src='https://tracker.example/x.png'>"
    "<link rel='stylesheet' href='https://tracker.example/x.css'>"
    "<p id='planted'>planted</p>"
)


@pytest.mark.parametrize("address", ["/admin/", "/admin/login/", "/api/docs/"])
def test_a_script_that_is_planted_in_a_page_does_not_run_and_asks_nobody(
    address: str, officer: User, open_as: OpenAs, watch: Watch
) -> None:
    """As if escaping had failed: what stands in the page is stopped by the policy that came with it."""
    page = open_as(officer if address == "/admin/" else None)
    page.route(f"**{address}", _plant)
    page.goto(address)
    expect(page.locator("#planted")).to_be_attached()
    page.wait_for_load_state("networkidle")
    assert not hit(page)
    assert watch.asked_elsewhere == []
    refused = [each for each in watch.complaints if "Content Security Policy" in each]
    assert len(refused) >= 6
    watch.complaints.clear()  # what was refused is what we came to see


def test_the_planted_script_would_run_without_the_policy(officer: User, open_as: OpenAs, watch: Watch) -> None:
    """Or the test above would prove nothing."""
    page = open_as()
    page.route("**/admin/login/", lambda route: _plant(route, without="content-security-policy"))
    page.route("https://tracker.example/**", lambda route: route.abort())
    page.goto("/admin/login/")
    page.wait_for_load_state("networkidle")
    assert hit(page)
    assert watch.asked_elsewhere
    watch.asked_elsewhere.clear()
    watch.complaints.clear()


def _plant(route: Route, without: str = "") -> None:
    answer = route.fetch()
    headers = {name: value for name, value in answer.headers.items() if name != without}
    route.fulfill(response=answer, headers=headers, body=answer.text().replace("</body>", f"{PLANTED}</body>"))


def test_the_documentation_of_the_api_works_under_the_policy(open_as: OpenAs) -> None:
    page = open_as()
    page.goto("/api/docs/")
    page.get_by_text("Send what a detector saw").click()
    expect(page.get_by_text("Every item is answered exactly once")).to_be_visible()
    page.get_by_role("button", name="Authorize").first.click()
    expect(page.get_by_role("heading", name="Available authorizations")).to_be_visible()


@contextmanager
def another_site(html: str) -> Iterator[str]:
    """A page of somebody else's, at an address of its own."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_no_other_site_shows_our_pages_in_a_frame(officer: User, site: str, open_as: OpenAs, watch: Watch) -> None:
    page = open_as(officer)
    page.goto("/admin/")
    with another_site(f"<iframe src='{site}/admin/'></iframe><p>bait</p>") as elsewhere:
        page.goto(elsewhere)
        expect(page.get_by_text("bait")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert [frame for frame in page.frames if frame.url.startswith(site)] == []
    assert any("frame-ancestors" in each or "X-Frame-Options" in each for each in watch.complaints)
    watch.complaints.clear()
    watch.asked_elsewhere.clear()
