"""Everybody on the staff can read everything here, whatever strangers wrote into it."""

import re
from collections.abc import Callable

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client as Browser
from django.urls import reverse

from enforcement.models import Account, Case, Client, Decision, Evidence, Memo
from enforcement.rules.transitions import Step
from enforcement.services import clock, review, staff
from enforcement.services.roles import Role
from tests.stage import DAY, warned

pytestmark = pytest.mark.django_db

NOUNS = [model for model in admin.site._registry if model not in (User, Group)]
Open = Callable[[User], Browser]


def address(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def pages() -> list[str]:
    """The first page, every list, and the page of one row of every noun."""
    lists = [address(model, "changelist") for model in NOUNS]
    rows = [address(model, "change", model._default_manager.latest("pk").pk) for model in NOUNS]
    return [reverse("admin:index"), *lists, *rows]


def without_frames(html: str) -> str:
    return re.sub(r'srcdoc="[^"]*"', "", html)


def test_every_page_opens_for_every_role_and_nothing_hostile_gets_through(
    written_by_strangers: Case, somebody: User, browser_of: Open
) -> None:
    browser = browser_of(somebody)
    for page in pages():
        answer = browser.get(page)
        assert answer.status_code == 200, page
        html = answer.content.decode()
        assert "<script>alert(1)" not in html, page
        assert "<b>neil" not in html, page
        assert not set("\u202e\u202c\u200b") & set(without_frames(html)), page


def test_what_cannot_be_seen_is_spelled_out(written_by_strangers: Case, officer: User, browser_of: Open) -> None:
    evidence = Evidence.objects.latest("pk")
    html = browser_of(officer).get(address(Evidence, "change", evidence.pk)).content.decode()
    assert 'title="RIGHT-TO-LEFT OVERRIDE">U+202E</span>gnp.exe' in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#x27;x&#x27;" in html


def test_no_page_asks_another_host(written_by_strangers: Case, officer: User, browser_of: Open) -> None:
    browser = browser_of(officer)
    for page in pages():
        html = without_frames(browser.get(page).content.decode())
        asked = re.findall(r'<(?:a|link|script|img|iframe|form)\b[^>]*?\b(?:href|src|action)="([^"]*)"', html)
        assert asked
        assert not [each for each in asked if re.match(r"(https?:)?//", each)], page


def test_the_html_of_a_memo_is_fenced_in(written_by_strangers: Case, officer: User, browser_of: Open) -> None:
    html = browser_of(officer).get(address(Memo, "change", Memo.objects.latest("pk").pk)).content.decode()
    frame = re.search(r"<iframe[^>]*>", html)
    assert frame is not None
    assert " sandbox " in frame[0]
    assert "allow-" not in frame[0]
    assert "default-src &#x27;none&#x27;" in frame[0]


def test_keys_are_shown_without_their_digests(written_by_strangers: Case, officer: User, browser_of: Open) -> None:
    browser = browser_of(officer)
    for page in ("apikey_changelist", "client_changelist"):
        assert "key-digest" not in browser.get(reverse(f"admin:enforcement_{page}")).content.decode()


def test_somebody_without_a_role_reads_nothing(written_by_strangers: Case, browser_of: Open) -> None:
    browser = browser_of(User.objects.create_user("nobody", is_staff=True))
    index, *others = pages()
    assert "You have no role here yet" in browser.get(index).content.decode()
    assert {browser.get(page).status_code for page in others} == {403}


def test_somebody_whose_role_was_taken_away_reads_nothing(in_review: Case, officer: User, browser_of: Open) -> None:
    browser = browser_of(officer)
    officer.groups.clear()
    assert browser.get(address(Case, "change", in_review.pk)).status_code == 403


def test_a_stranger_is_asked_to_log_in(in_review: Case) -> None:
    answer = Browser().get(address(Case, "change", in_review.pk))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("admin:login"))


def test_after_logging_in_one_is_on_the_first_page(officer: User) -> None:
    officer.set_password("a-long-password")
    officer.save()
    answer = Browser().post(reverse("admin:login"), {"username": "olga", "password": "a-long-password"})
    assert answer["Location"] == reverse("admin:index")


def test_a_row_that_is_not_there_leads_back_to_the_first_page(officer: User, browser_of: Open) -> None:
    browser = browser_of(officer)
    for key in ("0", "9" * 30, "x", "%00"):
        answer = browser.get(f"/admin/enforcement/case/{key}/change/")
        assert (answer.status_code, answer["Location"]) == (302, reverse("admin:index"))


def test_a_superuser_reads_but_decides_nothing_without_a_role(written_by_strangers: Case, browser_of: Open) -> None:
    browser = browser_of(User.objects.create_superuser("root"))
    assert browser.get(address(Case, "change", written_by_strangers.pk)).status_code == 200
    assert browser.get(f"/admin/enforcement/case/{written_by_strangers.pk}/steps/block/").status_code == 403


def test_the_queue_shows_what_waits_for_a_person_first(
    held: Decision, detector: Client, account_at_home: Account, officer: User, browser_of: Open
) -> None:
    earlier = warned(account_at_home, detector)
    Case.objects.filter(pk=held.case_id).update(due_at=earlier.due_at + DAY)
    html = browser_of(officer).get(address(Case, "changelist")).content.decode()
    assert html.index(held.case.reference) < html.index(earlier.reference)


def test_closed_cases_are_shown_when_they_are_asked_for(in_review: Case, officer: User, browser_of: Open) -> None:
    review.propose(case_id=in_review.pk, step=Step.DISMISS, reason="No.", by=officer, now=clock.now(), version=0)
    browser, queue = browser_of(officer), address(Case, "changelist")
    found = {
        state: in_review.reference in browser.get(queue, {"state": state} if state else {}).content.decode()
        for state in ("", "open", "closed", "all")
    }
    assert found == {"": False, "open": False, "closed": True, "all": True}


@pytest.mark.parametrize("role", list(Role))
def test_only_superusers_keep_the_list_of_people(role: Role, browser_of: Open) -> None:
    person = staff.create("pat", email="pat@provider.test", role=role, password=None)
    assert browser_of(person).get(reverse("admin:auth_user_changelist")).status_code == 403


def test_a_superuser_makes_people_and_puts_them_into_groups(browser_of: Open) -> None:
    browser = browser_of(User.objects.create_superuser("root"))
    for page in ("user_changelist", "user_add", "group_changelist", "group_add"):
        assert browser.get(reverse(f"admin:auth_{page}")).status_code == 200
    secret = {"password1": "correct-horse-9", "password2": "correct-horse-9", "usable_password": "true"}
    answer = browser.post(reverse("admin:auth_user_add"), {"username": "new", **secret})
    person = User.objects.get(username="new")
    assert answer["Location"] == reverse("admin:auth_user_change", args=[person.pk])
    group = Group.objects.get(name="analyst")
    given = {"username": "new", "is_active": "on", "is_staff": "on", "groups": group.pk}
    moments = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00", "last_login_0": "", "last_login_1": ""}
    answer = browser.post(reverse("admin:auth_user_change", args=[person.pk]), given | moments)
    assert answer.status_code == 302
    assert list(person.groups.all()) == [group]
