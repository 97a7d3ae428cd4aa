"""The console on a wide screen and on a tablet, light and dark."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import reverse
from playwright.sync_api import Page, expect

from enforcement.models import Case, Memo
from tests.browser.conftest import OpenAs, shoot

SCREENS = {"wide": {"width": 1280, "height": 900}, "tablet": {"width": 820, "height": 1180}}


def pages_of(case: Case) -> dict[str, str]:
    return {
        "home": reverse("admin:index"),
        "queue": reverse("admin:enforcement_case_changelist"),
        "case": reverse("admin:enforcement_case_change", args=[case.pk]),
        "hold": reverse("admin:enforcement_case_clock", args=[case.pk, "hold"]),
        "exempt": reverse("admin:enforcement_account_exempt", args=[case.account_id]),
        "confirmation": reverse("admin:enforcement_case_step", args=[case.pk, "reinstate"]),
        "memo": reverse("admin:enforcement_memo_change", args=[Memo.objects.latest("pk").pk]),
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_every_page_fits_its_screen_and_its_light(
    screen: str, scheme: Any, suspended_case: Case, officer: User, open_as: OpenAs
) -> None:
    call_command("figures")  # the plots of the first page
    options = {"viewport": SCREENS[screen], "color_scheme": scheme}
    page, stranger = open_as(officer, **options), open_as(**options)
    for name, address in pages_of(suspended_case).items():
        check(page, name, address, scheme, screen)
    check(stranger, "login", reverse("admin:login"), scheme, screen)


def check(page: Page, name: str, address: str, scheme: str, screen: str) -> None:
    page.goto(address)
    expect(page.locator("html")).to_have_class(re.compile("dark") if scheme == "dark" else re.compile("^(?!.*dark)"))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    assert darkness(page) == scheme, name
    shoot(page, f"{name}-{screen}-{scheme}", full_page=name == "case")


def darkness(page: Page) -> str:
    """What the page is, by the brightness of what lies behind its words."""
    colour = page.evaluate(
        """() => {
            const dot = document.createElement('canvas').getContext('2d');
            dot.fillStyle = getComputedStyle(document.body).backgroundColor;
            dot.fillRect(0, 0, 1, 1);
            return [...dot.getImageData(0, 0, 1, 1).data];
        }"""
    )
    return "light" if sum(colour[:3]) > 3 * 128 else "dark"
