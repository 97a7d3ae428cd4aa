"""The desk is worked with the keyboard alone, by people who see where they are and by people who do not look."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect

from enforcement.models import Case, Decision
from tests.browser.conftest import OpenAs
from tests.browser.test_desk import PASSWORD, with_password
from tests.stage import the_case

# What the element that has the keyboard is called, what it is, and whether an outline or a shadow shows it.
_AT = """(() => {
    const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect();
    const named = (at.labels && at.labels[0] ? at.labels[0] : at).cloneNode(true);
    named.querySelectorAll('[aria-hidden=true]').forEach(each => each.remove());
    return {
        name: at.getAttribute('aria-label') || named.textContent.trim().replace('*', ''),
        tag: at.tagName,
        shown: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none',
        inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    };
})()"""


def walk_to(page: Page, name: str, most: int = 60) -> dict[str, Any]:
    """Tab to what is called so, unless we are there. Every stop is on the screen and seen to have the keyboard."""
    page.wait_for_function("!document.documentElement.hasAttribute('x-cloak')")  # hidden until its script has run
    for step in range(most + 1):
        if step:
            page.keyboard.press("Tab")
        at: dict[str, Any] = page.evaluate(_AT)
        if at["tag"] == "BODY":
            continue
        assert at["shown"], at
        assert at["inside"], at
        if at["name"] == name:
            return at
    raise AssertionError(f"The keyboard does not reach {name!r} in {most} steps.")


def press(page: Page, name: str, most: int = 60) -> None:
    walk_to(page, name, most)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def skip(page: Page) -> None:
    """Past the sidebar, by the first thing that the keyboard reaches."""
    assert walk_to(page, "Skip to the content", most=1)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_officer_logs_in_finds_a_case_and_warns_by_the_keyboard_alone(
    scheme: Any, in_review: Case, officer: User, open_as: OpenAs
) -> None:
    with_password(officer)
    page = open_as(color_scheme=scheme)
    page.goto(reverse("admin:index"))
    walk_to(page, "Username", most=1)
    page.keyboard.type("olga")
    walk_to(page, "Password", most=1)
    page.keyboard.type(PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")

    press(page, "Cases", most=12)
    skip(page)
    press(page, in_review.reference, most=20)
    skip(page)
    press(page, "Warn", most=3)
    expect(page.get_by_role("heading", name="What this does")).to_be_visible()
    skip(page)
    walk_to(page, "Reason", most=6)
    page.keyboard.type("An office in Shenzhen.")
    press(page, "Warn", most=2)
    expect(page.get_by_text("Done: the warning of")).to_be_visible()
    assert the_case(in_review.account).state == "warned"


def test_the_queue_is_searched_and_narrowed_by_the_keyboard_alone(
    in_review: Case, officer: User, open_as: OpenAs
) -> None:
    page = open_as(officer)
    page.goto(reverse("admin:enforcement_case_changelist"))
    skip(page)
    walk_to(page, "Case, account id, or start of a name", most=20)
    page.keyboard.type("nobody")
    press(page, "Search", most=1)
    expect(page.get_by_text("Nothing is here")).to_be_visible()
    press(page, "Show everything", most=20)  # the answer begins where the question was asked, below the sidebar
    skip(page)
    walk_to(page, "Filters", most=20)
    page.keyboard.press("Enter")
    expect(page.locator("#changelist-filter")).to_be_visible()
    press(page, "closed", most=12)
    expect(page.get_by_text("Nothing is here")).to_be_visible()


def test_a_held_step_is_approved_by_the_keyboard_alone(held: Decision, officer: User, open_as: OpenAs) -> None:
    page = open_as(officer)
    page.goto(reverse("admin:enforcement_case_change", args=[held.case_id]))
    skip(page)
    press(page, "Approve the suspension", most=3)
    skip(page)
    walk_to(page, "Reason", most=6)
    page.keyboard.type("Looked at the facts.")
    press(page, "Approve the suspension", most=2)
    expect(page.get_by_text("Done: the suspension of")).to_be_visible()
    held.refresh_from_db()
    assert held.approved_by == officer


def test_the_sidebar_and_the_menu_of_the_person_open_by_the_keyboard_on_a_small_screen(
    officer: User, open_as: OpenAs
) -> None:
    """Who magnifies a page fourfold has the layout of a small screen, and may have no mouse."""
    page = open_as(officer, viewport={"width": 820, "height": 1180})
    page.goto(reverse("admin:index"))
    menu = page.get_by_role("link", name="Held decisions")
    expect(menu).not_to_be_in_viewport()
    walk_to(page, "Sidebar", most=3)
    page.keyboard.press("Enter")
    expect(menu).to_be_in_viewport()
    page.get_by_role("button", name="olga").focus()
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def test_no_name_of_an_icon_is_read_out(in_review: Case, officer: User, open_as: OpenAs) -> None:
    page = open_as(officer)
    for address in (reverse("admin:index"), reverse("admin:enforcement_case_changelist")):
        page.goto(address)
        page.wait_for_function("!document.documentElement.hasAttribute('x-cloak')")
        assert "_" not in page.locator("body").aria_snapshot(), address
