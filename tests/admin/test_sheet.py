"""The page of a case says why it is there, where and when, what comes next, and what each step would do."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from enforcement.admin.abilities import changes, others_in, requests_in
from enforcement.admin.case_file import load
from enforcement.admin.prospects import buttons_section, next_section
from enforcement.models import Account, Case, Client, Decision, PolicyVersion
from enforcement.rules.capabilities import CAPABILITIES
from enforcement.rules.transitions import State, Step
from enforcement.services import appeals, clock, intake, review
from enforcement.services.explanations import Explanation, explain
from tests.admin.conftest import questions
from tests.conftest import SMALL_POLICY, make_account
from tests.stage import DAY, answer_mail, pass_time, see, sighting, the_case, warned

pytestmark = pytest.mark.django_db

Open = Callable[[User], Browser]
Activate = Callable[[str], PolicyVersion]

AGREE = SMALL_POLICY.replace("cap: 1000}", "cap: 1000, sources: agree}")


def sheet(browser: Browser, case: Case) -> str:
    return browser.get(reverse("admin:enforcement_case_change", args=[case.pk])).content.decode()


def words(html: str) -> str:
    """What a person reads of it."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def section(html: str, title: str) -> str:
    """One part of the page, by how its title begins."""
    parts = re.split(r"<(?:section|details) class=\"ae-section\">", html)
    (found,) = [part for part in parts if re.search(rf"<h3>{re.escape(title)}", part)]
    return found


def explained(case: Case) -> Explanation:
    file = load(case.pk)
    return explain(file.case, file.case.policy, earlier_close=file.earlier_close, now=clock.now())


def upcoming(case: Case) -> str:
    drawn = next_section(load(case.pk), explained(case), now=clock.now()).drawn
    return " ".join(f"{name}: {words(value)}" for name, value in drawn)


# -- why ---------------------------------------------------------------------------------------------------------


def test_each_line_of_the_score_leads_to_the_evidence_behind_it(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, browser_of: Open
) -> None:
    now = clock.now()
    see(
        detector,
        sighting(account_outside, now, requests=3),
        sighting(account_outside, now, requests=2, network_class="hosting"),
        sighting(account_outside, now, kind="billing_country", requests=1),
    )
    browser = browser_of(officer)
    why = section(sheet(browser, the_case(account_outside)), "Why: ")
    assert "Why: 34.00 points" in why
    doors = [unescape(each) for each in re.findall(r'href="([^"]*/evidence/\?[^"]*)"', why)]
    assert len(doors) == 3
    found = {
        door: [(row.kind, row.network_class) for row in browser.get(door).context["cl"].result_list] for door in doors
    }
    assert sorted(rows[0] for rows in found.values()) == [
        ("billing_country", "residential"), ("ip_geolocation", "hosting"), ("ip_geolocation", "residential"),
    ]  # fmt: skip
    assert all(len(rows) == 1 for rows in found.values())


def test_each_rule_says_what_it_asked_and_what_it_found(in_review: Case, officer: User, browser_of: Open) -> None:
    rules = words(section(sheet(browser_of(officer), in_review), "Rules"))
    assert "does not five a warning not met: at least 5 requests, each weighed; found 4" in rules
    assert "holds any a review met: at least 0.01 points; found 4" in rules


def test_shares_and_last_sightings_are_said_in_words(
    account_outside: Account, detector: Client, activate: Activate, officer: User, browser_of: Open
) -> None:
    activate(SMALL_POLICY.replace("min_requests: 5}", "min_requests: 5, min_share: 0.45, seen_within: P21D}"))
    now = clock.now()
    see(detector, sighting(account_outside, now, requests=5), sighting(account_outside, now, "DE", requests=10))
    rules = words(section(sheet(browser_of(officer), the_case(account_outside)), "Rules"))
    assert "not met: at least 45 % of the traffic; found 33.33 %" in rules
    assert f"met: seen within 21 days; last {now:%Y-%m-%d %H:%M}" in rules


