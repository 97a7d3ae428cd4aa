"""Beat is heard again as soon as the database is back; nobody has to restart it."""

import pytest
from django.db import connection

from accounts_enforcement import task_log
from enforcement.models import Heartbeat


@pytest.mark.django_db(transaction=True)
def test_beat_is_heard_again_after_its_connection_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_log, "_EVERY", 0.0)
    connection.ensure_connection()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])
    other.close()
    task_log.note_alive(["beat"])  # the one that finds out
    task_log.note_alive(["beat"])
    assert Heartbeat.objects.filter(name="beat").exists()
