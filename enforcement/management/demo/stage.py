"""What the demo stands on: a fresh database, the service's processes, keys, people, and the test clock."""

import json
import os
import re
import secrets
import subprocess
import sys
import urllib.parse
import urllib.request
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from devservices import engines, service
from devservices.supervisor import Family
from enforcement.management.base import Refused
from enforcement.models import Account, Appeal, Case, Client, PolicyVersion
from enforcement.rules.transitions import State
from enforcement.services import clock, keys, policies, staff
from enforcement.services.roles import Role

EXAMPLES = engines.ROOT / "examples"
_PATIENCE = 90.0


class Stage:
    """A running service and everything that the story needs to act on it from outside."""

    def __init__(self, port: int | None) -> None:
        self.directory = engines.local_directory() / "demo"
        self.port = port or service.free_port()
        self.url = f"http://localhost:{self.port}"
        self.password = secrets.token_urlsafe(9)
        self.family: Family
        self.began: datetime
        self.appeal: Appeal

    def build(self) -> None:
        """A database with nothing in it, staff, keys, and all processes."""
        _empty_database()
        call_command("migrate", verbosity=0)
        self.lead = staff.create("lead", email="lead@provider.test", role=Role.LEAD, password=self.password)
        self.officer = staff.create("officer", email="officer@provider.test", role=Role.OFFICER, password=self.password)
        self.keys = {kind: keys.issue(f"demo-{kind}", kind, lasts=timedelta(days=1)) for kind in Client.Kind.values}
        for old in (self.directory / "mail").glob("*.eml"):
            old.unlink()
        self.began = clock.now()
        environment = {**os.environ, "PUBLIC_URL": self.url}
        self.family = service.start_service(self.directory, environment, self.port)

    # -- from outside, as the users do it ------------------------------------------------------------------------

    def call(self, kind: str, method: str, path: str, body: object = None, **query: str) -> Any:
        """One call of the API with the key of that kind."""
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/api/v1/{path}{'?' if query else ''}{urllib.parse.urlencode(query)}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.keys[kind]}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)

    def detect(self, log: Path, *options: str) -> str:
        """Run the reference detector on a log; its last words. What was malformed it says there, and that is fine."""
        networks = [
            part
            for file in sorted((EXAMPLES / "networks").glob("*.txt"))
            for part in ("--networks", f"{file.stem}={file}")
        ]
        done = subprocess.run(
            [sys.executable, "-m", "enforcement.detector", str(log), *networks, *options,
             "--url", self.url, "--key", self.keys["detector"], "--journal", str(self.directory / "detector.sqlite3")],
            cwd=engines.ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode == 2:
            raise Refused(f"The detector could not do its work: {done.stderr.strip()}")
        return re.sub(r"\s*\n\s*", "; ", done.stderr.strip())

    def mails(self) -> list[EmailMessage]:
        files = sorted((self.directory / "mail").glob("*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=default) for file in files]

    # -- time ------------------------------------------------------------------------------------------------------

    def advance(self, days: float) -> datetime:
        """Time passes a day at a time, so that reminders come when they should, and mail goes out between."""
        target = clock.now() + timedelta(days=days)
        while (left := target - clock.now()) > timedelta(seconds=1):
            clock.advance(min(left, timedelta(days=1)))
            self.settle()
        return clock.now()

    def settle(self) -> None:
        """Wait until the service has nothing left to do at this moment."""
        self.family.wait_until(_is_settled, "all work that is due is done", _PATIENCE)

    # -- people ------------------------------------------------------------------------------------------------------

    def activate(self, document: Path) -> PolicyVersion:
        version = policies.draft(document.read_text(encoding="utf-8"), now=clock.now())
        return policies.activate(version.pk, proposed_by=self.officer, approved_by=self.lead, now=clock.now())

    def someone_else(self) -> User:
        """Somebody who had no part in anything so far."""
        return staff.create("second-lead", email="second-lead@provider.test", role=Role.LEAD, password=self.password)


def _empty_database() -> None:
    """The demo's own database is made anew; anybody else's has to be empty."""
    with connection.cursor() as cursor:
        if connection.settings_dict["NAME"] == "enforcement_demo":
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            return
        cursor.execute("SELECT to_regclass('enforcement_account') IS NOT NULL")
        used = cursor.fetchone() == (True,) and Account.objects.exists()
    if used:
        raise Refused("The database of DATABASE_URL is in use; give the demo an empty one.")


_PENDING = """
SELECT EXISTS (SELECT FROM enforcement_assessmentmark WHERE look_at <= enforcement_now())
    OR EXISTS (SELECT FROM enforcement_memo
                WHERE rendered_at IS NULL AND cancelled_at IS NULL AND render_at <= enforcement_now())
    OR EXISTS (SELECT FROM notifications_message WHERE state = 'queued' AND next_attempt_at <= enforcement_now())
    OR EXISTS (SELECT FROM enforcement_case WHERE look_at <= enforcement_now() AND accepted_at IS NOT NULL)
    OR EXISTS (SELECT FROM enforcement_case AS told WHERE accepted_at IS NULL
                  AND state IN ('warned', 'restricted', 'suspended')
                  AND NOT EXISTS (SELECT FROM enforcement_stop AS stop
                                   WHERE stop.case_id = told.id AND stop.ended_at IS NULL))
"""


def _is_settled() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_PENDING)
        return cursor.fetchone() == (False,)


def open_case(account: str) -> Case:
    return Case.objects.exclude(state=State.CLOSED).get(account__external_id=account)


def last_case(account: str) -> Case | None:
    return Case.objects.filter(account__external_id=account).order_by("-pk").first()