def test_contested_unresolved_and_unknown_requests_stand_apart(
    account_outside: Account, detector: Client, activate: Activate, officer: User, browser_of: Open
) -> None:
    activate(AGREE)
    now = clock.now()
    see(
        detector,
        sighting(account_outside, now, requests=9, source="one 2026", credential="sk-1"),
        sighting(account_outside, now, "DE", requests=9, source="two 2026", credential="sk-1"),
        sighting(account_outside, now - DAY, "UA", requests=7, subdivision="UA-65"),
        sighting(account_outside, now - 2 * DAY, "XX", requests=5),
        sighting(account_outside, now - 3 * DAY, requests=2),
    )
    html = sheet(browser_of(officer), the_case(account_outside))
    apart = words(section(html, "Seen, but not counted"))
    assert "9 Contested: sources disagree about the same traffic" in apart
    assert "7 Unresolved: from a place that the list cannot decide" in apart
    assert "5 Unknown: without an assigned territory" in apart
    assert section(html, "Why: 2.00 points")


def test_what_a_network_proves_nothing_about_stands_apart(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, browser_of: Open
) -> None:
    now = clock.now()
    see(detector, sighting(account_outside, now, requests=2), sighting(account_outside, now, network_class="vpn"))
    apart = words(section(sheet(browser_of(officer), the_case(account_outside)), "Seen, but not counted"))
    assert "10 requests from CN not counted: this network proves nothing" in apart


def test_traffic_from_a_sanctioned_territory_is_for_counsel(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, browser_of: Open
) -> None:
    see(detector, sighting(account_outside, clock.now(), "UA", subdivision="UA-43"))
    rules = section(sheet(browser_of(officer), the_case(account_outside)), "Rules")
    assert "this case is for counsel" in rules


def test_what_was_told_stays_as_it_was_told(
    warned_case: Case, detector: Client, officer: User, browser_of: Open
) -> None:
    see(detector, sighting(warned_case.account, clock.now(), requests=90))
    html = sheet(browser_of(officer), warned_case)
    assert "100.00 points" in section(html, "Why: 100.00 points")
    assert "10 requests" in section(html, "Why: 10.00 points, as told to the account")


def test_after_an_earlier_case_only_later_sightings_count(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, browser_of: Open
) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=4))
    first = the_case(account_outside)
    review.propose(case_id=first.pk, step=Step.DISMISS, reason="No.", by=officer, now=clock.now(), version=0)
    clock.advance(timedelta(hours=1))
    see(detector, sighting(account_outside, clock.now(), requests=3))
    second = Case.objects.exclude(pk=first.pk).get()
    why = words(section(sheet(browser_of(officer), second), "Why: "))
    assert why.startswith("Why: 3.00 points")
    assert "an earlier case was closed then" in why


def test_a_closed_case_is_explained_as_of_its_close(
    in_review: Case, detector: Client, officer: User, browser_of: Open
) -> None:
    review.propose(case_id=in_review.pk, step=Step.DISMISS, reason="No.", by=officer, now=clock.now(), version=0)
    clock.advance(timedelta(days=2))
    see(detector, sighting(in_review.account, clock.now(), requests=90))
    assert section(sheet(browser_of(officer), in_review), "Why: 4.00 points")


# -- where and when ----------------------------------------------------------------------------------------------


