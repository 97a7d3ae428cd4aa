"""Holding a case, letting it go on before its time, and giving it more time, as people do it in the console."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from enforcement.models import Case, Extension, Stop
from enforcement.services import clock, holds, staff
from enforcement.services.roles import Role
from tests.admin.test_buttons import buttons_on, page_of, press
from tests.stage import DAY, pass_time, the_case

pytestmark = pytest.mark.django_db

Open = Callable[[User], Browser]
HOLD, EXTEND, PROPOSE, END = "Hold", "Give more time", "Propose to end the hold", "End the hold"


def door(case: Case, act: str) -> str:
    return reverse("admin:enforcement_case_clock", args=[case.pk, act])


def offered(browser: Browser, case: Case) -> set[str]:
    return {HOLD, EXTEND, PROPOSE, END} & set(buttons_on(browser, page_of(case)))


def local(moment: object) -> str:
    return f"{moment:%Y-%m-%dT%H:%M}"


def timeline(browser: Browser, case: Case) -> str:
    return " ".join(browser.get(page_of(case)).content.decode().split("What happened")[1].split())


def test_who_holds_a_case_stops_its_clock(warned_case: Case, officer: User, browser_of: Open) -> None:
    browser = browser_of(officer)
    assert offered(browser, warned_case) == {HOLD, EXTEND}
    _, told = press(browser, door(warned_case, "hold"))
    assert told.startswith("Held until two people end it.")
    stop = Stop.objects.get()
    assert (stop.kind, stop.until, stop.started_by) == ("hold", None, officer)
    pass_time(60 * DAY)
    assert the_case(warned_case.account).state == "warned"
    assert offered(browser, warned_case) == {PROPOSE, EXTEND}
    assert "clock stopped: hold" in timeline(browser, warned_case)
    assert "olga" in timeline(browser, warned_case)


def test_a_hold_may_end_by_itself(warned_case: Case, officer: User, browser_of: Open) -> None:
    until = clock.now() + 3 * DAY
    _, told = press(browser_of(officer), door(warned_case, "hold"), until=local(until))
    assert told.startswith(f"Held until {until:%Y-%m-%d %H:%M} UTC.")
    pass_time(3 * DAY)
    assert Stop.objects.get().ended_at is not None


def test_a_hold_ends_early_by_two_people_the_second_a_lead(
    warned_case: Case, officer: User, lead: User, browser_of: Open
) -> None:
    press(browser_of(officer), door(warned_case, "hold"))
    assert END not in offered(browser_of(lead), warned_case)
    answer = browser_of(officer).post(door(warned_case, "end"))
    assert "Nobody has proposed to end the hold yet." in answer.content.decode()
    press(browser_of(officer), door(warned_case, "propose-end"), reason="It is clear now.")
    assert offered(browser_of(officer), warned_case) == {PROPOSE, EXTEND}
    assert offered(browser_of(lead), warned_case) == {PROPOSE, END, EXTEND}
    assert "It is clear now." in browser_of(lead).get(door(warned_case, "end")).content.decode()
    _, told = press(browser_of(officer), door(warned_case, "end"))
    assert "olga may not end a hold: that takes a lead." in told
    _, told = press(browser_of(lead), door(warned_case, "end"))
    assert told.startswith("The hold is over.")
    assert Stop.objects.get().end_approved_by == lead
    assert offered(browser_of(lead), warned_case) == {HOLD, EXTEND}
    assert "It is clear now." in timeline(browser_of(lead), warned_case)


def test_nobody_ends_a_hold_by_a_second_login_of_theirs(warned_case: Case, officer: User, browser_of: Open) -> None:
    again = staff.create("olga-2", email="", role=Role.LEAD, password=None, second_login_of=officer.username)
    holds.place(case_id=warned_case.pk, reason="Wait.", by=officer, now=clock.now())
    holds.propose_end(case_id=warned_case.pk, because="Enough.", by=officer)
    assert END not in offered(browser_of(again), warned_case)
    _, told = press(browser_of(again), door(warned_case, "end"))
    assert "Somebody else has to agree" in told
    assert Stop.objects.get().ended_at is None


def test_who_gives_more_time_moves_the_deadline(warned_case: Case, officer: User, browser_of: Open) -> None:
    browser, old = browser_of(officer), warned_case.due_at
    assert old is not None
    new = (old + 10 * DAY).replace(second=0, microsecond=0)
    _, told = press(browser, door(warned_case, "extend"), due_at=local(new))
    assert told.startswith(f"The deadline is {new:%Y-%m-%d %H:%M} UTC now.")
    warned_case.refresh_from_db()
    assert (warned_case.due_at, Extension.objects.get().extended_by) == (new, officer)
    assert "deadline moved from" in timeline(browser, warned_case)
    assert f"{new:%Y-%m-%d}" in timeline(browser, warned_case)


@pytest.mark.parametrize(
    ("act", "given", "why"),
    [
        ("hold", {"until": "2020-01-01T00:00"}, "A hold ends in the future, or when somebody ends it."),
        ("hold", {"until": "soon"}, "Enter a valid date/time."),
        ("hold", {"reason": " "}, "A reason is required"),
        ("extend", {"due_at": ""}, "Name the new deadline."),
        ("extend", {"due_at": "2020-01-01T00:00"}, "A deadline only moves later than"),
        ("extend", {"due_at": "9999-12-31T00:00"}, "A deadline lies at most 3,650 days ahead."),
        ("extend", {"due_at": "99999-01-01T00:00"}, "Enter a valid date/time."),
        ("propose-end", {}, "The case is not held."),
        ("end", {}, "The case is not held."),
    ],
)
def test_what_does_not_go_is_said_on_the_page_and_nothing_typed_is_lost(
    warned_case: Case, lead: User, browser_of: Open, act: str, given: dict[str, str], why: str
) -> None:
    answer = browser_of(lead).post(door(warned_case, act), {"reason": "I wrote this.", **given})
    words = answer.content.decode()
    assert (answer.status_code, why in words) == (422, True)
    assert "I wrote this." in words or "reason" in given or act == "end"
    assert not Stop.objects.exists()
    assert not Extension.objects.exists()


def test_a_case_that_is_held_already_is_not_held_twice(warned_case: Case, officer: User, browser_of: Open) -> None:
    holds.place(case_id=warned_case.pk, reason="Wait.", by=officer, now=clock.now())
    answer = browser_of(officer).post(door(warned_case, "hold"), {"reason": "Wait."})
    assert (answer.status_code, "The case is held already." in answer.content.decode()) == (422, True)


def test_a_case_that_is_over_offers_nothing(warned_case: Case, officer: User, browser_of: Open) -> None:
    press(browser_of(officer), reverse("admin:enforcement_case_step", args=[warned_case.pk, "dismiss"]))
    assert offered(browser_of(officer), warned_case) == set()
    answer = browser_of(officer).post(door(warned_case, "hold"), {"reason": "Wait."})
    assert "The case is closed." in answer.content.decode()


def test_to_look_changes_nothing_and_an_unknown_act_is_not_found(
    warned_case: Case, officer: User, browser_of: Open
) -> None:
    browser = browser_of(officer)
    for act in ("hold", "extend", "propose-end", "end"):
        assert browser.get(door(warned_case, act)).status_code == 200
    assert not Stop.objects.exists()
    assert browser.get(door(warned_case, "forget")).status_code == 404
    warned_case.pk = 2**40
    assert browser.get(door(warned_case, "hold")).status_code == 404


def test_who_may_not_decide_is_offered_nothing_and_refused_at_the_door(
    warned_case: Case, somebody: User, browser_of: Open
) -> None:
    browser, may = browser_of(somebody), somebody.groups.get().name in (Role.OFFICER, Role.LEAD)
    assert offered(browser, warned_case) == ({HOLD, EXTEND} if may else set())
    assert browser.get(door(warned_case, "hold")).status_code == (200 if may else 403)
    if not may:
        assert browser.post(door(warned_case, "hold"), {"reason": "Wait."}).status_code == 403
        assert not Stop.objects.exists()


def test_strangers_are_sent_to_the_log_in_page(warned_case: Case) -> None:
    answer = Browser().post(door(warned_case, "hold"), {"reason": "Wait."})
    assert (answer.status_code, "/login/" in answer["Location"]) == (302, True)


def test_the_clock_goes_on_with_the_minimum_at_least(
    warned_case: Case, officer: User, lead: User, browser_of: Open
) -> None:
    clock.move_to(warned_case.due_at - timedelta(hours=1))  # type: ignore[operator]
    press(browser_of(officer), door(warned_case, "hold"))
    press(browser_of(officer), door(warned_case, "propose-end"))
    press(browser_of(lead), door(warned_case, "end"))
    warned_case.refresh_from_db()
    assert warned_case.due_at is not None
    assert warned_case.due_at >= clock.now() + 7 * DAY - timedelta(minutes=1)


@pytest.mark.parametrize(("act", "field"), [("hold", "until"), ("extend", "due_at")])
def test_a_date_that_does_not_go_is_named_at_its_field(
    act: str, field: str, warned_case: Case, officer: User, browser_of: Open
) -> None:
    answer = browser_of(officer).post(door(warned_case, act), {field: "2020-01-01T00:00", "reason": "More time."})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert "More time." in answer.content.decode()


def test_the_page_of_a_case_says_until_when_it_is_held_and_who_proposes_the_end(
    warned_case: Case, officer: User, browser_of: Open
) -> None:
    until = clock.now() + 3 * DAY
    press(browser_of(officer), door(warned_case, "hold"), until=local(until))
    press(browser_of(officer), door(warned_case, "propose-end"), reason="It is clear now.")
    page = " ".join(browser_of(officer).get(page_of(warned_case)).content.decode().split())
    said = page.split("Stopped: hold")[1].split("</dd>")[0]
    assert f"{until:%Y-%m-%d %H:%M}" in said.split("until")[1]
    assert "<bdi>olga</bdi> proposes to end it" in said
