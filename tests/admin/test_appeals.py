"""The desk of appeals: what is late first, who may answer, and what an answer brings about."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from enforcement.models import Account, Appeal, Case, Client, Decision, PolicyVersion
from enforcement.services import appeals, clock, review, staff, sweep
from enforcement.services.roles import Role
from tests.conftest import make_account
from tests.stage import DAY, answer_mail, pass_time, see, sighting, the_case, warned

pytestmark = pytest.mark.django_db

Open = Callable[[User], Browser]
LIST = "admin:enforcement_appeal_changelist"


def contest(case: Case) -> Appeal:
    """The newest decision of the case."""
    return appeals.file(decision_id=case.decisions.latest("pk").pk, statement="Not us.", now=clock.now())


def listed(browser: Browser, **query: str) -> list[int]:
    return [each.pk for each in browser.get(reverse(LIST), query).context["cl"].result_list]


def address_of(row: Appeal | Case) -> str:
    return reverse(f"admin:enforcement_{row._meta.model_name}_change", args=[row.pk])


def page_of(browser: Browser, row: Appeal | Case) -> str:
    return browser.get(address_of(row)).content.decode()


def buttons_on(browser: Browser, row: Appeal | Case) -> list[str]:
    return [button.words for button in browser.get(address_of(row)).context["buttons"]]


@pytest.fixture
def overdue(suspended_case: Case) -> Appeal:
    """An appeal against a suspension that nobody has decided in time."""
    filed = contest(suspended_case)
    pass_time(14 * DAY + timedelta(minutes=1))
    filed.refresh_from_db()
    return filed


@pytest.fixture
def three(detector: Client, policy: PolicyVersion, lead: User) -> list[Appeal]:
    """Three appeals in the order of their promises, the first of them late; and one that was answered."""
    cases = [warned(make_account(f"account-{number}"), detector) for number in range(4)]
    answered = contest(cases[3])
    appeals.decide(appeal_id=answered.pk, overturn=False, reason="It stands.", by=lead, now=clock.now())
    late = contest(cases[2])
    pass_time(10 * DAY)
    found = [late, contest(cases[0])]
    pass_time(DAY)
    found.append(contest(cases[1]))
    pass_time(3 * DAY + timedelta(minutes=1))
    return found


def test_what_has_waited_longest_for_what_was_promised_comes_first(
    three: list[Appeal], officer: User, browser_of: Open
) -> None:
    browser, inorder = browser_of(officer), [each.pk for each in three]
    assert listed(browser) == inorder
    assert listed(browser, status="open") == inorder


def test_a_late_appeal_says_so_in_the_list(three: list[Appeal], officer: User, browser_of: Open) -> None:
    html = browser_of(officer).get(reverse(LIST)).content.decode()
    assert html.count("overdue") == 1


def test_what_was_answered_is_listed_when_somebody_asks(three: list[Appeal], officer: User, browser_of: Open) -> None:
    browser = browser_of(officer)
    answered = Appeal.objects.get(status="upheld").pk
    assert listed(browser, status="upheld") == [answered]
    assert listed(browser, status="all") == sorted([answered, *(each.pk for each in three)], reverse=True)
    assert listed(browser, q="account-3") == [answered]


def test_the_page_of_a_late_appeal_says_since_when(overdue: Appeal, officer: User, browser_of: Open) -> None:
    html = page_of(browser_of(officer), overdue)
    for words in ("overdue", "Overdue since", "Decide before", "Any officer or lead: nobody on the staff"):
        assert words in html


def test_a_reader_is_told_who_decides(overdue: Appeal, analyst: User, browser_of: Open) -> None:
    html = page_of(browser_of(analyst), overdue)
    assert "You may read it. An officer or a lead decides." in html
    assert not buttons_on(browser_of(analyst), overdue)


@pytest.fixture
def signed(account_outside: Account, detector: Client, policy: PolicyVersion, officer: User) -> Case:
    """Olga agreed to the warning, and Otto to the suspension."""
    otto = staff.create("otto", email="otto@provider.test", role=Role.OFFICER, password=None)
    account_outside.protected = True
    account_outside.save()
    for person in (officer, otto):
        see(detector, sighting(account_outside, clock.now()))
        sweep.sweep(now=clock.now())
        review.approve(decision_id=Decision.objects.get(status="held").pk, reason="Yes.", by=person, now=clock.now())
        answer_mail()
        sweep.sweep(now=clock.now())
        clock.move_to(the_case(account_outside).due_at)
    return the_case(account_outside)


def test_whoever_signed_an_earlier_step_is_told_why_they_may_not(
    signed: Case, officer: User, lead: User, browser_of: Open
) -> None:
    filed, answers = contest(signed), ["Uphold the suspension", "Overturn the suspension"]
    for row in (filed, signed):
        html = page_of(browser_of(officer), row)
        assert "Any officer or lead but olga, otto, who put their names to a step of this case." in html
        assert not set(answers) & set(buttons_on(browser_of(officer), row))
        assert set(answers) <= set(buttons_on(browser_of(lead), row))
    assert "so somebody else decides" in page_of(browser_of(officer), filed)
    assert "so somebody else decides" not in page_of(browser_of(lead), filed)


def test_the_case_is_shown_as_the_account_feels_it(overdue: Appeal, officer: User, browser_of: Open) -> None:
    html = page_of(browser_of(officer), overdue.case)
    for words in ("Felt as", "Narrowed since", "appeal overdue", "territory traffic"):
        assert words in html


def test_before_it_is_upheld_the_page_says_that_everything_is_refused_again(
    overdue: Appeal, lead: User, browser_of: Open
) -> None:
    browser, uphold = browser_of(lead), reverse("admin:enforcement_appeal_uphold", args=[overdue.pk])
    html = browser.get(uphold).content.decode()
    assert "Every request of the account is refused (account_suspended)." in html
    assert "Automatic top-up: is off." in html
    browser.post(uphold, {"reason": "No travel."})
    case = the_case(overdue.case.account)
    assert (case.state, case.narrowed_at) == ("suspended", None)


def test_while_it_is_narrowed_a_way_back_says_what_changes_for_the_account(
    overdue: Appeal, lead: User, browser_of: Open
) -> None:
    html = browser_of(lead).get(reverse("admin:enforcement_appeal_overturn", args=[overdue.pk])).content.decode()
    assert "What this case restricts is lifted at once." in html
    assert "Automatic top-up: stays on." not in html  # it is on already
