"""A memo that came back: who says so in the console, and where it is seen."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from benchmarks.unguarded import unguarded
from enforcement.models import Case, Client, Evidence, Memo, MemoCopy, Stop
from enforcement.services import clock, retraction
from notifications.models import Message

pytestmark = pytest.mark.django_db
Open = Callable[[User], Browser]
WORDS = "550 5.1.1 no such user"


def door(memo: Memo) -> str:
    return reverse("admin:enforcement_memo_bounce", args=[MemoCopy.objects.get(memo=memo).pk])


def page(browser: Browser, row: Case | Memo | Message | Evidence) -> str:
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return browser.get(reverse(name, args=[row.pk])).content.decode()


def test_an_officer_records_what_the_returned_mail_says(warned_case: Case, officer: User, browser_of: Open) -> None:
    browser, memo = browser_of(officer), warned_case.memos.get()
    assert door(memo) in page(browser, memo)
    asked = browser.get(door(memo)).content.decode()
    assert "the clock stops until somebody does" in asked
    answer = browser.post(door(memo), {"reason": WORDS}, follow=True)
    assert "Recorded: the copy for owner@shenzhen.test came back." in answer.content.decode()
    message, stop = Message.objects.get(), Stop.objects.get()
    assert message.bounced_at is not None
    assert message.reply.endswith(WORDS)
    assert (stop.kind, stop.started_by) == ("bounce", officer)
    assert door(memo) not in page(browser, memo)


def test_the_case_the_memo_and_the_message_show_whose_copy_it_was(
    warned_case: Case, officer: User, browser_of: Open
) -> None:
    browser, memo = browser_of(officer), warned_case.memos.get()
    browser.post(door(memo), {"reason": WORDS})
    for row in (warned_case, memo, Message.objects.get()):
        shown = page(browser, row)
        assert "bounced" in shown
        assert "owner@shenzhen.test" in shown
        assert WORDS in shown
    assert "The memo came back from owner, and nobody else has it." in page(browser, warned_case)


def test_without_the_words_of_the_returned_mail_nothing_is_recorded(
    warned_case: Case, officer: User, browser_of: Open
) -> None:
    answer = browser_of(officer).post(door(warned_case.memos.get()), {"reason": " "})
    assert answer.status_code == 422
    assert "Copy what the returned mail says" in answer.content.decode()
    assert not Stop.objects.exists()


@pytest.mark.parametrize("state", ["queued", "failed", "bounced"])
def test_what_no_server_has_cannot_come_back(state: str, warned_case: Case, officer: User, browser_of: Open) -> None:
    browser, memo = browser_of(officer), warned_case.memos.get()
    if state == "bounced":
        Message.objects.update(bounced_at=clock.now())
    else:
        next_attempt_at = clock.now() if state == "queued" else None
        with unguarded("notifications_message"):
            Message.objects.update(state=state, accepted_at=None, next_attempt_at=next_attempt_at)
    assert door(memo) not in page(browser, memo)
    answer = browser.post(door(memo), {"reason": WORDS}, follow=True)
    assert "No mail server has this copy, so it cannot come back." in answer.content.decode()
    assert not Stop.objects.exists()


def test_who_may_not_decide_sees_no_button_and_no_door(warned_case: Case, analyst: User, browser_of: Open) -> None:
    browser, memo = browser_of(analyst), warned_case.memos.get()
    assert door(memo) not in page(browser, memo)
    assert browser.post(door(memo), {"reason": WORDS}).status_code == 403
    assert not Stop.objects.exists()


def test_evidence_that_was_withdrawn_says_so_with_its_reason(
    in_review: Case, detector: Client, analyst: User, browser_of: Open
) -> None:
    row, browser = Evidence.objects.get(), browser_of(analyst)
    assert "Withdrawn by its detector" not in page(browser, row)
    retraction.retract(
        detector=detector, external_ids=[row.external_id], reason="A <b>bad</b> release.", now=clock.now()
    )
    shown = page(browser, row)
    assert "Withdrawn by its detector: it counts nowhere" in shown
    assert "A &lt;b&gt;bad&lt;/b&gt; release." in shown
    assert "withdrawn" in browser.get(reverse("admin:enforcement_evidence_changelist")).content.decode()
