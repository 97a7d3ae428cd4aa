"""Liveness asks nobody; readiness asks the database and tells how late the work is."""

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client as Browser

from enforcement.models import Account, Client, PolicyVersion
from enforcement.services import assessment, clock, intake
from tests.stage import DAY, answer_mail, sighting, warned

pytestmark = pytest.mark.django_db


def oldest() -> dict[str, str | None]:
    answer = Browser().get("/readyz")
    assert answer.status_code == 200
    found: dict[str, str | None] = answer.json()["oldest_due"]
    return found


def test_nothing_is_due_at_first() -> None:
    assert Browser().get("/healthz").json() == {"status": "ok"}
    assert oldest() == {"assess": None, "sweep": None, "render": None, "deliver": None}


def test_readiness_tells_the_age_of_the_oldest_due_work(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    intake.record(detector, [sighting(account_outside, clock.now())], now=clock.now())
    clock.advance(2 * DAY)
    assert str(oldest()["assess"]).startswith("P2D")
    assessment.assess(now=clock.now())
    assert (oldest()["assess"], oldest()["render"]) == (None, "PT0S")
    answer_mail()
    assert oldest()["render"] is None


def test_a_deadline_that_nobody_looked_at_is_told(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    assert oldest()["sweep"] is None
    assert case.due_at is not None
    clock.move_to(case.due_at)
    assert str(oldest()["sweep"]).startswith("P7D")  # the first reminder was due a week before


def test_pending_migrations_are_not_ready() -> None:
    MigrationRecorder.Migration.objects.filter(app="enforcement").order_by("-pk").first().delete()
    answer = Browser().get("/readyz")
    assert (answer.status_code, answer.json()["why"]) == (503, "1 migrations are pending")
