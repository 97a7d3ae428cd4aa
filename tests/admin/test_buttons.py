"""Each button leads to a page that says what it will do, asks why, and makes one service call."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import reverse

from benchmarks.unguarded import unguarded
from enforcement.models import Account, Appeal, Case, Client, Decision, Memo, PolicyVersion, Restriction
from enforcement.rules.transitions import Step
from enforcement.services import appeals, clock, review, staff
from enforcement.services.locks import lock_accounts
from enforcement.services.roles import Role
from tests.conftest import SMALL_POLICY
from tests.stage import the_case, warned

pytestmark = pytest.mark.django_db

Open = Callable[[User], Browser]
OF_THE_CLOCK = {"Hold", "Propose to end the hold", "End the hold", "Give more time", "Exempt"}
REASON = "Looked at the log of the edge.\nIt is the office in Shenzhen."


def step_of(case: Case, step: str) -> str:
    return reverse("admin:enforcement_case_step", args=[case.pk, step])


def held_of(decision: Decision, word: str) -> str:
    return reverse(f"admin:enforcement_decision_{word}", args=[decision.pk])


def appeal_of(appeal: Appeal, word: str) -> str:
    return reverse(f"admin:enforcement_appeal_{word}", args=[appeal.pk])


def page_of(case: Case) -> str:
    return reverse("admin:enforcement_case_change", args=[case.pk])


def press(browser: Browser, door: str, **given: Any) -> tuple[HttpResponse, str]:
    """Confirm a page; the answer, and what the person is told after it."""
    form = browser.get(door, follow=True).context
    version = form["form"].initial.get("version", "") if "form" in form else ""
    answer = browser.post(door, {"version": version, "reason": REASON, **given}, follow=True)
    return answer, " ".join(str(each) for each in answer.context.get("messages", ()))


def buttons_on(browser: Browser, page: str) -> list[str]:
    return [button.words for button in browser.get(page).context["buttons"]]


def steps_on(browser: Browser, page: str) -> list[str]:
    """Without what people do to a clock, which has tests of its own."""
    return [words for words in buttons_on(browser, page) if words not in OF_THE_CLOCK]


def newest(case: Case) -> Decision:
    return case.decisions.latest("pk")


# -- each button does its work ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "state"), [("warn", "warned"), ("dismiss", "closed")])
def test_one_officer_takes_a_small_step(
    in_review: Case, officer: User, browser_of: Open, step: str, state: str
) -> None:
    answer, told = press(browser_of(officer), step_of(in_review, step))
    assert answer.redirect_chain == [(page_of(in_review), 302)]
    assert told.startswith("Done:")
    decision = newest(in_review)
    assert (decision.step, decision.status, decision.proposed_by) == (step, "applied", officer)
    assert decision.reason.splitlines() == REASON.splitlines()
    assert the_case(in_review.account).state == state


@pytest.mark.parametrize("step", ["suspend", "block", "restrict"])
def test_a_grave_step_is_held_for_a_lead_who_says_why_too(
    account_outside: Account,
    detector: Client,
    activate: Callable[[str], PolicyVersion],
    officer: User,
    lead: User,
    browser_of: Open,
    step: str,
) -> None:
    activate(SMALL_POLICY)
    case = warned(account_outside, detector)
    clock.move_to(case.due_at)
    _, told = press(browser_of(officer), step_of(case, step), scope="traffic")
    assert "held until enough people agree" in told
    assert not Restriction.objects.exists()
    _, told = press(browser_of(lead), held_of(newest(case), "approve"), reason="Counted again.")
    assert told.startswith("Done:")
    decision = newest(case)
    assert (decision.status, decision.approved_by, decision.agreed_because) == ("applied", lead, "Counted again.")
    assert Restriction.objects.get(lifted_at=None).decision == decision


def test_single_keys_are_restricted_and_all_others_left_alone(
    due_case: Case, officer: User, lead: User, browser_of: Open
) -> None:
    due_case.decisions.get().facts["rows"][0].update(credential="sk-1")
    warning = due_case.decisions.get()
    warning.facts["rows"] = [{**warning.facts["rows"][0], "credential": key} for key in ("sk-1", "sk-2")]
    with unguarded("enforcement_decision"):
        warning.save()
    press(browser_of(officer), step_of(due_case, "restrict"), scope="keys", credentials=["sk-2"])
    press(browser_of(lead), held_of(newest(due_case), "approve"))
    assert list(Restriction.objects.values_list("scope", "value")) == [("credential", "sk-2")]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"scope": "keys"}, "Name at least one key."),
        ({"scope": "keys", "credentials": ["sk-unseen"]}, "not one of the available choices"),
        ({"scope": "traffic", "credentials": ["sk-1"]}, "Choose one of the two."),
    ],
)
def test_a_restriction_says_exactly_what_is_refused(
    due_case: Case, officer: User, browser_of: Open, given: dict[str, Any], sentence: str
) -> None:
    warning = due_case.decisions.get()
    warning.facts["rows"][0]["credential"] = "sk-1"
    with unguarded("enforcement_decision"):
        warning.save()
    answer, _ = press(browser_of(officer), step_of(due_case, "restrict"), **given)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert newest(due_case) == warning


def test_a_suspended_account_is_reinstated_and_nothing_is_refused_any_more(
    suspended_case: Case, officer: User, browser_of: Open
) -> None:
    press(browser_of(officer), step_of(suspended_case, "reinstate"))
    assert the_case(suspended_case.account).outcome == "reinstated"
    assert not Restriction.objects.filter(lifted_at=None).exists()


def test_what_the_automation_held_is_approved_by_an_officer(held: Decision, officer: User, browser_of: Open) -> None:
    press(browser_of(officer), held_of(held, "approve"))
    assert the_case(held.case.account).state == "suspended"


def test_what_the_automation_held_is_refused_with_a_reason(held: Decision, officer: User, browser_of: Open) -> None:
    _, told = press(browser_of(officer), held_of(held, "refuse"), reason="A traveller.")
    assert told.startswith("Refused:")
    held.refresh_from_db()
    assert (held.status, held.refused_because) == ("refused", "A traveller.")


def test_what_no_longer_holds_lapses_and_the_person_is_told(
    held: Decision, officer: User, browser_of: Open, activate: Callable[[str], PolicyVersion]
) -> None:
    activate(SMALL_POLICY.replace("supported: [DE,", "supported: [CN, DE,"))
    _, told = press(browser_of(officer), held_of(held, "approve"))
    assert "has lapsed" in told
    assert not Restriction.objects.exists()


@pytest.mark.parametrize(
    ("word", "status", "state"), [("uphold", "upheld", "suspended"), ("overturn", "overturned", "closed")]
)
def test_an_appeal_is_decided_by_somebody_who_was_not_involved(
    suspended_case: Case, officer: User, browser_of: Open, word: str, status: str, state: str
) -> None:
    appeal = appeals.file(decision_id=newest(suspended_case).pk, statement="Not us.", now=clock.now())
    _, told = press(browser_of(officer), appeal_of(appeal, word), reason="The address is a CDN's.")
    assert told.startswith("The appeal is decided")
    appeal.refresh_from_db()
    assert (appeal.status, appeal.decided_by, appeal.reason) == (status, officer, "The address is a CDN's.")
    assert the_case(suspended_case.account).state == state


# -- what the page says before ----------------------------------------------------------------------------------


def test_the_page_says_what_will_happen_before_it_happens(due_case: Case, officer: User, browser_of: Open) -> None:
    html = browser_of(officer).get(step_of(due_case, "suspend")).content.decode()
    for sentence in (
        "Shenzhen Office Ltd",
        "one other person, a lead, must agree",
        "A memo that tells of the suspension goes to owner@shenzhen.test (owner).",
        "Every request of the account is refused (account_suspended).",
        "The next deadline comes 30 days after a mail server accepted that memo",
        "10 requests on 1 day from CN",
    ):
        assert sentence in html
    assert "cannot take effect" not in html


def test_the_page_that_approves_names_the_keys(due_case: Case, officer: User, lead: User, browser_of: Open) -> None:
    warning = due_case.decisions.get()
    warning.facts["rows"][0]["credential"] = "sk-1"
    with unguarded("enforcement_decision"):
        warning.save()
    press(browser_of(officer), step_of(due_case, "restrict"), scope="keys", credentials=["sk-1"])
    html = browser_of(lead).get(held_of(newest(due_case), "approve")).content.decode()
    assert "Requests with these keys are refused: sk-1." in html


def test_the_page_that_refuses_says_that_nothing_changes(held: Decision, officer: User, browser_of: Open) -> None:
    html = browser_of(officer).get(held_of(held, "refuse")).content.decode()
    assert "What is refused now stays refused." in html
    assert "the clock goes on with what remained" in html


def test_a_memo_that_nobody_took_yet_is_not_followed_by_another(
    in_review: Case, officer: User, browser_of: Open
) -> None:
    press(browser_of(officer), step_of(in_review, "warn"))
    html = browser_of(officer).get(step_of(in_review, "dismiss")).content.decode()
    assert "No memo: nothing was said" in html
    press(browser_of(officer), step_of(in_review, "dismiss"))
    assert not Memo.objects.filter(cancelled_at=None).exists()


def test_the_page_says_that_nobody_hears_of_a_review(in_review: Case, officer: User, browser_of: Open) -> None:
    assert "No memo" in browser_of(officer).get(step_of(in_review, "dismiss")).content.decode()


def test_the_page_says_when_the_notice_is_not_over(warned_case: Case, officer: User, browser_of: Open) -> None:
    html = browser_of(officer).get(step_of(warned_case, "suspend")).content.decode()
    assert "The notice runs for another 1" in html


def test_the_page_says_that_an_appeal_stops_the_clock(suspended_case: Case, officer: User, browser_of: Open) -> None:
    appeals.file(decision_id=newest(suspended_case).pk, statement="Not us.", now=clock.now())
    html = browser_of(officer).get(step_of(suspended_case, "block")).content.decode()
    assert "The clock of this case is stopped (appeal)." in html


# -- what is offered --------------------------------------------------------------------------------------------


def test_only_the_steps_of_the_table_are_offered(in_review: Case, officer: User, browser_of: Open) -> None:
    assert steps_on(browser_of(officer), page_of(in_review)) == ["Warn", "Dismiss", "Restrict without notice"]


def test_a_warned_case_offers_what_may_follow(warned_case: Case, officer: User, browser_of: Open) -> None:
    found = steps_on(browser_of(officer), page_of(warned_case))
    assert found == ["Restrict", "Suspend", "Block", "Dismiss", "Reinstate", "Restrict without notice"]


def test_a_closed_case_offers_nothing(in_review: Case, officer: User, browser_of: Open) -> None:
    press(browser_of(officer), step_of(in_review, "dismiss"))
    assert steps_on(browser_of(officer), page_of(in_review)) == []


def test_while_a_decision_is_held_it_has_to_be_settled_first(held: Decision, officer: User, browser_of: Open) -> None:
    browser = browser_of(officer)
    settle = ["Approve the suspension", "Refuse the suspension"]
    assert steps_on(browser, page_of(held.case)) == [*settle, "Dismiss", "Reinstate", "Restrict without notice"]
    assert steps_on(browser, reverse("admin:enforcement_decision_change", args=[held.pk])) == settle


def test_a_proposer_is_not_offered_to_approve_and_cannot(due_case: Case, lead: User, browser_of: Open) -> None:
    browser = browser_of(lead)
    press(browser, step_of(due_case, "suspend"))
    assert steps_on(browser, page_of(due_case)) == ["Dismiss", "Reinstate"]
    _, told = press(browser, held_of(newest(due_case), "approve"))
    assert "Somebody else has to agree" in told
    _, told = press(browser, held_of(newest(due_case), "refuse"))
    assert "Somebody else has to refuse it" in told
    assert newest(due_case).status == "held"


def test_what_takes_a_lead_is_not_offered_to_an_officer(
    due_case: Case, lead: User, officer: User, browser_of: Open
) -> None:
    press(browser_of(lead), step_of(due_case, "suspend"))
    browser = browser_of(officer)
    assert steps_on(browser, page_of(due_case)) == ["Refuse the suspension", "Dismiss", "Reinstate"]
    _, told = press(browser, held_of(newest(due_case), "approve"))
    assert "that takes a lead" in told
    assert newest(due_case).status == "held"


def test_who_was_involved_is_not_offered_to_decide_the_appeal(
    in_review: Case, officer: User, lead: User, browser_of: Open
) -> None:
    press(browser_of(officer), step_of(in_review, "warn"))
    appeal = appeals.file(decision_id=newest(in_review).pk, statement="Not us.", now=clock.now())
    assert "Overturn the warning" not in steps_on(browser_of(officer), page_of(in_review))
    assert "Overturn the warning" in steps_on(browser_of(lead), page_of(in_review))
    _, told = press(browser_of(officer), appeal_of(appeal, "overturn"))
    assert "Somebody who was not involved" in told
    appeal.refresh_from_db()
    assert appeal.status == "open"


def test_what_must_not_be_decided_by_hand_has_no_door(warned_case: Case, officer: User, browser_of: Open) -> None:
    for step in set(Step) - {"warn", "restrict", "suspend", "block", "dismiss", "reinstate"} | {"nonsense"}:
        assert browser_of(officer).post(step_of(warned_case, step), {"reason": REASON}).status_code == 404


# -- what is refused --------------------------------------------------------------------------------------------


@pytest.fixture
def doors(held: Decision) -> list[str]:
    """Every confirmation page, on a case where a decision is held and an appeal is open."""
    warning = held.case.decisions.get(step="warn")
    appeal = Appeal.objects.create(
        case=held.case, decision=warning, statement="Not us.", suspensive=False, filed_at=clock.now()
    )
    return [
        *(step_of(held.case, step) for step in ("restrict", "suspend", "block", "dismiss", "reinstate")),
        *(held_of(held, word) for word in ("approve", "refuse")),
        *(appeal_of(appeal, word) for word in ("uphold", "overturn")),
    ]


def everything() -> list[list[Any]]:
    nouns = (Case, Decision, Appeal, Restriction, Memo, Account)
    return [list(noun._default_manager.order_by("pk").values_list()) for noun in nouns]


def test_looking_at_a_page_changes_nothing(doors: list[str], lead: User, browser_of: Open) -> None:
    before, browser = everything(), browser_of(lead)
    for door in doors:
        assert browser.get(door, {"reason": REASON, "version": 1}).status_code == 200
        browser.head(door)
        browser.put(door)
    assert everything() == before


@pytest.mark.parametrize("reason", ["", "  \n "])
def test_without_a_reason_nothing_is_done(doors: list[str], lead: User, browser_of: Open, reason: str) -> None:
    before, browser = everything(), browser_of(lead)
    for door in doors:
        answer, _ = press(browser, door, reason=reason, scope="traffic")
        assert answer.status_code == 422
        assert "A reason is required" in answer.content.decode()
    assert everything() == before


@pytest.mark.parametrize("role", ["analyst", "counsel", "auditor"])
def test_who_does_not_decide_sees_no_button_and_no_page(doors: list[str], browser_of: Open, role: str) -> None:
    browser = browser_of(staff.create("pat", email="pat@provider.test", role=Role(role), password=None))
    before = everything()
    without_notice = ["Restrict without notice"] if role == "counsel" else []
    assert steps_on(browser, page_of(Case.objects.get())) == without_notice
    for door in doors:
        assert browser.get(door).status_code == 403
        assert browser.post(door, {"reason": REASON, "version": 1}).status_code == 403
    assert everything() == before


def test_a_form_from_another_site_is_refused(doors: list[str], lead: User) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(lead)
    before = everything()
    for door in doors:
        assert browser.post(door, {"reason": REASON, "version": 1}).status_code == 403
    assert everything() == before


def test_a_page_that_is_out_of_date_changes_nothing(
    in_review: Case, officer: User, lead: User, browser_of: Open
) -> None:
    press(browser_of(officer), step_of(in_review, "warn"))
    answer = browser_of(lead).post(step_of(in_review, "dismiss"), {"reason": REASON, "version": 0}, follow=True)
    assert "The case has changed since you opened it" in answer.content.decode()
    assert the_case(in_review.account).state == "warned"


@pytest.mark.parametrize(("version", "status"), [("", 422), ("x", 422), ("-1", 302), ("99999999999999999999", 302)])
def test_a_version_that_is_none_is_refused(
    in_review: Case, officer: User, browser_of: Open, version: str, status: int
) -> None:
    answer = browser_of(officer).post(step_of(in_review, "warn"), {"reason": REASON, "version": version})
    assert answer.status_code == status
    assert the_case(in_review.account).state == "open"


def test_a_form_without_the_version_says_so(in_review: Case, officer: User, browser_of: Open) -> None:
    answer = browser_of(officer).post(step_of(in_review, "warn"), {"reason": REASON})
    assert "This page does not say which case you saw" in answer.content.decode()
    assert the_case(in_review.account).state == "open"


def test_a_step_that_the_table_does_not_have_is_told_in_a_sentence(
    in_review: Case, officer: User, browser_of: Open
) -> None:
    _, told = press(browser_of(officer), step_of(in_review, "suspend"))
    assert "A case that is open cannot take the step suspend." in told


def test_approving_before_the_notice_is_over_is_told_in_a_sentence(
    warned_case: Case, officer: User, lead: User, browser_of: Open
) -> None:
    press(browser_of(officer), step_of(warned_case, "suspend"))
    _, told = press(browser_of(lead), held_of(newest(warned_case), "approve"))
    assert "its notice runs until" in told
    assert the_case(warned_case.account).state == "warned"


def test_what_somebody_else_settled_meanwhile_is_told_in_a_sentence(
    held: Decision, officer: User, lead: User, browser_of: Open
) -> None:
    review.refuse(decision_id=held.pk, reason="A traveller.", by=officer, now=clock.now())
    answer = browser_of(lead).post(held_of(held, "approve"), {"reason": REASON}, follow=True)
    assert "This decision is refused already." in answer.content.decode()


def test_an_appeal_that_somebody_else_decided_meanwhile_is_told_in_a_sentence(
    suspended_case: Case, officer: User, lead: User, browser_of: Open
) -> None:
    appeal = appeals.file(decision_id=newest(suspended_case).pk, statement="Not us.", now=clock.now())
    appeals.decide(appeal_id=appeal.pk, overturn=False, reason="It is.", by=officer, now=clock.now())
    answer = browser_of(lead).post(appeal_of(appeal, "overturn"), {"reason": REASON}, follow=True)
    assert "This appeal is upheld already." in answer.content.decode()


@pytest.mark.parametrize("door", ["case/0/steps/warn", "decision/0/approve", "decision/0/refuse", "appeal/0/uphold"])
def test_what_is_not_there_is_not_found(officer: User, browser_of: Open, door: str) -> None:
    assert browser_of(officer).get(f"/admin/enforcement/{door}/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_while_somebody_else_decides_one_is_asked_to_try_again(
    in_review: Case, officer: User, browser_of: Open
) -> None:
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            lock_accounts([in_review.account_id], wait=True)
            locked.set()
            done.wait(20)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    locked.wait(20)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    try:
        _, told = press(browser_of(officer), step_of(in_review, "warn"))
    finally:
        done.set()
        other.join()
        connection.close()
    assert "Somebody else is deciding about this account at this moment." in told
    assert the_case(in_review.account).state == "open"
