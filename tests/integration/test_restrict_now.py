"""The lawful path without notice: two people with counsel among them, a legal basis, and a statement that comes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from enforcement.models import (
    Account,
    Brake,
    BrakePull,
    Case,
    Client,
    Decision,
    GagEnd,
    Memo,
    PolicyVersion,
    Restriction,
)
from enforcement.rules.transitions import Step, StepRefused
from enforcement.services import appeals, assessment, brake, clock, gateway, queries, restrict_now, review, staff, sweep
from enforcement.services.cases import WithoutNotice
from enforcement.services.gateway import Question
from enforcement.services.notice_rule import NoticeNotOver
from enforcement.services.review import ReviewRefused
from enforcement.services.roles import NotAllowed, Role
from enforcement.services.switches import BrakePulled
from notifications.models import Message
from tests.conftest import SMALL_POLICY
from tests.stage import DAY, answer_mail, pass_time, see, sighting, steps, suspended, the_case, warned

pytestmark = pytest.mark.django_db

ORDER = "Order 12/2026 of the court at Example."


# After a restriction of the ladder's own a suspension would follow.
GOES_ON = SMALL_POLICY.replace(
    "  suspension:", "  restriction: {step: suspend, after: P30D, automation: auto}\n  suspension:"
)


@pytest.fixture
def goes_on(activate: Callable[[str], PolicyVersion]) -> PolicyVersion:
    return activate(GOES_ON)


@pytest.fixture
def counsel(db: None) -> User:
    return staff.create("cora", email="cora@provider.test", role=Role.COUNSEL, password=None)


def grounds(**fields: Any) -> WithoutNotice:
    return WithoutNotice(**{"basis": Decision.Basis.ORDER, "legal_basis": ORDER} | fields)


def propose(account: Account, by: User, *, credentials: tuple[str, ...] = (), **fields: Any) -> Decision:
    case = Case.objects.filter(account=account).exclude(state="closed").first()
    return restrict_now.propose(
        account_id=account.pk,
        grounds=grounds(**fields),
        reason="A court has ordered it.",
        by=by,
        now=clock.now(),
        version=case.version if case else None,
        credentials=credentials,
    )


def agree(decision: Decision, by: User) -> Decision:
    return review.approve(decision_id=decision.pk, reason="I have read the order.", by=by, now=clock.now())


def told(account: Account) -> list[Memo]:
    """Every memo that went out, with all mail answered."""
    answer_mail()
    sweep.sweep(now=clock.now())
    return list(Memo.objects.filter(case__account=account, rendered_at__isnull=False).order_by("pk"))


def asks(account: Account, country: str, credential: str = "") -> bool:
    question = Question(account.external_id, credential=credential, country=country)
    return bool(gateway.decide(question, now=clock.now())["allow"])


# -- who, and on what --------------------------------------------------------------------------------------------------


def test_two_people_with_counsel_restrict_an_account_that_nobody_warned(
    account_outside: Account, policy: PolicyVersion, officer: User, counsel: User
) -> None:
    held = propose(account_outside, officer)
    assert (held.status, held.people, held.proposed_as, asks(account_outside, "CN")) == ("held", 2, "officer", True)
    agree(held, counsel)
    case, applied = the_case(account_outside), Decision.objects.get()
    assert (case.state, case.rule, case.version) == ("restricted", "order", 1)
    assert (applied.status, applied.basis, applied.legal_basis, applied.approved_as) == (
        "applied", "order", ORDER, "counsel",
    )  # fmt: skip
    assert (applied.rests_on, applied.due_at, applied.notice) == (None, None, None)
    assert (asks(account_outside, "CN"), asks(account_outside, "DE")) == (False, True)


def test_counsel_may_propose_and_an_officer_agree(
    account_outside: Account, policy: PolicyVersion, officer: User, counsel: User
) -> None:
    agree(propose(account_outside, counsel), officer)
    assert (the_case(account_outside).state, Decision.objects.get().proposed_as) == ("restricted", "counsel")


def test_without_counsel_nothing_is_restricted(
    account_outside: Account, policy: PolicyVersion, officer: User, lead: User
) -> None:
    held = propose(account_outside, officer)
    with pytest.raises(NotAllowed, match="Counsel has to agree"):
        agree(held, lead)
    assert not Restriction.objects.exists()


def test_the_database_itself_wants_counsel_and_a_legal_basis(
    account_outside: Account, policy: PolicyVersion, officer: User, counsel: User
) -> None:
    agree(propose(account_outside, officer), counsel)
    applied = Decision.objects.values().get()
    for columns in ({"approved_as": "lead"}, {"legal_basis": ""}, {"basis": ""}, {"people": 1}):
        with pytest.raises(IntegrityError, match="decision_without_notice"), transaction.atomic():
            Decision.objects.create(**applied | {"id": None, "case_version": 2} | columns)


@pytest.mark.parametrize("role", [Role.ANALYST, Role.AUDITOR])
def test_who_decides_nothing_proposes_nothing(account_outside: Account, policy: PolicyVersion, role: Role) -> None:
    person = staff.create("pat", email="pat@provider.test", role=role, password=None)
    with pytest.raises(NotAllowed, match="takes an officer, a lead or counsel"):
        propose(account_outside, person)
    assert not Case.objects.exists()


def test_a_protected_account_asks_for_one_more_and_counsel_may_come_last(
    account_outside: Account, policy: PolicyVersion, officer: User, lead: User, second_lead: User, counsel: User
) -> None:
    Account.objects.update(protected=True)
    held = propose(account_outside, officer)
    assert (held.people, agree(held, lead).status) == (3, "held")
    with pytest.raises(NotAllowed, match="Counsel has to agree"):
        agree(held, second_lead)
    assert agree(held, counsel).status == "applied"
    decision = Decision.objects.get()
    assert (decision.proposed_as, decision.approved_as, decision.seconded_as) == ("officer", "lead", "counsel")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"basis": "whim"}, "The basis is one of order, sanctions, security, harm"),
        ({"legal_basis": "  "}, "legal basis is required"),
        ({"told_from": datetime.fromisoformat("2026-01-01T00:00:00Z")}, "has passed"),
        ({"told_from": datetime.fromisoformat("2099-01-01T00:00:00Z"), "gagged": True}, "not both"),
    ],
)
def test_grounds_that_are_none_are_refused(
    account_outside: Account, policy: PolicyVersion, counsel: User, fields: dict[str, Any], why: str
) -> None:
    with pytest.raises(ReviewRefused, match=why):
        propose(account_outside, counsel, **fields)
    assert not Case.objects.exists()


def test_a_page_that_is_out_of_date_restricts_nobody(
    account_outside: Account, detector: Client, policy: PolicyVersion, counsel: User
) -> None:
    warned(account_outside, detector)
    given = {"account_id": account_outside.pk, "grounds": grounds(), "reason": "Ordered.", "by": counsel}
    with pytest.raises(ReviewRefused, match="has changed"):
        restrict_now.propose(**given, now=clock.now(), version=None)


def test_without_a_policy_there_is_no_case_to_restrict_on(account_outside: Account, counsel: User) -> None:
    with pytest.raises(ReviewRefused, match="No policy is in force"):
        propose(account_outside, counsel)


def test_single_keys_can_be_named(
    account_outside: Account, policy: PolicyVersion, officer: User, counsel: User
) -> None:
    agree(propose(account_outside, officer, credentials=("sk-…a1b2",), basis=Decision.Basis.SECURITY), counsel)
    restriction = Restriction.objects.get()
    assert (restriction.scope, restriction.value) == ("credential", "sk-…a1b2")
    assert (asks(account_outside, "DE", "sk-…a1b2"), asks(account_outside, "CN", "sk-…c3d4")) == (False, True)


# -- beside the rest of the machine ------------------------------------------------------------------------------------


def test_it_needs_no_notice_and_is_the_only_step_that_does_not(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User, counsel: User
) -> None:
    case = warned(account_outside, detector)
    early = {"case_id": case.pk, "step": Step.RESTRICT, "reason": "Now.", "by": officer, "now": clock.now()}
    proposal = review.propose(**early, version=case.version)
    with pytest.raises(NoticeNotOver):
        agree(proposal, lead)
    review.refuse(decision_id=proposal.pk, reason="Too early.", by=lead, now=clock.now())
    agree(propose(account_outside, officer), counsel)
    assert the_case(account_outside).state == "restricted"


def test_a_pulled_brake_lets_it_pass_and_nothing_else(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, counsel: User
) -> None:
    brake.pull(Brake.What.ENFORCEMENT, BrakePull.Cause.MANUAL, "Something is wrong.", now=clock.now(), by=officer)
    see(detector, sighting(account_outside, clock.now()))
    assert the_case(account_outside).state == "open"
    with pytest.raises(BrakePulled):
        review.propose(
            case_id=the_case(account_outside).pk, step=Step.WARN, reason="Now.", by=officer, now=clock.now(), version=0
        )
    agree(propose(account_outside, officer), counsel)
    assert (the_case(account_outside).state, asks(account_outside, "CN")) == ("restricted", False)


def test_nothing_of_the_automation_follows_it(
    account_outside: Account, detector: Client, goes_on: PolicyVersion, officer: User, counsel: User
) -> None:
    warned(account_outside, detector)
    agree(propose(account_outside, officer), counsel)
    (*_, statement) = told(account_outside)
    case = the_case(account_outside)
    assert (statement.kind, statement.told_due_at, case.accepted_at is not None) == ("restriction", None, True)
    assert (case.due_at, case.look_at, queries.account(account_outside.external_id)["notice"]) == (None, None, None)
    for _ in range(4):
        pass_time(30 * DAY)
        see(detector, sighting(account_outside, clock.now()))
    assert the_case(account_outside).state == "restricted"


def test_nobody_can_go_on_from_it_without_a_warning(
    account_outside: Account, goes_on: PolicyVersion, officer: User, lead: User, counsel: User
) -> None:
    agree(propose(account_outside, officer), counsel)
    told(account_outside)
    case = the_case(account_outside)
    pass_time(60 * DAY)
    proposal = review.propose(
        case_id=case.pk, step=Step.SUSPEND, reason="More.", by=officer, now=clock.now(), version=case.version
    )
    with pytest.raises(NoticeNotOver):
        agree(proposal, lead)


def test_a_suspended_account_is_not_restricted(
    account_outside: Account, detector: Client, policy: PolicyVersion, counsel: User
) -> None:
    suspended(account_outside, detector)
    with pytest.raises(StepRefused):
        propose(account_outside, counsel)


def test_while_counsel_is_waited_for_the_automation_neither_warns_nor_closes(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
) -> None:
    propose(account_outside, officer)
    assessment.assess(now=clock.now())
    see(detector, sighting(account_outside, clock.now()))
    pass_time(2 * DAY)
    assessment.assess(now=clock.now())
    assert (the_case(account_outside).state, steps(account_outside)) == ("open", [("restrict_now", "held")])


def test_it_takes_the_place_of_what_the_automation_held(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, counsel: User
) -> None:
    Account.objects.update(protected=True)
    see(detector, sighting(account_outside, clock.now()))
    assert steps(account_outside) == [("warn", "held")]
    propose(account_outside, officer)
    assert steps(account_outside) == [("warn", "lapsed"), ("restrict_now", "held")]


def test_what_a_person_proposed_is_answered_first(
    account_outside: Account, policy: PolicyVersion, officer: User, counsel: User
) -> None:
    propose(account_outside, officer)
    with pytest.raises(ReviewRefused, match="held already"):
        propose(account_outside, counsel)


def test_refused_it_leaves_nothing_behind_that_the_account_would_hear_of(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, counsel: User
) -> None:
    held = propose(account_outside, officer)
    with pytest.raises(NotAllowed, match="your own proposal"):
        review.refuse(decision_id=held.pk, reason="No.", by=officer, now=clock.now())
    review.refuse(decision_id=held.pk, reason="The order names somebody else.", by=counsel, now=clock.now())
    case = the_case(account_outside)
    assert (case.state, case.memos.count(), Restriction.objects.count()) == ("closed", 0, 0)
    see(detector, sighting(account_outside, clock.now() - DAY))  # the refusal used up no evidence
    assert Case.objects.get(account=account_outside, closed_at=None).state == "warned"


def test_an_appeal_that_is_granted_lifts_it(
    account_outside: Account, policy: PolicyVersion, officer: User, lead: User, counsel: User
) -> None:
    decision = agree(propose(account_outside, officer), counsel)
    told(account_outside)
    appeal = appeals.file(decision_id=decision.pk, statement="It is not us.", now=clock.now())
    for involved in (officer, counsel):
        with pytest.raises(NotAllowed):
            appeals.decide(appeal_id=appeal.pk, overturn=True, reason="Right.", by=involved, now=clock.now())
    appeals.decide(appeal_id=appeal.pk, overturn=True, reason="Somebody else was meant.", by=lead, now=clock.now())
    assert (the_case(account_outside).state, asks(account_outside, "CN")) == ("closed", True)


# -- when the account is told ------------------------------------------------------------------------------------------


def test_told_at_effect_the_statement_names_the_legal_basis(
    account_outside: Account, policy: PolicyVersion, officer: User, counsel: User
) -> None:
    agree(propose(account_outside, officer), counsel)
    (statement,) = told(account_outside)
    assert ORDER in statement.text
    assert "A court has ordered it." in statement.text
    assert "not allowed to tell you" not in statement.text


def test_the_statement_of_reasons_gives_the_legal_basis(
    account_outside: Account, policy: PolicyVersion, officer: User, counsel: User
) -> None:
    agree(propose(account_outside, officer), counsel)
    told_case = queries.case(the_case(account_outside).reference)
    assert told_case is not None
    statement = told_case["statement_of_reasons"]
    assert (statement["step"], statement["automated_decision"]) == ("restrict_now", False)
    assert (statement["ground"]["basis"], statement["ground"]["legal_basis"]) == ("order", ORDER)


def test_told_from_a_date_it_is_told_then_and_not_before(
    account_outside: Account, policy: PolicyVersion, officer: User, counsel: User
) -> None:
    date = clock.now() + 10 * DAY
    agree(propose(account_outside, officer, told_from=date), counsel)
    assert (asks(account_outside, "CN"), told(account_outside)) == (False, [])
    clock.move_to(date - timedelta(minutes=1))
    assert told(account_outside) == []
    clock.move_to(date)
    assert len(told(account_outside)) == 1


def test_under_a_gag_the_account_hears_when_somebody_ends_it(
    account_outside: Account, policy: PolicyVersion, officer: User, lead: User, counsel: User
) -> None:
    decision = agree(propose(account_outside, officer, gagged=True), counsel)
    pass_time(400 * DAY)
    assert (told(account_outside), Message.objects.count()) == ([], 0)
    with pytest.raises(NotAllowed, match="takes counsel or a lead"):
        restrict_now.end_gag(decision_id=decision.pk, reason="It is over.", by=officer, now=clock.now())
    restrict_now.end_gag(decision_id=decision.pk, reason="The court has lifted it.", by=counsel, now=clock.now())
    (statement,) = told(account_outside)
    assert "Until now we were not allowed to tell you." in statement.text
    ended = GagEnd.objects.get()
    assert (ended.ended_by, ended.ended_as, ended.reason) == (counsel, "counsel", "The court has lifted it.")
    with pytest.raises(ReviewRefused, match="ended already"):
        restrict_now.end_gag(decision_id=decision.pk, reason="Again.", by=lead, now=clock.now())


def test_only_a_gag_that_is_there_can_be_ended(
    account_outside: Account, policy: PolicyVersion, officer: User, lead: User, counsel: User
) -> None:
    held = propose(account_outside, officer, gagged=True)
    with pytest.raises(ReviewRefused, match="No gag"):
        restrict_now.end_gag(decision_id=held.pk, reason="Early.", by=lead, now=clock.now())
    with pytest.raises(ReviewRefused, match="no such decision"):
        restrict_now.end_gag(decision_id=0, reason="Which?", by=lead, now=clock.now())


@pytest.mark.parametrize("fields", [{"gagged": True}, {"told_from": timedelta(days=10)}], ids=["gag", "date"])
@pytest.mark.parametrize("was_warned", [False, True])
def test_lifted_before_it_was_told_its_end_is_told_with_it_and_not_before(
    account_outside: Account,
    detector: Client,
    policy: PolicyVersion,
    officer: User,
    lead: User,
    counsel: User,
    fields: dict[str, Any],
    was_warned: bool,
) -> None:
    before = 0
    if was_warned:
        warned(account_outside, detector)
        before = 1
    given = {name: clock.now() + each if isinstance(each, timedelta) else each for name, each in fields.items()}
    decision = agree(propose(account_outside, officer, **given), counsel)
    pass_time(2 * DAY)
    case = the_case(account_outside)
    review.propose(case_id=case.pk, step=Step.REINSTATE, reason="Over.", by=lead, now=clock.now(), version=case.version)
    assert (asks(account_outside, "CN"), len(told(account_outside))) == (True, before)
    pass_time(10 * DAY)
    if decision.gagged:
        assert len(told(account_outside)) == before
        restrict_now.end_gag(decision_id=decision.pk, reason="It is over.", by=lead, now=clock.now())
    (*_, statement) = told(account_outside)
    assert statement.decision_id == decision.pk
    assert "Nothing is restricted now." in statement.text
    assert ORDER in statement.text
    assert len(told(account_outside)) == before + 1
