"""The path without notice in the console: its page says plainly what happens, and counsel has a say."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from enforcement.models import Account, Case, Decision, GagEnd, Memo, PolicyVersion, Restriction
from enforcement.services import clock, staff
from enforcement.services.roles import Role
from tests.admin.test_buttons import held_of, page_of, press, step_of, steps_on
from tests.integration.test_restrict_now import GOES_ON
from tests.stage import DAY, the_case

pytestmark = pytest.mark.django_db

Open = Callable[[User], Browser]
BUTTON = "Restrict without notice"
GROUNDS = {"basis": "order", "legal_basis": "Order 12/2026 of the court at Example.", "scope": "traffic", "told": "now"}


@pytest.fixture
def counsel(db: None) -> User:
    return staff.create("cora", email="cora@provider.test", role=Role.COUNSEL, password=None)


def door_of(account: Account) -> str:
    return reverse("admin:enforcement_account_restrict_now", args=[account.pk])


def page_of_account(account: Account) -> str:
    return reverse("admin:enforcement_account_change", args=[account.pk])


def words_of(browser: Browser, page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", browser.get(page).content.decode())).replace(" ,", ",")


def proposed(browser: Browser, account: Account, **given: Any) -> Decision:
    _, told = press(browser, door_of(account), **GROUNDS | given)
    assert "is held until enough people agree" in told
    return Decision.objects.get()


def test_an_officer_proposes_on_the_account_and_counsel_agrees_on_the_case(
    account_outside: Account, policy: PolicyVersion, officer: User, counsel: User, browser_of: Open
) -> None:
    assert steps_on(browser_of(officer), page_of_account(account_outside)) == [BUTTON]
    decision = proposed(browser_of(officer), account_outside)
    page = page_of(the_case(account_outside))
    assert steps_on(browser_of(counsel), page) == [
        "Approve the restriction without notice", "Refuse the restriction without notice",
    ]  # fmt: skip
    press(browser_of(counsel), held_of(decision, "approve"))
    decision.refresh_from_db()
    assert (decision.status, decision.approved_by, Restriction.objects.count()) == ("applied", counsel, 1)


def test_the_page_says_what_happens_without_notice_and_when_the_account_is_told(
    account_outside: Account, policy: PolicyVersion, officer: User, counsel: User, browser_of: Open
) -> None:
    words = words_of(browser_of(officer), door_of(account_outside))
    for said in (
        "refuses the moment enough people have agreed, before the account hears of it",
        "At once, from a date, or when a gag ends",
        "Nothing follows by itself",
        "so that counsel is among you",
        "A new one is opened",
        "No deadline runs any more",
    ):
        assert said in words
    date = clock.now() + 10 * DAY
    decision = proposed(browser_of(officer), account_outside, told="date", told_from=f"{date:%Y-%m-%dT%H:%M}")
    words = words_of(browser_of(counsel), held_of(decision, "approve"))
    for said in (f"Not before {date:%Y-%m-%d %H:%M} UTC", "order of a court or an authority", GROUNDS["legal_basis"]):
        assert said in words


def test_who_may_not_is_offered_nothing_and_refused_at_the_door(
    account_outside: Account, policy: PolicyVersion, somebody: User, browser_of: Open
) -> None:
    browser, role = browser_of(somebody), somebody.groups.get().name
    may = role in (Role.OFFICER, Role.LEAD, Role.COUNSEL)
    assert steps_on(browser, page_of_account(account_outside)) == ([BUTTON] if may else [])
    assert browser.get(door_of(account_outside)).status_code == (200 if may else 403)
    assert browser.post(door_of(account_outside), GROUNDS).status_code == (422 if may else 403)
    assert not Case.objects.exists()


def test_counsel_is_offered_nothing_else_on_a_case(warned_case: Case, counsel: User, browser_of: Open) -> None:
    assert steps_on(browser_of(counsel), page_of(warned_case)) == [BUTTON]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"basis": ""}, "basis"),
        ({"legal_basis": " "}, "legal_basis"),
        ({"told": "date"}, "told_from"),
        ({"told": "gag", "told_from": "2099-01-01T10:00"}, "told_from"),
        ({"told_from": "soon"}, "told_from"),
        ({"scope": "keys"}, "credentials"),
        ({"reason": ""}, "reason"),
    ],
)
def test_a_form_that_is_not_whole_says_which_field(
    account_outside: Account,
    policy: PolicyVersion,
    counsel: User,
    browser_of: Open,
    given: dict[str, str],
    field: str,
) -> None:
    answer = browser_of(counsel).post(door_of(account_outside), {"reason": "Ordered.", **GROUNDS, **given})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert not Case.objects.exists()


def test_a_gag_is_ended_on_the_page_of_the_case_by_counsel_or_a_lead(
    account_outside: Account, policy: PolicyVersion, officer: User, lead: User, counsel: User, browser_of: Open
) -> None:
    decision = proposed(browser_of(officer), account_outside, told="gag")
    press(browser_of(counsel), held_of(decision, "approve"))
    page, door = page_of(the_case(account_outside)), held_of(decision, "end_gag")
    assert "End the gag" not in steps_on(browser_of(officer), page)
    assert browser_of(officer).post(door, {"reason": "Over."}).status_code == 403
    assert "End the gag" in steps_on(browser_of(lead), page)
    _, told = press(browser_of(lead), door)
    assert told.endswith("is told now.")
    assert (GagEnd.objects.get().ended_by, Memo.objects.get().render_at <= clock.now()) == (lead, True)
    assert "End the gag" not in steps_on(browser_of(lead), page)
    words = words_of(browser_of(lead), page)
    assert "restrict_now: gag ended" in words
    assert GROUNDS["legal_basis"] in words
    assert "leo, lead" in words_of(browser_of(lead), reverse("admin:enforcement_decision_change", args=[decision.pk]))
    _, again = press(browser_of(lead), door)
    assert again == "No gag is on this decision."


def test_on_the_page_of_the_case_nothing_follows_and_only_ways_back_are_offered(
    account_outside: Account,
    activate: Callable[[str], PolicyVersion],
    officer: User,
    lead: User,
    counsel: User,
    browser_of: Open,
) -> None:
    activate(GOES_ON)
    decision = proposed(browser_of(officer), account_outside)
    press(browser_of(counsel), held_of(decision, "approve"))
    case = the_case(account_outside)
    assert "Nothing follows by itself. Only a decision changes this." in words_of(browser_of(lead), page_of(case))
    assert steps_on(browser_of(lead), page_of(case)) == ["Dismiss", "Reinstate"]
    assert "No memo has announced this step" in words_of(browser_of(lead), step_of(case, "suspend"))


def test_without_a_policy_the_page_says_that_a_case_needs_one(
    account_outside: Account, counsel: User, browser_of: Open
) -> None:
    _, told = press(browser_of(counsel), door_of(account_outside))
    assert told == "No policy is in force, and a case rests on one."


def test_an_account_that_is_not_there_is_404(counsel: User, browser_of: Open) -> None:
    assert browser_of(counsel).get(reverse("admin:enforcement_account_restrict_now", args=[0])).status_code == 404
