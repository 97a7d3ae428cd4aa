"""The brake in the console: everybody sees it, one person pulls it, two people release it."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from enforcement.models import Brake, BrakePull, PolicyVersion
from enforcement.services import brake, clock, switches
from enforcement.services.roles import DECIDING, roles_of

pytestmark = pytest.mark.django_db
Opened = Callable[[User], Browser]
ENFORCEMENT = Brake.What.ENFORCEMENT


def page(browser: Browser) -> str:
    answer = browser.get(reverse("admin:enforcement_brake"))
    assert answer.status_code == 200
    return answer.content.decode()


def act(browser: Browser, name: str, what: str = "enforcement", reason: str = "I looked.") -> int:
    return browser.post(reverse("admin:enforcement_brake_act", args=[what, name]), {"reason": reason}).status_code


def pull() -> None:
    brake.pull(ENFORCEMENT, BrakePull.Cause.BUDGET, "Spent <b>all</b>.", now=clock.now())


def test_everybody_on_the_staff_sees_both_switches_and_the_budget(
    somebody: User, browser_of: Opened, policy: PolicyVersion
) -> None:
    told = page(browser_of(somebody))
    assert "enforcement" in told.lower()
    assert "0 of 100" in told
    assert "0 of 19" in told


def test_a_pull_is_told_on_every_page_with_its_reason_escaped(officer: User, browser_of: Opened) -> None:
    browser = browser_of(officer)
    assert "Brake pulled" not in browser.get(reverse("admin:index")).content.decode()
    pull()
    assert "Brake pulled: enforcement" in browser.get(reverse("admin:index")).content.decode()
    assert "Brake pulled: enforcement" in browser.get(reverse("admin:enforcement_case_changelist")).content.decode()
    assert "Spent &lt;b&gt;all&lt;/b&gt;." in page(browser)


def test_only_who_decides_pulls_it(somebody: User, browser_of: Opened) -> None:
    may = bool(roles_of(somebody) & DECIDING)
    assert act(browser_of(somebody), "pull") == (302 if may else 403)
    assert (switches.pulled_at(ENFORCEMENT) is not None) == may


def test_a_pull_keeps_who_and_why(officer: User, browser_of: Opened) -> None:
    act(browser_of(officer), "pull", what="mail", reason="A wrong template.")
    pulled = BrakePull.objects.get()
    assert (pulled.what, pulled.cause, pulled.reason, pulled.pulled_by) == (
        "mail", "manual", "A wrong template.", officer,
    )  # fmt: skip


@pytest.mark.parametrize("reason", ["", "   "])
def test_without_a_reason_nothing_is_pulled(officer: User, browser_of: Opened, reason: str) -> None:
    assert act(browser_of(officer), "pull", reason=reason) == 422
    assert switches.pulled_at(ENFORCEMENT) is None


def test_one_proposes_and_a_lead_who_is_somebody_else_releases(
    officer: User, lead: User, second_lead: User, browser_of: Opened
) -> None:
    pull()
    act(browser_of(lead), "propose")
    for nobody in (lead, officer):
        act(browser_of(nobody), "approve")
        assert switches.pulled_at(ENFORCEMENT) is not None
    assert "Release enforcement" not in page(browser_of(lead))
    assert "Release enforcement" in page(browser_of(second_lead))
    act(browser_of(second_lead), "approve")
    assert switches.pulled_at(ENFORCEMENT) is None
    released = BrakePull.objects.get()
    assert (released.release_proposed_by, released.release_approved_by) == (lead, second_lead)
    detail = browser_of(officer).get(reverse("admin:enforcement_brakepull_change", args=[released.pk]))
    assert "I looked." in detail.content.decode()


def test_looking_at_a_button_does_nothing(officer: User, browser_of: Opened) -> None:
    answer = browser_of(officer).get(reverse("admin:enforcement_brake_act", args=["enforcement", "pull"]))
    assert "Nobody is warned, restricted, suspended or blocked" in answer.content.decode()
    assert switches.pulled_at(ENFORCEMENT) is None


@pytest.mark.parametrize(("what", "name"), [("nothing", "pull"), ("mail", "break")])
def test_what_is_not_there_is_not_found(officer: User, browser_of: Opened, what: str, name: str) -> None:
    assert act(browser_of(officer), name, what=what) == 404
