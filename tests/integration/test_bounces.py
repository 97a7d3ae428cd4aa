"""A memo that comes back days after a server took it: the notice that it carried was none."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User

from enforcement.models import Account, Case, Client, Contact, Memo, MemoCopy, PolicyVersion, Restriction, Stop
from enforcement.rules.transitions import Step
from enforcement.services import appeals, bounces, clock, memos, queries, review, sweep
from enforcement.services.notice_rule import NoticeNotOver
from enforcement.services.roles import NotAllowed
from notifications.models import Message
from tests.conftest import make_account
from tests.stage import DAY, answer_mail, move_to, pass_time, see, sighting, steps, suspended, the_case, warned

pytestmark = pytest.mark.django_db

NO_SUCH_USER = "550 5.1.1 no such user"


def comes_back(*messages: Message, words: str = NO_SUCH_USER) -> list[int]:
    return bounces.record(message_ids=[each.pk for each in messages], words=words, now=clock.now())


def copy_for(role: str, memo: Memo | None = None) -> Message:
    copies = MemoCopy.objects.filter(role=role).order_by("-pk")
    return (copies.filter(memo=memo) if memo else copies)[0].message


def contact(account: Account, role: str, email: str = "") -> None:
    Contact.objects.create(account=account, role=role, email=email or f"{role}@{account.external_id}.test")


def standing_stops(case: Case) -> list[str]:
    return list(case.stops.filter(ended_at=None).values_list("kind", flat=True))


def accepted(message: Message, at: datetime) -> None:
    Message.objects.filter(pk=message.pk).update(
        state="accepted", accepted_at=at, next_attempt_at=None, reply="250 ok", attempts=1
    )


# -- the message -----------------------------------------------------------------------------------------------------


def test_a_bounce_is_recorded_once_with_its_words(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    warned(account_outside, detector)
    message = copy_for("owner")
    before = message.accepted_at
    assert comes_back(message) == [message.pk]
    assert comes_back(message, words="again") == []
    message.refresh_from_db()
    assert (message.state, message.accepted_at) == ("accepted", before)
    assert before < message.bounced_at < clock.now()
    assert message.reply == f"250 ok\n{NO_SUCH_USER}"
    assert Stop.objects.count() == 1


def test_what_came_back_before_its_acceptance_was_recorded_has_failed_for_good(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    memos.render(now=clock.now())
    message = copy_for("owner")
    Message.objects.update(attempts=1, reply="SMTPServerDisconnected: Connection unexpectedly closed")
    comes_back(message)
    message.refresh_from_db()
    assert (message.state, message.next_attempt_at, message.bounced_at) == ("failed", None, None)
    sweep.sweep(now=clock.now())
    assert set(standing_stops(the_case(account_outside))) <= {"bounce", "unreachable"} != set()
    assert the_case(account_outside).accepted_at is None


def test_what_was_never_offered_cannot_come_back(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    memos.render(now=clock.now())
    message = copy_for("owner")
    assert comes_back(message) == []
    message.refresh_from_db()
    assert (message.state, message.reply) == ("queued", "")


# -- the only copy that stood ----------------------------------------------------------------------------------------


def test_a_bounce_stops_the_clock_and_the_deadline_passes_without_a_step(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    pass_time(3 * DAY)
    see(detector, sighting(account_outside, clock.now()))
    comes_back(copy_for("owner"))
    stopped = the_case(account_outside)
    assert standing_stops(stopped) == ["bounce"]
    assert (stopped.accepted_at, stopped.due_at) == (case.accepted_at, case.due_at)
    assert case.due_at - clock.now() <= stopped.remaining < 12 * DAY + timedelta(minutes=1)
    pass_time(60 * DAY)
    assert steps(account_outside) == [("warn", "applied")]


def test_a_person_cannot_take_the_step_either(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    case = warned(account_outside, detector)
    comes_back(copy_for("owner"))
    clock.move_to(case.due_at + DAY)
    held = review.propose(
        case_id=case.pk, step=Step.SUSPEND, reason="It goes on.", by=officer, now=clock.now(), version=case.version
    )
    with pytest.raises(NoticeNotOver):
        review.approve(decision_id=held.pk, reason="I agree.", by=lead, now=clock.now())


def test_the_memo_is_written_anew_to_whom_it_was_not_sent_yet_and_the_notice_runs_anew(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case, memo = warned(account_outside, detector), Memo.objects.get()
    returned = copy_for("owner")
    pass_time(10 * DAY)
    comes_back(returned)
    answer_mail()
    assert Message.objects.count() == 1  # nobody new to try

    contact(account_outside, "legal")
    pass_time(2 * DAY)
    accepted_at = answer_mail()
    sweep.sweep(now=clock.now())
    anew = Memo.objects.get(kind="warning")
    assert anew.told_due_at >= memo.told_due_at + 12 * DAY
    copies = anew.copies.order_by("pk").values_list("message__recipient", flat=True)
    assert list(copies) == ["owner@shenzhen.test", "legal@shenzhen.test"]
    returned.refresh_from_db()
    assert returned.text == memo.text
    assert copy_for("legal").text == anew.text != memo.text
    again = the_case(account_outside)
    assert (again.accepted_at, again.remaining, standing_stops(again)) == (accepted_at, None, [])
    assert again.due_at >= accepted_at + 15 * DAY > case.due_at
    assert again.look_at is not None


def test_two_domains_that_only_python_takes_for_one_are_two(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    """And the rendering comes to its end, whatever letters an address has."""
    Contact.objects.update(email="owner@strasse.test")
    warned(account_outside, detector)
    comes_back(copy_for("owner"))
    contact(account_outside, "owner", "OWNER@STRASSE.test")
    answer_mail()
    assert Message.objects.count() == 1
    contact(account_outside, "owner", "owner@straße.test")
    answer_mail()
    assert copy_for("owner").recipient == "owner@straße.test"


def test_what_was_left_is_left_still_when_it_was_more_than_the_notice(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    far = case.due_at + 40 * DAY
    Case.objects.update(due_at=far)
    comes_back(copy_for("owner"))
    left = the_case(account_outside).remaining
    contact(account_outside, "legal")
    clock.advance(20 * DAY)
    accepted_at = answer_mail()
    sweep.sweep(now=clock.now())
    assert the_case(account_outside).due_at == accepted_at + left > far


def test_a_contract_that_promises_less_meanwhile_shortens_no_notice(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    Account.objects.update(min_notice=60 * DAY)
    assert warned(account_outside, detector).notice == 60 * DAY
    comes_back(copy_for("owner"))
    Account.objects.update(min_notice=None)
    contact(account_outside, "legal")
    accepted_at = answer_mail()
    sweep.sweep(now=clock.now())
    case = the_case(account_outside)
    assert (case.notice, standing_stops(case)) == (60 * DAY, [])
    assert case.due_at >= accepted_at + 60 * DAY


def test_other_stops_keep_the_new_clock_from_running(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    appeals.file(decision_id=Memo.objects.get().decision_id, statement="We moved.", now=clock.now())
    comes_back(copy_for("owner"))
    contact(account_outside, "legal")
    accepted_at = answer_mail()
    sweep.sweep(now=clock.now())
    case.refresh_from_db()
    assert standing_stops(case) == ["appeal"]
    assert case.accepted_at == accepted_at
    assert case.remaining >= 15 * DAY
    assert case.look_at is None


def test_a_copy_that_counts_more_and_is_on_its_way_is_waited_for(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    """And the sweep comes to its end meanwhile."""
    warned(account_outside, detector)
    comes_back(copy_for("owner"))
    contact(account_outside, "owner", "second@shenzhen.test")
    contact(account_outside, "security")
    memos.render(now=clock.now())
    accepted(copy_for("security"), clock.now())
    sweep.sweep(now=clock.now())
    assert standing_stops(the_case(account_outside)) == ["bounce"]
    pass_time(DAY)
    owner_at = clock.now()
    accepted(copy_for("owner"), owner_at)
    pass_time(DAY)
    case = the_case(account_outside)
    assert (case.accepted_at, standing_stops(case)) == (owner_at, [])


def test_a_bounce_before_the_clock_was_started_starts_none(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    answer_mail()
    comes_back(copy_for("owner"))
    pass_time(30 * DAY)
    case = the_case(account_outside)
    assert (case.state, case.accepted_at, case.due_at) == ("warned", None, None)
    assert standing_stops(case) == ["bounce"]


def test_the_timeline_keeps_that_it_was_accepted_and_tells_that_it_came_back(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    pass_time(DAY)
    comes_back(copy_for("owner"))
    told = {each["what"]: each["at"] for each in queries.timeline("shenzhen")}
    assert told["memo.accepted"] == case.accepted_at
    assert told["memo.bounced"] == Message.objects.get().bounced_at > told["memo.accepted"]
    (memo,) = queries.case(case.reference)["memos"]
    assert (memo["accepted_at"], memo["unreachable"]) == (None, True)


# -- somebody else has it --------------------------------------------------------------------------------------------


def warned_through_two(account: Account, detector: Client, later: str) -> Case:
    """The owner took the memo at once, the other a day later."""
    contact(account, later)
    see(detector, sighting(account, clock.now()))
    memos.render(now=clock.now())
    accepted(copy_for("owner"), clock.now())
    sweep.sweep(now=clock.now())
    pass_time(DAY)
    accepted(copy_for(later), clock.now())
    return the_case(account)


def test_where_another_contact_has_the_memo_the_notice_is_counted_from_there(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned_through_two(account_outside, detector, "legal")
    comes_back(copy_for("owner"))
    moved, stands = the_case(account_outside), copy_for("legal")
    assert standing_stops(moved) == []
    assert moved.accepted_at == stands.accepted_at
    assert moved.due_at == stands.accepted_at + 15 * DAY > case.due_at
    assert moved.look_at == moved.due_at - 7 * DAY


def test_the_copy_of_the_security_contact_changes_nothing_while_the_owner_has_the_memo(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    warned_through_two(account_outside, detector, "security")
    before = Case.objects.values().get()
    comes_back(copy_for("security"))
    assert Case.objects.values().get() == before
    assert not Stop.objects.exists()
    clock.move_to(before["due_at"])
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=clock.now())
    assert steps(account_outside)[-1] == ("suspend", "applied")


def test_a_stopped_clock_gains_what_the_later_acceptance_adds(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned_through_two(account_outside, detector, "legal")
    appeals.file(decision_id=Memo.objects.get().decision_id, statement="We moved.", now=clock.now())
    before = the_case(account_outside)
    comes_back(copy_for("owner"))
    after = the_case(account_outside)
    assert after.due_at - case.due_at == after.remaining - before.remaining > 0 * DAY
    assert after.look_at is None


def test_when_the_last_copy_comes_back_the_clock_stops(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    warned_through_two(account_outside, detector, "legal")
    comes_back(copy_for("owner"))
    comes_back(copy_for("legal"))
    assert standing_stops(the_case(account_outside)) == ["bounce"]


# -- later states ----------------------------------------------------------------------------------------------------


def test_the_bounce_of_a_suspensions_memo_stops_the_way_to_a_block_and_lifts_nothing(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    suspended(account_outside, detector)
    answer_mail()
    sweep.sweep(now=clock.now())
    comes_back(copy_for("owner", Memo.objects.get(kind="suspension")))
    pass_time(90 * DAY)
    case = the_case(account_outside)
    assert (case.state, standing_stops(case)) == ("suspended", ["bounce"])
    assert Restriction.objects.filter(lifted_at=None).count() == 1


def test_a_block_whose_memo_comes_back_is_told_to_somebody_else(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    suspended(account_outside, detector)
    answer_mail()
    sweep.sweep(now=clock.now())
    move_to(the_case(account_outside).due_at)
    answer_mail()
    assert the_case(account_outside).state == "blocked"
    comes_back(copy_for("owner", Memo.objects.get(kind="block")))
    contact(account_outside, "legal")
    answer_mail()
    sweep.sweep(now=clock.now())
    case = the_case(account_outside)
    assert (case.state, case.due_at, standing_stops(case)) == ("blocked", None, [])
    assert copy_for("legal").state == "accepted"


def test_what_announced_an_earlier_state_stops_nothing(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    suspended(account_outside, detector)
    answer_mail()
    sweep.sweep(now=clock.now())
    comes_back(copy_for("owner", Memo.objects.get(kind="warning")))
    assert standing_stops(the_case(account_outside)) == []


def test_the_bounce_of_a_reminder_stops_nothing(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    warned(account_outside, detector)
    pass_time(9 * DAY)
    answer_mail()
    assert comes_back(copy_for("owner", Memo.objects.get(kind="reminder")))
    assert standing_stops(the_case(account_outside)) == []


def test_a_closed_case_is_left_alone(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
) -> None:
    case = warned(account_outside, detector)
    review.propose(
        case_id=case.pk, step=Step.DISMISS, reason="A test of ours.", by=officer, now=clock.now(), version=case.version
    )
    before = Case.objects.values().get()
    assert comes_back(copy_for("owner")) != []
    assert Case.objects.values().get() == before
    assert not Stop.objects.filter(ended_at=None).exists()


# -- many, and by hand -----------------------------------------------------------------------------------------------


def test_many_come_back_at_once(account_outside: Account, detector: Client, policy: PolicyVersion) -> None:
    others = [make_account(f"other-{number}") for number in range(5)]
    see(detector, *(sighting(each, clock.now()) for each in (account_outside, *others)))
    answer_mail()
    sweep.sweep(now=clock.now())
    back = comes_back(*Message.objects.all())
    assert sorted(back) == sorted(Message.objects.values_list("pk", flat=True))
    assert Stop.objects.filter(kind="bounce", ended_at=None).count() == 6


def test_only_who_may_decide_can_say_that_a_memo_came_back(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
) -> None:
    warned(account_outside, detector)
    message = copy_for("owner")
    stranger = User.objects.create(username="stranger", is_staff=True)
    with pytest.raises(NotAllowed):
        bounces.record(message_ids=[message.pk], by=stranger, now=clock.now())
    assert not Stop.objects.exists()
    bounces.record(message_ids=[message.pk], words=NO_SUCH_USER, by=officer, now=clock.now())
    assert Stop.objects.get().started_by == officer
