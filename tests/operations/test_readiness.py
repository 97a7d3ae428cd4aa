"""Liveness asks nobody; readiness asks the database and tells how late the others are."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client as Browser

from enforcement.models import Account, Brake, BrakePull, Client, Heartbeat, PolicyVersion
from enforcement.services import assessment, brake, clock, heartbeats, intake
from tests.stage import DAY, answer_mail, sighting, warned

pytestmark = pytest.mark.django_db
EVERYBODY = list(Heartbeat.Name.values)


def readiness() -> dict[str, Any]:
    answer = Browser().get("/readyz")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def oldest() -> dict[str, str | None]:
    found: dict[str, str | None] = readiness()["oldest_due"]
    return found


def heard_ago(name: str, age: timedelta) -> None:
    Heartbeat.objects.update_or_create(name=name, defaults={"at": clock.real_now() - age})


def test_nothing_is_due_at_first() -> None:
    assert Browser().get("/healthz").json() == {"status": "ok"}
    assert oldest() == {"assess": None, "sweep": None, "render": None, "deliver": None}


def test_a_process_that_was_never_heard_of_is_late_and_no_reason_to_be_down() -> None:
    found = readiness()
    assert (found["status"], found["late"]) == ("degraded", EVERYBODY)
    assert found["last_heard"] == dict.fromkeys(EVERYBODY)


def test_all_is_well_when_everybody_was_heard_and_nothing_is_due() -> None:
    heartbeats.note(EVERYBODY)
    found = readiness()
    assert (found["status"], found["late"], found["database"], found["pending_migrations"]) == ("ok", [], "ok", 0)
    assert all(0 <= found["age_seconds"][name] < 30 for name in EVERYBODY)


def test_a_pulled_brake_is_told_and_is_no_reason_to_be_down() -> None:
    heartbeats.note(EVERYBODY)
    assert readiness()["brake_pulled"] == {"enforcement": False, "mail": False}
    brake.pull(Brake.What.MAIL, BrakePull.Cause.MANUAL, "A wrong template.", now=clock.now())
    found = readiness()
    assert (found["status"], found["brake_pulled"]) == ("ok", {"enforcement": False, "mail": True})


@pytest.mark.parametrize("name", EVERYBODY)
def test_who_falls_silent_is_named(name: str) -> None:
    heartbeats.note(EVERYBODY)
    heard_ago(name, timedelta(seconds=31))
    assert readiness()["late"] == [name]


def test_signs_of_life_go_by_the_real_clock() -> None:
    heartbeats.note(EVERYBODY)
    clock.advance(DAY)
    assert readiness()["late"] == []


def test_a_sign_of_life_is_written_every_five_seconds_at_most() -> None:
    def written() -> dict[str, Any]:
        return dict(Heartbeat.objects.values_list("name", "at"))

    heard_ago("beat", timedelta(seconds=2))
    heard_ago("mail", timedelta(seconds=6))
    before = written()
    heartbeats.note(["beat", "mail"])
    assert (written()["beat"] == before["beat"], written()["mail"] > before["mail"]) == (True, True)


def test_readiness_tells_the_age_of_the_oldest_due_work(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    intake.record(detector, [sighting(account_outside, clock.now())], now=clock.now())
    clock.advance(2 * DAY)
    found = readiness()
    assert found["oldest_due"]["assess"].startswith("P2D")
    assert found["age_seconds"]["assess"] >= 2 * 86400
    assert "assess" in found["late"]
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
    assert answer.json()["pending_migrations"] == 1


def test_tables_of_another_release_are_not_ready() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE enforcement_heartbeat RENAME COLUMN at TO heard")
    answer = Browser().get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
