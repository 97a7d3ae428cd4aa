"""What `seed` writes is what the services would have written of the same items and the same days."""

import io
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.db.models import Max

from enforcement.models import (
    Appeal,
    AssessmentMark,
    Case,
    Client,
    DayTally,
    Decision,
    Evidence,
    Memo,
    Restriction,
    Score,
)
from enforcement.rules.transitions import Ending, State
from enforcement.services import assessment, intake
from examples.histories import STORIES
from examples.population import Population, detector_of
from notifications.models import Message
from tests.checks import tallies_equal_evidence

pytestmark = pytest.mark.django_db

ACCOUNTS, ITEMS, SHARE = 260, 10.0, 0.5
MANY = ("seed", f"--accounts={ACCOUNTS}", f"--items={ITEMS}", f"--stories={SHARE}")


@pytest.fixture(scope="module", autouse=True)
def seeded(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """One population for all tests of this file, each in a transaction inside this one."""
    with django_db_blocker.unblock(), transaction.atomic():
        call_command(*MANY, stdout=io.StringIO(), stderr=io.StringIO())
        yield
        transaction.set_rollback(True)


@pytest.fixture
def seeded_at(seeded: None, db: None) -> datetime:
    moment = Score.objects.aggregate(at=Max("assessed_at"))["at"]
    assert moment is not None
    return moment


def population(at: datetime) -> Population:
    return Population(1, at.date(), ITEMS, SHARE)


def sent(at: datetime) -> Iterator[tuple[Client, list[dict[str, Any]]]]:
    """All items of the population as detectors send them, a batch at a time."""
    items = [item for each in population(at).residents(1, ACCOUNTS) for item in each.items]
    for detector in Client.objects.filter(kind=Client.Kind.DETECTOR):
        mine = (item for item in items if detector_of(item["kind"]) == detector.name)
        while batch := list(islice(mine, intake.MAX_ITEMS)):
            yield detector, batch


def test_every_state_ending_and_verdict_is_there(seeded_at: datetime) -> None:
    assert set(Case.objects.values_list("state", flat=True)) == set(State)
    endings = {Ending.DISMISSED, Ending.CURED, Ending.REINSTATED}  # the others take a new policy or a withdrawal
    assert set(Case.objects.exclude(outcome="").values_list("outcome", flat=True)) == endings
    assert set(Decision.objects.values_list("status", flat=True)) >= {"held", "applied", "refused"}
    assert set(Appeal.objects.values_list("status", flat=True)) == set(Appeal.Status)
    assert set(Memo.objects.values_list("kind", flat=True)) == set(Memo.Kind)
    assert Restriction.objects.filter(lifted_at=None).exists()
    assert Restriction.objects.exclude(lifted_at=None).exists()
    assert Case.objects.filter(state=State.WARNED, accepted_at=None).exists()


def test_the_population_holds_every_story(seeded_at: datetime) -> None:
    told = [each.story for each in population(seeded_at).residents(1, ACCOUNTS) if each.story]
    assert {id(story) for story in told} == {id(story) for story in STORIES.values()}


def test_the_tallies_are_the_sums_of_the_evidence(seeded_at: datetime) -> None:
    assert Evidence.objects.count() > ACCOUNTS * 5
    assert tallies_equal_evidence() == []


def test_intake_knows_every_item_already_with_the_same_body(seeded_at: datetime) -> None:
    for detector, batch in sent(seeded_at):
        assert intake.record(detector, batch, now=seeded_at).count("duplicate") == len(batch)


def test_intake_makes_the_same_rows_of_the_same_items(seeded_at: datetime) -> None:
    """Told by detectors of another name, everything is stored a second time; nothing but the detector differs."""
    items = list(sent(seeded_at))
    seeded_by = {detector.pk for detector, _ in items}
    for detector, batch in items:
        twin, _ = Client.objects.get_or_create(name=f"{detector.name} again", kind=Client.Kind.DETECTOR)
        assert intake.record(twin, batch, now=seeded_at).accepted == len(batch)
    for model, own in ((Evidence, ("id", "detector_id", "received_at")), (DayTally, ("id", "detector_id"))):
        columns = [field.attname for field in model._meta.concrete_fields if field.attname not in own]
        first = model.objects.filter(detector__in=seeded_by).values_list("detector__name", *columns)
        second = model.objects.exclude(detector__in=seeded_by).values_list("detector__name", *columns)
        as_second = sorted(((f"{name} again", *map(plain, rest)) for name, *rest in first), key=repr)
        assert as_second == sorted(((name, *map(plain, rest)) for name, *rest in second), key=repr)


def plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


def test_assessing_everybody_again_changes_no_score_and_no_case(seeded_at: datetime) -> None:
    def standing() -> tuple[object, ...]:
        scores = Score.objects.order_by("pk").values_list("pk", "policy", "points", "outcome", "rule", "facts")
        cases = Case.objects.order_by("pk").values_list("pk", "state", "version", "points", "due_at", "look_at")
        return list(scores), list(cases), Decision.objects.count(), Memo.objects.count()

    before = standing()
    with_evidence = DayTally.objects.values_list("account", flat=True).distinct()
    AssessmentMark.objects.bulk_create(AssessmentMark(account_id=pk, look_at=seeded_at) for pk in with_evidence)
    assert assessment.assess(now=seeded_at).failed == 0
    assert standing() == before
    assert len(before[0]) == len(with_evidence)  # and everybody has one


def test_nothing_is_left_to_do_and_no_mail_can_leave(seeded_at: datetime) -> None:
    assert not AssessmentMark.objects.exists()
    assert not Memo.objects.filter(rendered_at=None, cancelled_at=None, render_at__lte=seeded_at).exists()
    assert not Message.objects.filter(state="queued", next_attempt_at__lte=seeded_at).exists()
    assert not Message.objects.exclude(recipient__endswith=".example").exists()


def test_nothing_was_decided_before_its_evidence_came_in(seeded_at: datetime) -> None:
    assert not Case.objects.filter(opened_at__gt=seeded_at).exists()
    for decision in Decision.objects.filter(step="warn"):
        last_seen = decision.facts["last_seen"]
        assert last_seen is None or datetime.fromisoformat(last_seen) < decision.decided_at
