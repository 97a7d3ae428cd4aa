"""Rows that were written as one document read back as the ORM would have written them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DataError, IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils.safestring import mark_safe

from enforcement.models import Account, Case, Decision, Memo, PolicyVersion, Score
from enforcement.rules.transitions import State
from enforcement.services.rows import insert_rows, put_rows, update_rows

pytestmark = pytest.mark.django_db

MOMENT = datetime(2026, 3, 29, 1, 59, 59, 999999, tzinfo=UTC)
WORDS = "quotes ' \" \\ and \\u0041, tab\t, line\n, 汉字, فارسی, 🙂, null, {}"


@pytest.fixture
def policy() -> PolicyVersion:
    return PolicyVersion.objects.create(name="rows", document="", digest=b"0" * 32)


@pytest.fixture
def accounts() -> list[Account]:
    return [Account.objects.create(external_id=f"rows-{number}", name="Rows") for number in range(3)]


@pytest.fixture
def cases(accounts: list[Account], policy: PolicyVersion) -> list[Case]:
    return insert_rows(Case, [case_of(each, policy) for each in accounts])


def case_of(account: Account, policy: PolicyVersion, **values: object) -> Case:
    return Case(reference=f"AE-{account.pk:09}"[:12], account=account, policy=policy, opened_at=MOMENT, **values)


def decision_on(case: Case, **values: object) -> Decision:
    return Decision(case=case, step="warn", status="held", policy=case.policy, decided_at=MOMENT, **values)


def test_inserted_rows_know_their_keys_in_the_order_given(accounts: list[Account], policy: PolicyVersion) -> None:
    cases = insert_rows(Case, (case_of(each, policy) for each in reversed(accounts)))
    assert [case.account for case in cases] == [*reversed(accounts)]
    assert {case.pk: case.account_id for case in cases} == dict(Case.objects.values_list("pk", "account_id"))


@pytest.mark.parametrize(
    "value",
    [{"text": WORDS, "number": 2**60, "none": None, "nested": [[1, "2"], {}]}, {}, [], [{"a": False}]],
    ids=["everything", "an empty object", "an empty list", "a list"],
)
def test_json_reads_back_as_it_was(cases: list[Case], value: object) -> None:
    insert_rows(Decision, [decision_on(cases[0], facts=value, reason=WORDS)])
    found = Decision.objects.get()
    assert (found.facts, found.reason, found.decided_at) == (value, WORDS, MOMENT)


@pytest.mark.parametrize(
    "remaining",
    [timedelta(days=400, microseconds=3), timedelta(0), timedelta(days=-1, seconds=5, microseconds=7), None],
)
def test_a_duration_reads_back_to_the_microsecond(cases: list[Case], remaining: timedelta | None) -> None:
    cases[1].remaining, cases[1].points = remaining, Decimal("123456789012.34")
    assert update_rows(cases, ("remaining", "points")) == len(cases)
    found = Case.objects.get(pk=cases[1].pk)
    assert (found.remaining, found.points) == (remaining, Decimal("123456789012.34"))


def test_only_the_fields_named_are_written(cases: list[Case]) -> None:
    for case in cases:
        case.rule, case.version = "named", 7
    update_rows(cases, ["rule"])
    assert set(Case.objects.values_list("rule", "version")) == {("named", 0)}


def test_what_a_template_wrote_and_an_enumeration_are_plain_strings(cases: list[Case]) -> None:
    cases[0].rule, cases[0].state = mark_safe("<b>"), State.OPEN
    update_rows(cases[:1], ["rule", "state"])
    assert Case.objects.values_list("rule", "state").get(pk=cases[0].pk) == ("<b>", "open")


def test_a_value_that_does_not_fit_is_refused_and_never_cut(cases: list[Case]) -> None:
    cases[0].rule = "r" * 65
    with pytest.raises(DataError, match="too long"):
        update_rows(cases, ["rule"])


def test_a_constraint_holds_for_all_rows_together(cases: list[Case], policy: PolicyVersion) -> None:
    with pytest.raises(IntegrityError, match="case_one_open_per_account"):
        insert_rows(Case, [Case(reference="AE-again", account=cases[0].account, policy=policy, opened_at=MOMENT)])


def test_a_value_left_to_the_database_is_refused(cases: list[Case], policy: PolicyVersion) -> None:
    with pytest.raises(TypeError, match="cannot be written"):
        insert_rows(Case, [Case(reference="AE-x", account=cases[0].account, policy=policy)])


def test_many_rows_are_one_statement_and_none_is_no_statement(cases: list[Case]) -> None:
    decisions = [decision_on(case, reason="A person has to agree.") for case in cases]
    with CaptureQueriesContext(
        connection,
    ) as asked:
        insert_rows(Decision, decisions)
        update_rows(decisions, ["reason"])
        insert_rows(Memo, [])
        update_rows([], ["reason"])
    assert len(asked) == 2


def test_put_rows_take_the_place_of_those_with_their_keys(accounts: list[Account], policy: PolicyVersion) -> None:
    before = [score_of(each, policy, "1.00") for each in accounts[:2]]
    put_rows(Score, before)
    put_rows(Score, [score_of(each, policy, "2.50", rule="later") for each in accounts[1:]])
    found = list(Score.objects.order_by("pk").values_list("account_id", "points", "rule"))
    one, two, three = (each.pk for each in accounts)
    assert found == [(one, Decimal(1), ""), (two, Decimal("2.50"), "later"), (three, Decimal("2.50"), "later")]


def score_of(account: Account, policy: PolicyVersion, points: str, **values: object) -> Score:
    return Score(account=account, policy=policy, points=Decimal(points), assessed_at=MOMENT, **values)


def test_among_finds_what_in_finds_with_one_parameter(accounts: list[Account], cases: list[Case]) -> None:
    two = accounts[:2]
    for given in (two, [each.pk for each in two], {each.pk: None for each in two}, []):
        keys = [getattr(each, "pk", each) for each in given]
        assert set(Account.objects.filter(pk__among=given)) == set(Account.objects.filter(pk__in=keys))
        assert set(Case.objects.filter(account__among=given)) == set(Case.objects.filter(account__in=keys))
    with CaptureQueriesContext(connection) as asked:
        list(Case.objects.filter(account__among=two).exclude(pk__among=[cases[0].pk]))
    assert f"= ANY('{{{two[0].pk},{two[1].pk}}}'::int2[]::bigint[])" in asked[0]["sql"]
