"""Who is written to, when words are made, and what is no longer said because the case moved on."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from enforcement.models import Account, Client, Contact, Memo, MemoCopy, PolicyVersion
from enforcement.rules.transitions import Step
from enforcement.services import appeals, clock, memo_words, memos, review, sweep, wording
from notifications.models import Message
from tests.conftest import make_account
from tests.stage import DAY, answer_mail, pass_time, see, sighting, the_case, warned

pytestmark = pytest.mark.django_db


def test_words_are_rendered_once_and_never_again(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    memos.render(now=clock.now())
    before = Memo.objects.values().get()
    account_outside.name = "Another Name"
    account_outside.save()
    memos.render(now=clock.now() + DAY)
    assert Memo.objects.values().get() == before


def test_each_contact_gets_a_message_of_its_own_and_billing_only_where_nobody_else_is(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    for role in ("security", "legal", "billing"):
        Contact.objects.create(account=account_outside, role=role, email=f"{role}@shenzhen.test")
    Contact.objects.create(account=account_outside, role="legal", email="owner@shenzhen.test")
    lonely = Account.objects.create(external_id="lonely")
    Contact.objects.create(account=lonely, role="billing", email="billing@lonely.test")
    see(detector, sighting(account_outside, clock.now()), sighting(lonely, clock.now()))
    memos.render(now=clock.now())
    copies = MemoCopy.objects.order_by("message__recipient").values_list("message__recipient", "role")
    assert list(copies) == [
        ("billing@lonely.test", "billing"),
        ("legal@shenzhen.test", "legal"),
        ("owner@shenzhen.test", "owner"),
        ("security@shenzhen.test", "security"),
    ]


def test_a_memo_that_nobody_took_is_written_anew_for_a_contact_that_was_not_tried(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    answer_mail(Message.State.FAILED, "550 no such user")
    pass_time(3 * DAY)
    case, refused = the_case(account_outside), Memo.objects.get()
    assert [stop.kind for stop in case.stops.filter(ended_at=None)] == ["unreachable"]
    answer_mail()
    assert Message.objects.count() == 1  # nobody new to try

    Contact.objects.create(account=account_outside, role="billing", email="billing@shenzhen.test")
    answer_mail()
    assert Message.objects.count() == 1  # billing is written to only where there is nobody else

    account_outside.contacts.filter(role="owner").update(email="new@shenzhen.test")
    accepted_at = answer_mail()
    sweep.sweep(now=clock.now())
    memo = Memo.objects.get()
    assert memo.told_due_at >= refused.told_due_at + 3 * DAY
    assert Message.objects.get(recipient="owner@shenzhen.test").text == refused.text
    assert Message.objects.get(recipient="new@shenzhen.test").text == memo.text != refused.text
    case.refresh_from_db()
    assert case.accepted_at == accepted_at
    assert case.due_at >= accepted_at + 15 * DAY
    assert not case.stops.filter(ended_at=None).exists()


def test_one_mailbox_gets_one_message_however_it_is_written(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    Contact.objects.create(account=account_outside, role="security", email="Owner@Shenzhen.test")
    see(detector, sighting(account_outside, clock.now()))
    memos.render(now=clock.now())
    assert [(copy.role, copy.message.recipient) for copy in MemoCopy.objects.all()] == [
        ("owner", "owner@shenzhen.test")
    ]


def test_a_memo_that_cannot_be_rendered_steps_aside(
    account_outside: Account, detector: Client, policy: PolicyVersion, monkeypatch
) -> None:
    other = make_account("other", "Other Ltd")
    see(detector, sighting(account_outside, clock.now()), sighting(other, clock.now()))
    render = memo_words.render

    def poison(memo, **given):
        if memo.case.account == other:
            raise ValueError("poison")
        return render(memo, **given)

    monkeypatch.setattr(memo_words, "render", poison)
    done = memos.render(now=clock.now())
    assert (done.done, done.failed) == (1, 1)
    assert Message.objects.get().recipient == "owner@shenzhen.test"
    monkeypatch.undo()
    assert memos.render(now=clock.now() + timedelta(minutes=2)).done == 1


def test_a_case_that_nobody_could_be_written_to_goes_on_when_somebody_can(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    account_outside.contacts.all().delete()
    answer_mail()
    case = the_case(account_outside)
    assert [stop.kind for stop in case.stops.filter(ended_at=None)] == ["unreachable"]
    assert Memo.objects.get().rendered_at is None
    Contact.objects.create(account=account_outside, role="owner", email="new@shenzhen.test")
    clock.advance(timedelta(hours=1))
    accepted_at = answer_mail()
    sweep.sweep(now=clock.now())
    case.refresh_from_db()
    assert not case.stops.filter(ended_at=None).exists()
    assert case.due_at >= accepted_at + 15 * DAY


def test_a_memo_of_a_case_that_closed_meanwhile_is_not_sent(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    memos.render(now=clock.now())
    dismiss(account_outside, officer)
    assert Message.objects.get().state == "cancelled"
    assert Memo.objects.count() == 1


def test_who_never_heard_of_a_case_does_not_hear_of_its_end(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    answer_mail(Message.State.FAILED, "550 no such user")
    dismiss(account_outside, officer)
    assert not Memo.objects.filter(kind="reinstatement").exists()


def test_who_may_have_heard_of_a_case_hears_of_its_end_and_of_nothing_else(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    memos.render(now=clock.now())
    Message.objects.update(attempts=1, reply="SMTPServerDisconnected: Connection unexpectedly closed")
    dismiss(account_outside, officer)
    memos.render(now=clock.now())
    assert list(Message.objects.order_by("pk").values_list("state", flat=True)) == ["cancelled", "queued"]
    assert Memo.objects.latest("pk").kind == "reinstatement"


def dismiss(account: Account, officer: User) -> None:
    case = the_case(account)
    review.propose(
        case_id=case.pk, step=Step.DISMISS, reason="A test of ours.", by=officer, now=clock.now(), version=case.version
    )


def reminder_is_due(account: Account, detector: Client) -> Memo:
    """The week before the deadline has begun, and the reminder has no words yet."""
    warned(account, detector)
    pass_time(9 * DAY)
    return Memo.objects.get(kind="reminder")


def test_a_reminder_says_nothing_while_the_clock_stands_and_the_new_date_afterwards(
    account_outside: Account, detector: Client, policy: PolicyVersion, lead: User
) -> None:
    reminder = reminder_is_due(account_outside, detector)
    appeal = appeals.file(decision_id=reminder.decision_id, statement="We moved.", now=clock.now())
    pass_time(2 * DAY)
    answer_mail()
    reminder.refresh_from_db()
    assert (reminder.rendered_at, reminder.cancelled_at) == (None, None)
    appeals.decide(appeal_id=appeal.pk, overturn=False, reason="They did not.", by=lead, now=clock.now())
    clock.advance(timedelta(hours=1))
    answer_mail()
    reminder.refresh_from_db()
    case = the_case(account_outside)
    assert case.due_at > clock.now() + 6 * DAY
    assert wording.moment(case.due_at, "en") in reminder.text


def test_a_reminder_that_comes_too_late_is_not_sent(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    reminder = reminder_is_due(account_outside, detector)
    clock.move_to(the_case(account_outside).due_at)
    answer_mail()
    reminder.refresh_from_db()
    assert reminder.rendered_at is None
    assert reminder.cancelled_at is not None
    assert Message.objects.count() == 1


def test_of_two_reminders_that_wait_the_last_is_sent(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    reminder_is_due(account_outside, detector)
    pass_time(5 * DAY + timedelta(hours=12))
    answer_mail()
    sent = Memo.objects.filter(kind="reminder").exclude(rendered_at=None)
    assert Memo.objects.filter(kind="reminder").count() == 2
    assert [memo.before_due for memo in sent] == [DAY]
