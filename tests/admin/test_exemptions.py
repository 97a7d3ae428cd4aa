"""Exemptions in the console: granted on the account, in force until their end, ended early by two people."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from enforcement.models import Account, Case, Exemption, PolicyVersion, Stop
from enforcement.services import clock, exemptions
from enforcement.services.roles import Role
from tests.admin.conftest import HOSTILE
from tests.admin.test_buttons import buttons_on, press
from tests.stage import DAY, pass_time, the_case

pytestmark = pytest.mark.django_db

Open = Callable[[User], Browser]
EXEMPT, PROPOSE, END = "Exempt", "Propose to end the exemption", "End the exemption"


def door(account: Account) -> str:
    return reverse("admin:enforcement_account_exempt", args=[account.pk])


def end_of(exemption: Exemption, act: str) -> str:
    return reverse("admin:enforcement_exemption_end", args=[exemption.pk, act])


def page_of(row: Account | Exemption) -> str:
    return reverse(f"admin:enforcement_{row._meta.model_name}_change", args=[row.pk])


def asked(**given: str) -> dict[str, str]:
    ends_at = clock.now() + 90 * DAY
    return {"scope": "account", "value": "", "ends_at": f"{ends_at:%Y-%m-%dT%H:%M}", "reason": "A pilot."} | given


@pytest.fixture
def granted(account_outside: Account, officer: User) -> Exemption:
    return exemptions.grant(
        account_id=account_outside.pk, scope=Exemption.Scope.CREDENTIAL, value="sk-…9f2", reason=HOSTILE, by=officer,
        ends_at=clock.now() + 30 * DAY, now=clock.now(),
    )  # fmt: skip


def test_an_account_without_a_case_is_exempted(account_outside: Account, officer: User, browser_of: Open) -> None:
    browser = browser_of(officer)
    assert EXEMPT in buttons_on(browser, page_of(account_outside))
    assert "None is open." in browser.get(door(account_outside)).content.decode()
    answer, told = press(browser, door(account_outside), **asked(scope="territory", value="CN"))
    assert answer.redirect_chain == [(page_of(account_outside), 302)]
    assert told.startswith("Exempt until")
    row = Exemption.objects.get()
    assert (row.scope, row.value, row.approved_by, row.approved_as) == ("territory", "CN", officer, "officer")
    assert "territory CN" in answer.content.decode()


def test_an_exemption_of_the_account_stops_the_clock_of_its_case(
    warned_case: Case, officer: User, browser_of: Open
) -> None:
    answer, _ = press(browser_of(officer), door(warned_case.account), **asked())
    assert answer.redirect_chain == [(reverse("admin:enforcement_case_change", args=[warned_case.pk]), 302)]
    assert Stop.objects.get().kind == "exemption"
    pass_time(60 * DAY)
    assert the_case(warned_case.account).state == "warned"


@pytest.mark.parametrize(
    ("given", "field", "why"),
    [
        ({"scope": "territory", "value": "XX"}, "value", "is no assigned code"),
        ({"scope": "territory"}, "value", "is no assigned code"),
        ({"scope": "credential"}, "value", "Name the key by its hint"),
        ({"value": "CN"}, "value", "An account is exempt as a whole"),
        ({"scope": "galaxy"}, "scope", "Select a valid choice"),
        ({"ends_at": "2020-01-01T00:00"}, "ends_at", "must lie in the future."),
        ({"ends_at": "never"}, "ends_at", "Enter a valid date/time."),
        ({"ends_at": ""}, "ends_at", "Name the end of the exemption."),
        ({"reason": " "}, "reason", "A reason is required"),
        ({"value": "k" * 129, "scope": "credential"}, "value", "at most 128 characters"),
    ],
)
def test_what_does_not_go_is_said_at_its_field(
    account_outside: Account, officer: User, browser_of: Open, given: dict[str, str], field: str, why: str
) -> None:
    answer = browser_of(officer).post(door(account_outside), asked(**given))
    assert answer.status_code == 422
    assert why in " ".join(answer.context["form"].errors[field])
    assert not Exemption.objects.exists()


def test_the_same_is_not_exempted_twice(granted: Exemption, officer: User, browser_of: Open) -> None:
    given = asked(scope=granted.scope, value=granted.value)
    answer = browser_of(officer).post(door(granted.account), given)
    assert "There is one in force already" in answer.content.decode()


def test_it_ends_early_by_two_people_the_second_a_lead(
    granted: Exemption, officer: User, lead: User, browser_of: Open
) -> None:
    assert buttons_on(browser_of(lead), page_of(granted)) == [PROPOSE]
    _, told = press(browser_of(lead), end_of(granted, "propose"), reason="The pilot is over.")
    assert told.startswith("Proposed.")
    assert buttons_on(browser_of(lead), page_of(granted)) == [PROPOSE]
    _, told = press(browser_of(lead), end_of(granted, "approve"))
    assert "Somebody else has to agree" in told
    press(browser_of(officer), end_of(granted, "propose"), reason="The pilot is over.")
    assert buttons_on(browser_of(lead), page_of(granted)) == [PROPOSE, END]
    _, told = press(browser_of(lead), end_of(granted, "approve"))
    assert told == "The exemption is over."
    granted.refresh_from_db()
    assert (granted.end_proposed_by, granted.end_approved_by) == (officer, lead)
    assert buttons_on(browser_of(lead), page_of(granted)) == []
    _, told = press(browser_of(lead), end_of(granted, "propose"))
    assert "not in force any more" in told


def test_who_may_not_decide_is_offered_nothing_and_refused_at_every_door(
    granted: Exemption, somebody: User, browser_of: Open
) -> None:
    browser, may = browser_of(somebody), somebody.groups.get().name in (Role.OFFICER, Role.LEAD)
    assert (EXEMPT in buttons_on(browser, page_of(granted.account))) == may
    assert buttons_on(browser, page_of(granted)) == ([PROPOSE] if may else [])
    for address in (door(granted.account), end_of(granted, "propose"), end_of(granted, "approve")):
        assert browser.get(address).status_code == (200 if may else 403)
        if not may:
            assert browser.post(address, asked()).status_code == 403
    assert Exemption.objects.get().end_proposed_by is None


def test_pages_and_list_spell_out_hostile_words(granted: Exemption, officer: User, browser_of: Open) -> None:
    for page in (page_of(granted), page_of(granted.account), end_of(granted, "propose")):
        words = browser_of(officer).get(page).content.decode()
        assert HOSTILE not in words
        assert "<script>" not in words.split("<main", 1)[-1].replace("<script>alert", "")
    listed = browser_of(officer).get(reverse("admin:enforcement_exemption_changelist"), {"q": "shenzhen"})
    assert f"#{granted.pk}" in listed.content.decode()


def test_what_is_not_there_is_not_found(
    granted: Exemption, officer: User, browser_of: Open, policy: PolicyVersion
) -> None:
    browser = browser_of(officer)
    for address in (
        reverse("admin:enforcement_account_exempt", args=[2**40]),
        reverse("admin:enforcement_exemption_end", args=[2**40, "propose"]),
        reverse("admin:enforcement_exemption_end", args=[granted.pk, "forget"]),
    ):
        assert browser.get(address).status_code == 404


def test_a_link_that_somebody_is_sent_ends_nothing(granted: Exemption, lead: User, browser_of: Open) -> None:
    """Looking at the page is no decision, and without a log-in there is no page."""
    assert browser_of(lead).get(end_of(granted, "propose")).status_code == 200
    assert Browser().get(end_of(granted, "propose")).status_code == 302
    assert Browser().post(end_of(granted, "propose"), {"reason": "Over."}).status_code == 302
    granted.refresh_from_db()
    assert granted.end_proposed_by is None
