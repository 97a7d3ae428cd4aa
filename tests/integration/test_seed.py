"""`seed` writes what the services would have written, and only where nobody is harmed."""

import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Max

from enforcement.models import (
    Account,
    Appeal,
    AssessmentMark,
    Case,
    Client,
    DayTally,
    Decision,
    Evidence,
    Memo,
    PolicyVersion,
    Restriction,
    Score,
)
from enforcement.rules.transitions import Ending, State
from enforcement.services import assessment, clock, intake
from examples.histories import STORIES
from examples.population import Population, detector_of
from notifications.models import Message
from tests.checks import tallies_equal_evidence
from tests.conftest import SMALL_POLICY

ACCOUNTS, ITEMS, SHARE = 260, 10.0, 0.5
MANY = ("seed", f"--accounts={ACCOUNTS}", f"--items={ITEMS}", f"--stories={SHARE}")
FEW = ("seed", "--accounts=12", "--items=4")


def run(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command(*arguments, stdout=io.StringIO(), stderr=io.StringIO())
    assert error.value.returncode == 2
    return str(error.value)


@pytest.fixture(scope="module")
def seeded(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    """One population for all that only look at it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield run(*MANY)
        transaction.set_rollback(True)


@pytest.fixture
def apart(seeded: dict[str, Any], django_db_blocker: Any) -> Iterator[datetime]:
    """The moment of the seeding; what the test writes is taken back."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield Score.objects.aggregate(at=Max("assessed_at"))["at"]
        transaction.set_rollback(True)


def population(at: datetime) -> Population:
    return Population(1, at.date(), ITEMS, SHARE)


def sent(at: datetime) -> Iterator[tuple[Client, list[dict[str, Any]]]]:
    """All items of the population as detectors send them, a batch at a time."""
    items = [item for each in population(at).residents(1, ACCOUNTS) for item in each.items]
    for detector in Client.objects.filter(kind=Client.Kind.DETECTOR):
        mine = (item for item in items if detector_of(item["kind"]) == detector.name)
        while batch := list(islice(mine, intake.MAX_ITEMS)):
            yield detector, batch


def test_every_state_ending_and_verdict_is_there(apart: datetime) -> None:
    assert set(Case.objects.values_list("state", flat=True)) == set(State)
    endings = {Ending.DISMISSED, Ending.CURED, Ending.REINSTATED}  # the others take a new policy or a withdrawal
    assert set(Case.objects.exclude(outcome="").values_list("outcome", flat=True)) == endings
    assert set(Decision.objects.values_list("status", flat=True)) >= {"held", "applied", "refused"}
    assert set(Appeal.objects.values_list("status", flat=True)) == set(Appeal.Status)
    assert set(Memo.objects.values_list("kind", flat=True)) == set(Memo.Kind)
    assert Restriction.objects.filter(lifted_at=None).exists()
    assert Restriction.objects.exclude(lifted_at=None).exists()
    assert Case.objects.filter(state=State.WARNED, accepted_at=None).exists()


def test_the_population_holds_every_story(apart: datetime) -> None:
    told = [each.story for each in population(apart).residents(1, ACCOUNTS) if each.story]
    assert {id(story) for story in told} == {id(story) for story in STORIES.values()}


def test_the_tallies_are_the_sums_of_the_evidence(apart: datetime) -> None:
    assert Evidence.objects.count() > ACCOUNTS * 5
    assert tallies_equal_evidence() == []


def test_intake_knows_every_item_already_with_the_same_body(apart: datetime) -> None:
    for detector, batch in sent(apart):
        assert intake.record(detector, batch, now=apart).count("duplicate") == len(batch)


def test_intake_makes_the_same_rows_of_the_same_items(apart: datetime) -> None:
    """Told by detectors of another name, everything is stored a second time; nothing but the detector differs."""
    items = list(sent(apart))
    seeded_by = {detector.pk for detector, _ in items}
    for detector, batch in items:
        twin, _ = Client.objects.get_or_create(name=f"{detector.name} again", kind=Client.Kind.DETECTOR)
        assert intake.record(twin, batch, now=apart).accepted == len(batch)
    for model, own in ((Evidence, ("id", "detector_id", "received_at")), (DayTally, ("id", "detector_id"))):
        columns = [field.attname for field in model._meta.concrete_fields if field.attname not in own]
        first = model.objects.filter(detector__in=seeded_by).values_list("detector__name", *columns)
        second = model.objects.exclude(detector__in=seeded_by).values_list("detector__name", *columns)
        as_second = sorted(((f"{name} again", *map(plain, rest)) for name, *rest in first), key=repr)
        assert as_second == sorted(((name, *map(plain, rest)) for name, *rest in second), key=repr)


def plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


def test_assessing_everybody_again_changes_no_score_and_no_case(apart: datetime) -> None:
    def standing() -> tuple[object, ...]:
        scores = Score.objects.order_by("pk").values_list("pk", "policy", "points", "outcome", "rule", "facts")
        cases = Case.objects.order_by("pk").values_list("pk", "state", "version", "points", "due_at", "look_at")
        return list(scores), list(cases), Decision.objects.count(), Memo.objects.count()

    before = standing()
    with_evidence = DayTally.objects.values_list("account", flat=True).distinct()
    AssessmentMark.objects.bulk_create(AssessmentMark(account_id=pk, look_at=apart) for pk in with_evidence)
    assert assessment.assess(now=apart).failed == 0
    assert standing() == before
    assert len(before[0]) == len(with_evidence)  # and everybody has one


def test_nothing_is_left_to_do_and_no_mail_can_leave(apart: datetime) -> None:
    assert not AssessmentMark.objects.exists()
    assert not Memo.objects.filter(rendered_at=None, cancelled_at=None, render_at__lte=apart).exists()
    assert not Message.objects.filter(state="queued", next_attempt_at__lte=apart).exists()
    assert not Message.objects.exclude(recipient__endswith=".example").exists()


def test_nothing_was_decided_before_its_evidence_came_in(apart: datetime) -> None:
    assert not Case.objects.filter(opened_at__gt=apart).exists()
    for decision in Decision.objects.filter(step="warn"):
        last_seen = decision.facts["last_seen"]
        assert last_seen is None or datetime.fromisoformat(last_seen) < decision.decided_at


def test_an_account_is_the_same_whatever_stands_beside_it() -> None:
    today = datetime(2026, 7, 9).date()
    many = {each.account["external_id"]: each for each in Population(7, today).residents(1, 40)}
    assert [*Population(7, today).residents(30, 30)] == [many["seed-7-0000030"]]
    assert next(Population(8, today).residents(30, 30)).items != many["seed-7-0000030"].items


@pytest.mark.django_db
def test_it_stands_beside_what_is_there_and_takes_its_policy(activate: Any, account_at_home: Account) -> None:
    version = activate(SMALL_POLICY)
    run(*FEW, "--stories=1")
    run(*FEW, "--stories=1", "--seed=2")
    assert Account.objects.count() == 25
    assert PolicyVersion.objects.get() == version
    assert set(Case.objects.values_list("policy", flat=True)) == {version.pk}


@pytest.mark.django_db
def test_the_same_seed_again_is_refused() -> None:
    run(*FEW)
    assert "seed 1 is here already" in refused(*FEW)
    assert Account.objects.count() == 12


@pytest.mark.django_db
def test_it_is_refused_where_customers_could_be(settings: Any) -> None:
    settings.DEBUG = settings.TEST_CLOCK = False
    assert "ENFORCEMENT_TEST_CLOCK" in refused(*FEW)
    assert not Account.objects.exists()
    settings.DEBUG = True
    assert run(*FEW)["accounts"] == 12


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", ["--accounts=0", "--items=-1", "--stories=1.5"])
def test_sizes_that_mean_nothing_are_refused(wrong: str) -> None:
    assert wrong.split("=")[0] in refused(*FEW, wrong)


@pytest.mark.django_db
def test_its_day_is_that_of_the_test_clock() -> None:
    now = clock.advance(timedelta(days=-400))
    run(*FEW)
    assert Evidence.objects.aggregate(at=Max("received_at"))["at"] <= now
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(day) FROM enforcement_daytally")
        assert cursor.fetchone()[0] < now.date()
