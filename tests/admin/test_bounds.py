"""Lists cost the same whether ten rows are there or ten million."""

from collections.abc import Callable

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from enforcement.models import Account, Case, Client, PolicyVersion
from enforcement.services import appeals, clock
from tests.admin.conftest import questions
from tests.conftest import make_account
from tests.stage import answer_mail, see, sighting, suspended

pytestmark = pytest.mark.django_db

Open = Callable[[User], Browser]
LISTS = [
    *(
        f"enforcement_{noun}"
        for noun in (
            "case",
            "account",
            "evidence",
            "daytally",
            "decision",
            "memo",
            "restriction",
            "appeal",
            "policyversion",
        )
    ),
    "notifications_message",
]


def suspend_another(number: int, detector: Client) -> None:
    """One more row of every noun."""
    case = suspended(make_account(f"account-{number}"), detector)
    answer_mail()
    appeals.file(decision_id=case.decisions.latest("pk").pk, statement="Not us.", now=clock.now())


def queries(browser: Browser, page: str) -> int:
    return len(questions(browser, page))


def test_no_list_asks_more_for_more_rows(
    detector: Client, policy: PolicyVersion, officer: User, browser_of: Open
) -> None:
    browser = browser_of(officer)
    pages = [reverse(f"admin:{name}_changelist") for name in LISTS]
    suspend_another(0, detector)
    few = {page: queries(browser, page) for page in pages}
    for number in range(1, 5):
        suspend_another(number, detector)
    assert {page: queries(browser, page) for page in pages} == few
    assert max(few.values()) <= 12


def test_a_case_with_a_long_history_asks_no_more(
    detector: Client, policy: PolicyVersion, officer: User, browser_of: Open
) -> None:
    account, browser = make_account("long"), browser_of(officer)
    case = suspended(account, detector)
    page = reverse("admin:enforcement_case_change", args=[case.pk])
    answer_mail()
    decision = case.decisions.latest("pk")
    appeals.file(decision_id=decision.pk, statement="Not us.", now=clock.now())
    once = queries(browser, page)
    for _ in range(3):
        case.appeals.filter(status="open").update(
            status="upheld", decided_at=clock.now(), decided_by=officer, reason="It is."
        )
        appeals.file(decision_id=decision.pk, statement="Not us.", now=clock.now())
    assert queries(browser, page) <= once
    assert once <= 12


def test_the_page_of_any_row_asks_at_most_twelve_times(
    written_by_strangers: Case, officer: User, browser_of: Open
) -> None:
    browser = browser_of(officer)
    for model in admin.site._registry:
        if model in (User, Group):
            continue
        row = model._default_manager.latest("pk")
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        assert queries(browser, reverse(name, args=[row.pk])) <= 12, name


def test_each_confirmation_asks_at_most_twelve_times(due_case: Case, officer: User, browser_of: Open) -> None:
    browser = browser_of(officer)
    for step in ("restrict", "suspend", "block", "dismiss", "reinstate"):
        assert queries(browser, reverse("admin:enforcement_case_step", args=[due_case.pk, step])) <= 12, step


@pytest.mark.parametrize("page", ["", "last"])
def test_no_list_counts_its_rows_or_skips_any(
    detector: Client, policy: PolicyVersion, officer: User, browser_of: Open, page: str
) -> None:
    suspend_another(0, detector)
    browser = browser_of(officer)
    for name in LISTS:
        with CaptureQueriesContext(connection) as captured:
            browser.get(reverse(f"admin:{name}_changelist"), {"p": page})
        read = [each["sql"] for each in captured if f'FROM "{name}"' in each["sql"]]
        assert read, name
        assert not [sql for sql in read if "COUNT(" in sql and "LIMIT 100)" not in sql], name
        assert not [sql for sql in read if "OFFSET" in sql], name


def test_evidence_of_one_account_is_found_by_its_id_newest_first(
    detector: Client,
    account_outside: Account,
    account_at_home: Account,
    policy: PolicyVersion,
    officer: User,
    browser_of: Open,
) -> None:
    see(detector, sighting(account_outside, clock.now()), sighting(account_at_home, clock.now()))
    browser, page = browser_of(officer), reverse("admin:enforcement_evidence_changelist")
    found = browser.get(page, {"q": "shenzhen"}).context["cl"].result_list
    assert [row.account for row in found] == [account_outside]
    assert not browser.get(page, {"q": "shenz"}).context["cl"].result_list


@pytest.mark.parametrize(
    "query", ["o=3.-7", "o=x", "p=0", "p=9999", "p=x", "p=after.x:y", "all=", "q=%00", "q=" + "x" * 9000]
)
def test_no_address_makes_a_list_fail(in_review: object, officer: User, browser_of: Open, query: str) -> None:
    for name in LISTS:
        answer = browser_of(officer).get(f"{reverse(f'admin:{name}_changelist')}?{query}", follow=True)
        assert answer.status_code == 200


def test_no_filter_counts_what_it_would_leave(in_review: object, officer: User, browser_of: Open) -> None:
    browser = browser_of(officer)
    for name in LISTS:
        page = reverse(f"admin:{name}_changelist")
        plain = queries(browser, page)
        assert queries(browser, f"{page}?_facets=True") == plain, name
        assert "_facets" not in browser.get(page).content.decode(), name


@pytest.mark.parametrize("query", ["requests__gt=5", "account__name__regex=(a%2B)%2B", "details__contains=x"])
def test_a_list_is_not_filtered_by_what_has_no_index(
    in_review: object, officer: User, browser_of: Open, query: str
) -> None:
    answer = browser_of(officer).get(f"{reverse('admin:enforcement_evidence_changelist')}?{query}")
    assert answer.status_code == 400
