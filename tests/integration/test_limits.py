"""Limits that keep one trouble from becoming everybody's: of sessions, tasks and migrations."""

import ast
from pathlib import Path
from uuid import uuid4

import pytest
from celery.beat import ScheduleEntry
from django.apps import apps
from django.conf import settings as configured
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from accounts_enforcement.beat import MOST_WAITING, BoundedScheduler
from accounts_enforcement.celery import app
from accounts_enforcement.settings import broker_url


@pytest.mark.django_db
@pytest.mark.parametrize("limit", ["lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"])
def test_no_session_waits_or_holds_for_ever(limit: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {limit}")
        assert cursor.fetchone()[0] not in ("0", "0ms")


MIGRATIONS = [
    path
    for app_name in ("enforcement", "notifications")
    for path in sorted((Path(apps.get_app_config(app_name).path) / "migrations").glob("0*.py"))
]


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: f"{path.parent.parent.name}.{path.stem}")
def test_a_migration_that_may_meet_data_builds_its_indexes_concurrently(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = [
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    made = "CreateModel" in called
    assert made or "AddIndex" not in called, "use AddIndexConcurrently: writers must not wait for an index"


def test_the_brokers_settings_are_those_that_lose_nothing() -> None:
    assert run_checks() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CELERY_BROKER_TRANSPORT_OPTIONS", {"visibility_timeout": 60}),
        ("CELERY_TASK_REJECT_ON_WORKER_LOST", True),
        ("CELERY_WORKER_PREFETCH_MULTIPLIER", 4),
        ("CELERY_RESULT_BACKEND", "redis://localhost"),
        ("CELERY_ACCEPT_CONTENT", ["json", "pickle"]),
        ("CELERY_BEAT_SCHEDULE", {"sweep": {"options": {}}}),
    ],
)
def test_a_setting_that_loses_work_stops_the_start(name: str, value: object, settings) -> None:
    setattr(settings, name, value)
    assert [each.id for each in run_checks() if each.id.startswith("enforcement.")]


def test_beat_only_says_look_now_and_every_tick_has_its_task_and_expires() -> None:
    app.loader.import_default_modules()
    for entry in configured.CELERY_BEAT_SCHEDULE.values():
        assert entry["task"] in app.tasks
        assert "args" not in entry
        assert "kwargs" not in entry
        assert entry["options"]["expires"]


@pytest.mark.django_db
def test_ticks_do_not_pile_up_for_a_dead_worker(tmp_path: Path) -> None:
    queue = f"dead-{uuid4().hex}"
    scheduler = BoundedScheduler(app=app, schedule_filename=str(tmp_path / "beat"), lazy=True)
    entry = ScheduleEntry("sweep", "enforcement.tasks.sweep", schedule=1.0, options={"queue": queue}, app=app)
    waiting = scheduler.connection.default_channel.client
    try:
        for _ in range(2 * MOST_WAITING):
            scheduler.apply_async(entry, advance=False)
        assert waiting.llen(queue) == MOST_WAITING
    finally:
        waiting.delete(queue)
        scheduler.connection.release()


def test_there_is_no_timer_in_the_broker() -> None:
    """An ETA beyond the visibility timeout is delivered again and again."""
    root = Path(__file__).parents[2]
    for package in ("enforcement", "notifications", "accounts_enforcement"):
        for path in (root / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    named = {keyword.arg for keyword in node.keywords}
                    assert not named & {"eta", "countdown"}, f"{path}:{node.lineno}"


@pytest.mark.parametrize(
    ("given", "kombu"),
    [
        ("redis://host:6379/2", "redis://host:6379/2"),
        ("unix:///tmp/a b/valkey.sock?db=3", "redis+socket:///tmp/a b/valkey.sock?virtual_host=3"),
        ("unix:///tmp/valkey.sock", "redis+socket:///tmp/valkey.sock?virtual_host=0"),
    ],
)
def test_unix_sockets_are_written_as_kombu_reads_them(given: str, kombu: str) -> None:
    assert broker_url(given) == kombu


@pytest.mark.parametrize(
    "given", ["redis+socket:///tmp/valkey.sock", "sentinel://host:26379", "amqp://host", "host:6379"]
)
def test_a_redis_that_only_kombu_could_read_stops_the_start(given: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL"):
        broker_url(given)