def test_the_heat_map_has_a_row_a_territory_and_a_square_a_day(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    now = clock.now()
    see(
        detector,
        sighting(account_outside, now, requests=30, credential="sk-1"),
        sighting(account_outside, now - 3 * DAY, requests=4, credential="sk-2", network_class="hosting"),
        sighting(account_outside, now - 3 * DAY, "DE", requests=500, credential="sk-2"),
        sighting(account_outside, now, requests=7, outcome="refused"),
    )
    found = explained(the_case(account_outside))
    today, before = now.date(), (now - 3 * DAY).date()
    assert (found.days[-1], len(found.days)) == (today, 90)
    assert [(each.name, each.answer, dict(each.days)) for each in found.territories] == [
        ("DE", "supported", {before: 500}),
        ("CN", "unsupported", {today: 30, before: 4}),
    ]
    assert [(each.name, dict(each.days)) for each in found.keys] == [("sk-1", {today: 30}), ("sk-2", {before: 4})]
    assert [each.name for each in found.networks] == ["residential", "hosting"]


def test_sources_that_saw_the_same_requests_are_not_added_up(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    now = clock.now()
    for source, requests in (("one 2026-01", 10), ("one 2026-02", 2), ("two", 9)):
        see(detector, sighting(account_outside, now, requests=requests, source=source))
    (strip,) = explained(the_case(account_outside)).territories
    assert strip.requests == 12


def test_a_square_leads_to_the_evidence_of_its_day_and_place(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, browser_of: Open
) -> None:
    now, browser = clock.now(), browser_of(officer)
    see(
        detector,
        sighting(account_outside, now, requests=10),
        sighting(account_outside, now, "DE", requests=2),
        sighting(account_outside, now - 2 * DAY, requests=3),
    )
    where = section(sheet(browser, the_case(account_outside)), "Where and when")
    doors = {unescape(door): count for door, count in re.findall(r'<a href="([^"]*)" title="[^:]*: ([\d,]+)"', where)}
    assert sorted(doors.values()) == ["10", "2", "3"]
    for door, count in doors.items():
        assert [str(row.requests) for row in browser.get(door).context["cl"].result_list] == [count]


def test_a_busier_day_is_darker(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, browser_of: Open
) -> None:
    now = clock.now()
    see(detector, *(sighting(account_outside, now - each * DAY, requests=10**each) for each in range(5)))
    where = section(sheet(browser_of(officer), the_case(account_outside)), "Where and when")
    by_territory = where.split("</table>")[0]
    assert re.findall(r'class="ae-heat-(\d)">.*?aria-label="[^:]*: ([\d,]+)"', by_territory) == [
        ("5", "10,000"), ("4", "1,000"), ("3", "100"), ("2", "10"), ("1", "1"),
    ]  # fmt: skip


def test_a_list_says_what_it_is_narrowed_to_and_how_to_take_it_away(
    in_review: Case, officer: User, browser_of: Open
) -> None:
    page = reverse("admin:enforcement_evidence_changelist")
    changelist = (
        browser_of(officer).get(page, {"q": "shenzhen", "kind": "ip_geolocation", "territory": "CN"}).context["cl"]
    )
    assert [(title, value) for title, value, _ in changelist.narrowed] == [
        ("kind", "ip_geolocation"), ("territory", "CN"),
    ]  # fmt: skip
    assert changelist.narrowed[0][2] == "?q=shenzhen&territory=CN"


@pytest.mark.parametrize("narrowed", ["kind=ip_geolocation", "day=2026-01-01", "territory=CN", "network=vpn"])
def test_all_evidence_is_not_asked_what_has_no_index(
    in_review: Case, officer: User, browser_of: Open, narrowed: str
) -> None:
    answer = browser_of(officer).get(f"{reverse('admin:enforcement_evidence_changelist')}?{narrowed}")
    assert answer.context["cl"].result_list == []
    assert "Search for an account first" in answer.content.decode()


@pytest.mark.parametrize("day", ["2026-02-30", "yesterday", "9999-12-31", "%00"])
def test_a_day_that_is_none_is_said_to_be_none(in_review: Case, officer: User, browser_of: Open, day: str) -> None:
    for noun in ("evidence", "daytally"):
        page = reverse(f"admin:enforcement_{noun}_changelist")
        answer = browser_of(officer).get(f"{page}?q=shenzhen&day={day}")
        assert answer.status_code == 200
        assert answer.context["cl"].result_list == []


# -- what comes next ---------------------------------------------------------------------------------------------


def test_a_review_waits_for_a_person(in_review: Case) -> None:
    assert "A person warns it, or dismisses the case" in upcoming(in_review)


def test_before_a_mail_server_took_the_memo_no_clock_runs(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    assert "The notice has not begun" in upcoming(the_case(account_outside))


def test_a_warned_case_says_the_step_its_moment_its_reminders_and_what_ends_it(warned_case: Case) -> None:
    found = upcoming(warned_case)
    assert "The suspension, by the automation: the account is suspended then." in found
    assert f"When: {warned_case.due_at:%Y-%m-%d %H:%M}" in found
    assert f"Reminders: {warned_case.due_at - 7 * DAY:%Y-%m-%d}" in found
    assert "No rule holds any more, or no new request from an unsupported territory came after" in found
    assert "the traffic stays away for 7 days" in found
    assert "UTC. Then the case closes as cured." in found


def test_for_a_person_the_step_is_held(account_outside: Account, detector: Client, policy: PolicyVersion) -> None:
    Account.objects.filter(pk=account_outside.pk).update(kind="person")
    assert "held until one person agrees" in upcoming(warned(account_outside, detector))


def test_a_deadline_that_passed_waits_for_the_next_look(due_case: Case) -> None:
    assert "The deadline has passed; the next look decides" in upcoming(due_case)


def test_a_stopped_clock_says_why_and_what_was_left(held_case: Case) -> None:
    found = upcoming(held_case)
    assert "the clock is stopped" in found
    assert "Stopped: approval" in found


@pytest.fixture
def held_case(due_case: Case, officer: User) -> Case:
    now = clock.now()
    review.propose(case_id=due_case.pk, step=Step.SUSPEND, reason="It went on.", by=officer, now=now, version=1)
    return Case.objects.get(pk=due_case.pk)


def test_after_the_last_rung_nothing_follows_by_itself(
    account_outside: Account, detector: Client, activate: Activate
) -> None:
    activate(SMALL_POLICY.replace("  suspension: {step: block, after: P30D, automation: auto, reminders: [P3D]}\n", ""))
    case = warned(account_outside, detector)
    clock.move_to(case.due_at + timedelta(minutes=1))
    see(detector, sighting(account_outside, clock.now()))
    pass_time(timedelta(0))
    answer_mail()
    pass_time(timedelta(0))
    assert "Nothing follows by itself" in upcoming(the_case(account_outside))


# -- what each step would do -------------------------------------------------------------------------------------


def test_the_page_says_what_each_button_would_do(due_case: Case, officer: User, browser_of: Open) -> None:
    told = words(section(sheet(browser_of(officer), due_case), "What each step would do"))
    assert "Every request of the account is refused (account_suspended)." in told
    assert "Every request of the account is refused (account_blocked)." in told
    assert "What this case restricts is lifted at once." in told
    assert "one other person, a lead, must agree" in told


def test_what_is_held_or_contested_is_told_with_both_answers(held: Decision, detector: Client) -> None:
    table = buttons_section(load(held.case_id), now=clock.now()).table
    assert table is not None
    told = {row[0]: row[2] for row in table.rows}
    assert list(told) == ["Approve the suspension", "Refuse the suspension", "Dismiss", "Reinstate"]
    assert "(account_suspended)" in told["Approve the suspension"]
    assert told["Refuse the suspension"] == "What is refused now stays refused."
    warning = held.case.decisions.earliest("pk")
    appeals.file(decision_id=warning.pk, statement="Not us.", now=clock.now())
    table = buttons_section(load(held.case_id), now=clock.now()).table
    assert table is not None
    assert [row[0] for row in table.rows][:2] == ["Uphold the warning", "Overturn the warning"]


def test_only_the_steps_that_have_a_button_are_told(in_review: Case) -> None:
    table = buttons_section(load(in_review.pk), now=clock.now()).table
    assert table is not None
    assert [words(row[0]) for row in table.rows] == ["Warn", "Dismiss"]


@pytest.mark.parametrize("state", list(State))
def test_what_an_account_can_do_is_said_of_every_state(state: State) -> None:
    able, said = CAPABILITIES[state], dict(others_in(state))
    assert ("refused" in requests_in(state)) == (able.requests != "answered")
    assert ("off" in said["Automatic top-up"]) == (not able.top_up)
    assert ("30 days" in said["Results of earlier jobs"]) == (able.results is not None)
    assert not changes(state, state)


def test_only_what_becomes_different_is_told() -> None:
    assert not changes(State.OPEN, State.WARNED)
    assert "Paid credit: is frozen." in changes(State.WARNED, State.SUSPENDED)
    assert "Paid credit: can be used." in changes(State.SUSPENDED, State.CLOSED)


# -- cost --------------------------------------------------------------------------------------------------------


def test_a_sheet_asks_no_more_than_twelve_times_however_much_hangs_on_it(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, browser_of: Open
) -> None:
    browser = browser_of(officer)
    for number in range(3):
        see(detector, *(sighting(account_outside, clock.now(), credential=f"sk-{each}") for each in range(4 + number)))
        case = Case.objects.latest("pk")
        answer_mail()
        pass_time(timedelta(minutes=1))
        review.propose(case_id=case.pk, step=Step.REINSTATE, reason="No.", by=officer, now=clock.now(), version=1)
        clock.advance(timedelta(hours=1))
    intake.record(detector, [sighting(make_account("other"), clock.now())], now=clock.now())
    see(detector, sighting(account_outside, clock.now()))
    page = reverse("admin:enforcement_case_change", args=[Case.objects.latest("pk").pk])
    asked = questions(browser, page)
    assert len(asked) <= 12, "\n".join(each[:200] for each in asked)
