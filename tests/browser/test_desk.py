"""A day at the desk, in a real browser: what staff see and press."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect

from enforcement.models import Account, Appeal, Case, Client, Decision, PolicyVersion
from enforcement.rules.transitions import Step
from enforcement.services import appeals, clock, review
from tests.browser.conftest import OpenAs
from tests.conftest import make_account
from tests.stage import see, sighting, the_case

PASSWORD = "correct-horse-9-battery"


@pytest.fixture
def two_in_review(account_outside: Account, detector: Client, policy: PolicyVersion) -> tuple[Case, Case]:
    other = make_account("moscow", "Moscow Agency GmbH", "RU")
    see(
        detector,
        sighting(account_outside, clock.now(), requests=4, credential="sk-…a1b2"),
        sighting(other, clock.now(), country="RU", requests=3),
    )
    return the_case(account_outside), the_case(other)


def log_in(page: Page, name: str) -> None:
    page.goto("/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def with_password(person: User) -> User:
    person.set_password(PASSWORD)
    person.save()
    return person


def take(page: Page, step: str, reason: str) -> None:
    """From a case's sheet: press the step, read the page that asks why, say why, and confirm."""
    page.get_by_role("link", name=step, exact=True).click()
    expect(page.get_by_role("heading", name="What this does")).to_be_visible()
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name=step, exact=True).click()


def test_an_officer_logs_in_works_the_queue_reads_a_sheet_warns_and_dismisses(
    two_in_review: tuple[Case, Case], officer: User, open_as: OpenAs
) -> None:
    with_password(officer)
    shenzhen, moscow = two_in_review
    page = open_as()
    log_in(page, "olga")

    page.get_by_role("link", name="Cases").first.click()
    expect(page.get_by_role("link", name=shenzhen.reference)).to_be_visible()
    expect(page.get_by_role("link", name=moscow.reference)).to_be_visible()

    page.get_by_role("link", name=shenzhen.reference).click()
    sheet = page.locator("body")
    expect(page.get_by_role("heading", name=shenzhen.reference)).to_be_visible()
    for words in ("Shenzhen Office Ltd", "owner@shenzhen.test", "sk-…a1b2", "CN", "Nothing was sent."):
        expect(sheet).to_contain_text(words)

    take(page, "Warn", "An office in Shenzhen; the log of the edge agrees.")
    expect(page.get_by_text("Done: the warning of")).to_be_visible()
    assert the_case(shenzhen.account).state == "warned"

    page.get_by_role("link", name="Cases").first.click()
    page.get_by_role("link", name=moscow.reference).click()
    take(page, "Dismiss", "A trip of a week.")
    expect(page.get_by_text("Done: the dismissal of")).to_be_visible()
    assert the_case(moscow.account).outcome == "dismissed"
    assert Decision.objects.filter(proposed_by=officer, status=Decision.Status.APPLIED).count() == 2

    page.get_by_role("link", name="Cases").first.click()
    expect(page.get_by_role("link", name=shenzhen.reference)).to_be_visible()
    expect(page.get_by_role("link", name=moscow.reference)).to_have_count(0)


def test_a_lead_approves_a_block_that_an_officer_proposed(
    suspended_case: Case, officer: User, lead: User, open_as: OpenAs
) -> None:
    assert suspended_case.due_at is not None
    clock.move_to(suspended_case.due_at)
    page = open_as(officer)
    page.goto(reverse("admin:enforcement_case_change", args=[suspended_case.pk]))
    take(page, "Block", "Three months, and no answer.")
    expect(page.get_by_text("is held until enough people agree")).to_be_visible()
    expect(page.get_by_role("link", name="Approve the block")).to_have_count(0)

    with_password(lead)
    page = open_as()
    log_in(page, "leo")
    page.get_by_role("link", name="Held decisions").first.click()
    page.get_by_role("link", name=suspended_case.reference).first.click()
    take(page, "Approve the block", "Looked at the facts again.")
    expect(page.get_by_text("Done: the block of")).to_be_visible()
    decision = Decision.objects.get(step=Step.BLOCK)
    assert (decision.proposed_by, decision.approved_by, decision.status) == (officer, lead, "applied")
    assert the_case(suspended_case.account).state == "blocked"


def test_an_appeal_is_overturned_and_the_account_is_free(suspended_case: Case, officer: User, open_as: OpenAs) -> None:
    suspension = suspended_case.decisions.get(step=Step.SUSPEND)
    appeal = appeals.file(decision_id=suspension.pk, statement="That was our edge in Hong Kong.", now=clock.now())
    page = open_as(officer)
    page.goto(reverse("admin:enforcement_appeal_change", args=[appeal.pk]))
    expect(page.get_by_text("That was our edge in Hong Kong.").first).to_be_visible()
    take(page, "Overturn the suspension", "They are right.")
    expect(page.get_by_text("The appeal is decided: ")).to_be_visible()
    assert Appeal.objects.get().status == "overturned"
    assert the_case(suspended_case.account).outcome == "reinstated"


def test_a_page_that_is_out_of_date_says_so_and_does_nothing(
    two_in_review: tuple[Case, Case], officer: User, lead: User, open_as: OpenAs
) -> None:
    case = two_in_review[0]
    page = open_as(officer)
    page.goto(reverse("admin:enforcement_case_step", args=[case.pk, "warn"]))
    review.propose(case_id=case.pk, step=Step.DISMISS, reason="No.", by=lead, now=clock.now(), version=case.version)
    page.get_by_label("Reason").fill("An office in Shenzhen.")
    page.get_by_role("button", name="Warn", exact=True).click()
    expect(page.get_by_text("Done:")).to_have_count(0)
    assert the_case(case.account).outcome == "dismissed"
