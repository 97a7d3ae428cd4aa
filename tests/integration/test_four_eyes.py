"""Fault F70: one person tries both halves of four eyes, at every door. Refused, and every row is as it was."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import reverse

from enforcement.management.base import Refused
from enforcement.models import (
    Account,
    Brake,
    BrakePull,
    Case,
    Client,
    Decision,
    PolicyVersion,
    Restriction,
    SecondLogin,
)
from enforcement.rules.transitions import Step
from enforcement.services import appeals, brake, clock, keys, policies, restrict_now, review, staff, sweep
from enforcement.services.cases import WithoutNotice
from enforcement.services.notice_rule import NoticeNotOver
from enforcement.services.review import ReviewRefused
from enforcement.services.roles import NotAllowed, Role, is_among, people_of, same_person
from enforcement.services.staff import StaffRefused
from tests.conftest import SMALL_POLICY, make_account
from tests.stage import DAY, answer_mail, see, sighting, steps, suspended, the_case, warned

pytestmark = pytest.mark.django_db


def join(name: str, role: Role, second_login_of: str | None = None) -> User:
    return staff.create(name, email="", role=role, password=None, second_login_of=second_login_of)


@pytest.fixture
def due(account_outside: Account, detector: Client, policy: PolicyVersion) -> Case:
    """A case whose notice is over, on which nobody has decided yet."""
    case = warned(account_outside, detector)
    assert case.due_at is not None
    clock.move_to(case.due_at)
    return case


def propose(case: Case, by: User, step: Step = Step.SUSPEND) -> Decision:
    version = Case.objects.get(pk=case.pk).version
    return review.propose(case_id=case.pk, step=step, reason="Looked at it.", by=by, now=clock.now(), version=version)


def approve(decision: Decision, by: User) -> Decision:
    return review.approve(decision_id=decision.pk, reason="I agree.", by=by, now=clock.now())


# -- one human being, however many logins ------------------------------------------------------------------------------


@pytest.fixture
def own_doubles(lead: User) -> list[User]:
    """The lead, and further logins of the same human being: of the first one, and of the second."""
    return [lead, join("leo.admin", Role.LEAD, "leo"), join("leo.night", Role.LEAD, "leo.admin")]


def test_all_logins_of_one_human_being_are_one_person(own_doubles: list[User], second_lead: User) -> None:
    first, second, third = own_doubles
    assert (same_person(first, third), same_person(second, third), same_person(first, second_lead)) == (
        True,
        True,
        False,
    )
    assert people_of([first, second.pk, third, None]) == {first.pk}
    assert (is_among(third, [None, first.pk]), is_among(third, [None]), is_among(second_lead, [third])) == (
        True,
        False,
        False,
    )
    assert set(SecondLogin.objects.values_list("person", flat=True)) == {first.pk}  # no chain that could be cut


def test_nobody_agrees_to_a_proposal_of_their_own_by_any_login(
    due: Case, own_doubles: list[User], officer: User
) -> None:
    for proposer in own_doubles:
        decision = propose(due, proposer)
        for each in own_doubles:
            with pytest.raises(NotAllowed, match="Somebody else has to agree"):
                approve(decision, each)
        review.refuse(decision_id=decision.pk, reason="The next login.", by=officer, now=clock.now())
    assert not Restriction.objects.exists()


def test_nobody_refuses_a_proposal_of_their_own_by_another_login(due: Case, own_doubles: list[User]) -> None:
    decision = propose(due, own_doubles[0])
    with pytest.raises(NotAllowed, match="your own proposal"):
        review.refuse(decision_id=decision.pk, reason="No.", by=own_doubles[2], now=clock.now())


def test_nobody_puts_a_policy_into_force_by_two_logins(own_doubles: list[User]) -> None:
    version = policies.draft(SMALL_POLICY, now=clock.now())
    for one, other in [(own_doubles[0], own_doubles[0]), (own_doubles[0], own_doubles[1]), tuple(own_doubles[1:])]:
        with pytest.raises(NotAllowed, match="two different people"):
            policies.activate(version.pk, proposed_by=one, approved_by=other, now=clock.now())
    assert not PolicyVersion.objects.filter(status="active").exists()


def test_nobody_decides_an_appeal_against_what_they_signed_by_another_login(
    due: Case, officer: User, own_doubles: list[User]
) -> None:
    decision = approve(propose(due, officer), own_doubles[0])
    appeal = appeals.file(decision_id=decision.pk, statement="No.", now=clock.now())
    for each in own_doubles:
        with pytest.raises(NotAllowed, match="not involved"):
            appeals.decide(appeal_id=appeal.pk, overturn=False, reason="Right.", by=each, now=clock.now())


def test_nobody_releases_the_brake_by_two_logins(own_doubles: list[User]) -> None:
    what = Brake.What.ENFORCEMENT
    brake.pull(what, BrakePull.Cause.MANUAL, "Something is wrong.", now=clock.now(), by=own_doubles[0])
    brake.propose_release(what, because="It is right again.", by=own_doubles[0])
    for each in own_doubles:
        with pytest.raises(NotAllowed, match="Somebody else has to agree"):
            brake.approve_release(what, by=each, now=clock.now())
    assert BrakePull.objects.get().released_at is None


def test_nobody_is_counsel_to_their_own_proposal(
    account_outside: Account, policy: PolicyVersion, officer: User
) -> None:
    counsel = join("olga.counsel", Role.COUNSEL, "olga")
    grounds = WithoutNotice(Decision.Basis.ORDER, "An order.")
    given: dict[str, Any] = {"grounds": grounds, "reason": "Ordered.", "by": officer, "version": None}
    decision = restrict_now.propose(account_id=account_outside.pk, now=clock.now(), **given)
    with pytest.raises(NotAllowed, match="Somebody else has to agree"):
        approve(decision, counsel)


# -- every door --------------------------------------------------------------------------------------------------------


def post(person: User, decision: Decision, word: str = "approve") -> HttpResponse:
    browser = Browser()
    browser.force_login(person)
    return browser.post(reverse(f"admin:enforcement_decision_{word}", args=[decision.pk]), {"reason": "I agree."})


def test_the_console_refuses_the_other_half_to_every_login_of_the_proposer(due: Case, own_doubles: list[User]) -> None:
    decision = propose(due, own_doubles[0])
    for each in own_doubles:
        browser = Browser()
        browser.force_login(each)
        for page in (("decision", decision.pk), ("case", due.pk)):
            found = browser.get(reverse(f"admin:enforcement_{page[0]}_change", args=[page[1]]))
            assert not [button for button in found.context["buttons"] if "Approve" in button.words]
        assert post(each, decision).status_code == 302  # with the reason why not
    assert steps(due.account)[-1] == ("suspend", "held")


def test_the_console_takes_the_other_half_from_somebody_else(due: Case, lead: User, second_lead: User) -> None:
    decision = propose(due, lead)
    post(second_lead, decision)
    assert steps(due.account)[-1] == ("suspend", "applied")


@pytest.mark.parametrize("kind", list(Client.Kind))
def test_no_key_of_the_api_agrees_to_anything(due: Case, lead: User, kind: Client.Kind) -> None:
    decision = propose(due, lead)
    key = {"Authorization": f"Bearer {keys.issue('machine', kind, lasts=None)}"}
    body = {"data": {"status": "applied", "approved_by": "lara"}, "content_type": "application/json"}
    paths = (f"decisions/{decision.pk}", f"decisions/{decision.pk}/approve", f"cases/{due.reference}", "cases")
    for path in paths:
        for method in ("post", "put", "patch", "delete"):
            answer = getattr(Browser(), method)(f"/api/v1/{path}", headers=key, **body)
            assert answer.status_code in (403, 404, 405), (method, path)
    assert steps(due.account)[-1] == ("suspend", "held")


def test_a_superuser_at_a_shell_agrees_to_nothing(due: Case, lead: User) -> None:
    root = User.objects.create_superuser("root")
    decision = propose(due, lead)
    with pytest.raises(NotAllowed):
        approve(decision, root)
    with pytest.raises(NotAllowed):
        propose(due, root)
    assert post(root, decision).status_code == 403


def test_a_shell_that_makes_itself_a_second_login_gets_no_further(due: Case, lead: User) -> None:
    decision = propose(due, lead)
    with pytest.raises(StaffRefused, match="no user called"):
        join("leo.two", Role.LEAD, "nobody-of-this-name")
    with pytest.raises(NotAllowed):
        approve(decision, join("leo.two", Role.LEAD, "leo"))


@pytest.mark.parametrize("names", [("leo", "leo"), ("leo", "leo.admin")])
def test_the_command_puts_no_policy_into_force_for_one_human_being(
    own_doubles: list[User], names: tuple[str, str], tmp_path: Any
) -> None:
    (tmp_path / "policy.yaml").write_text(SMALL_POLICY, encoding="utf-8")
    with pytest.raises(Refused, match="two different people"):
        call_command("load_policy", str(tmp_path / "policy.yaml"), "--activate", "--by", names[0], "--by", names[1])


# -- the database itself -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns",
    [
        {"approved_by_id": "proposed_by_id"},
        {"seconded_by_id": "proposed_by_id"},
        {"approved_by_id": "approved_by_id", "seconded_by_id": "approved_by_id"},
        {"approved_by_id": "NULL"},
        {"people": "3"},
    ],
    ids=str,
)
def test_no_sql_makes_one_name_out_to_be_two(due: Case, officer: User, lead: User, columns: dict[str, str]) -> None:
    decision = approve(propose(due, officer), lead)
    changes = ", ".join(f"{name} = {value}" for name, value in columns.items())
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE enforcement_decision SET {changes} WHERE id = %s", [decision.pk])


def test_no_sql_puts_a_policy_into_force_with_one_name(policy: PolicyVersion) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        PolicyVersion.objects.filter(pk=policy.pk).update(approved_by=policy.proposed_by)


def test_no_login_is_its_own_second_login(lead: User) -> None:
    with pytest.raises(IntegrityError, match="second_login_of_another"), transaction.atomic():
        SecondLogin.objects.create(user=lead, person=lead)


def test_no_sql_takes_a_second_login_for_a_second_person(due: Case, officer: User) -> None:
    double = join("olga.lead", Role.LEAD, "olga")
    decision = propose(due, officer)
    with pytest.raises(DatabaseError, match="the same human being signed twice"), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(approved_by=double, approved_as="lead")


def test_no_sql_makes_a_second_login_a_first_one_again(own_doubles: list[User], second_lead: User) -> None:
    for attempt in (
        lambda: SecondLogin.objects.filter(user=own_doubles[1]).delete(),
        lambda: SecondLogin.objects.filter(user=own_doubles[1]).update(person=second_lead),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            attempt()


# -- roles that come and go --------------------------------------------------------------------------------------------


def _leave_group(person: User) -> None:
    person.groups.clear()


def _leave(person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)


def _move(person: User) -> None:
    person.groups.set([Group.objects.get(name=Role.AUDITOR)])


@pytest.mark.parametrize("lose", [_leave_group, _leave, _move])
def test_a_role_withdrawn_between_the_halves_takes_the_first_half_with_it(
    due: Case, officer: User, lead: User, lose: Callable[[User], None]
) -> None:
    decision = propose(due, officer)
    lose(officer)
    with pytest.raises(NotAllowed, match="signed this as officer and could not any more"):
        approve(decision, lead)
    review.refuse(decision_id=decision.pk, reason="Who proposed it has left.", by=lead, now=clock.now())
    assert not Restriction.objects.exists()


@pytest.mark.parametrize("lose", [_leave_group, _leave, _move])
def test_a_role_withdrawn_before_the_second_half_is_gone_at_once(
    due: Case, officer: User, lead: User, lose: Callable[[User], None]
) -> None:
    decision = propose(due, officer)
    lose(lead)
    with pytest.raises(NotAllowed):
        approve(decision, User.objects.get(pk=lead.pk))


def test_a_decision_keeps_the_roles_of_those_who_signed_when_they_are_lost_later(
    due: Case, officer: User, lead: User
) -> None:
    decision = approve(propose(due, officer), lead)
    _leave(officer)
    _move(lead)
    decision.refresh_from_db()
    assert (decision.proposed_as, decision.approved_as, decision.status) == ("officer", "lead", "applied")


# -- how many, and who -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protected", [False, True])
@pytest.mark.parametrize(
    ("state", "step", "people"),
    [
        ("in review", Step.WARN, 1),
        ("in review", Step.DISMISS, 1),
        ("due", Step.RESTRICT, 2),
        ("due", Step.SUSPEND, 2),
        ("due", Step.DISMISS, 1),
        ("suspended", Step.REINSTATE, 1),
        ("suspended", Step.BLOCK, 2),
    ],
)
def test_a_step_by_hand_takes_its_people_and_a_protected_account_one_more(
    account_outside: Account,
    detector: Client,
    policy: PolicyVersion,
    lead: User,
    second_lead: User,
    state: str,
    step: Step,
    people: int,
    protected: bool,
) -> None:
    case = _in(state, account_outside, detector)
    Account.objects.update(protected=protected)
    signers = [lead, second_lead, join("lena", Role.LEAD)][: people + protected]
    decision = propose(case, signers[0], step)
    for signer in signers[1:]:
        assert decision.status == "held"
        decision = approve(decision, signer)
    assert (decision.status, decision.people) == ("applied", people + protected)
    signed = [decision.proposed_as, decision.approved_as, decision.seconded_as]
    assert signed == ["lead"] * len(signers) + [""] * (3 - len(signers))


def _in(state: str, account: Account, detector: Client) -> Case:
    if state == "in review":
        see(detector, sighting(account, clock.now(), requests=4))
    elif state == "due":
        clock.move_to(warned(account, detector).due_at)
    else:
        suspended(account, detector)
        answer_mail()
        sweep.sweep(now=clock.now())
        clock.move_to(the_case(account).due_at)
    return the_case(account)


@pytest.mark.parametrize("step", [Step.RESTRICT, Step.SUSPEND])
def test_an_officer_is_no_second_half_of_what_a_person_proposed(
    due: Case, lead: User, officer: User, step: Step
) -> None:
    with pytest.raises(NotAllowed, match="takes a lead"):
        approve(propose(due, lead, step), officer)


def test_a_protected_account_asks_for_a_lead_each_time(due: Case, officer: User, lead: User) -> None:
    Account.objects.update(protected=True)
    decision = approve(propose(due, officer), lead)
    with pytest.raises(NotAllowed, match="takes a lead"):
        approve(decision, join("otto", Role.OFFICER))
    assert steps(due.account)[-1] == ("suspend", "held")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [("warn", "applied"), ("suspend", "applied")]),
        ({"kind": "person"}, [("warn", "applied"), ("suspend", "held")]),
        ({"no_suspension": True}, [("warn", "applied"), ("suspend", "held")]),
        ({"protected": True}, [("warn", "held")]),
    ],
    ids=["anybody", "a person", "no suspension by contract", "protected"],
)
def test_the_automation_waits_for_a_person_where_the_account_asks_for_one(
    detector: Client, policy: PolicyVersion, fields: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    account = make_account("somebody", **fields)
    see(detector, sighting(account, clock.now()))
    answer_mail()
    sweep.sweep(now=clock.now())
    if due_at := the_case(account).due_at:
        clock.move_to(due_at)
        see(detector, sighting(account, clock.now()))
        sweep.sweep(now=clock.now())
    assert steps(account) == expected


def test_a_protected_person_asks_for_two_people_after_the_automation(
    detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    account = make_account("somebody", protected=True, kind="person")
    see(detector, sighting(account, clock.now()))
    approve(Decision.objects.get(status="held"), officer)
    answer_mail()
    sweep.sweep(now=clock.now())
    clock.move_to(the_case(account).due_at)
    see(detector, sighting(account, clock.now()))
    sweep.sweep(now=clock.now())
    decision = Decision.objects.get(status="held")
    assert decision.people == 2
    assert approve(decision, officer).status == "held"
    with pytest.raises(NotAllowed, match="Somebody else"):
        approve(decision, officer)
    assert approve(decision, lead).status == "applied"
    decision.refresh_from_db()
    assert (decision.approved_as, decision.seconded_as) == ("officer", "lead")


def test_a_longer_notice_by_contract_holds_for_people_too(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    Account.objects.update(min_notice=timedelta(days=60))
    case = warned(account_outside, detector)
    assert case.accepted_at is not None
    assert case.due_at is not None
    assert case.due_at >= case.accepted_at + 60 * DAY
    clock.move_to(case.accepted_at + 59 * DAY)
    decision = propose(case, officer)
    with pytest.raises(NoticeNotOver):
        approve(decision, lead)


def test_who_has_proposed_nothing_has_nothing_to_agree_to(due: Case, lead: User) -> None:
    with pytest.raises(ReviewRefused, match="no such decision"):
        review.approve(decision_id=0, reason="I agree.", by=lead, now=clock.now())
