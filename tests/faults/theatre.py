"""A database of its own for each run, copied from how it stood before the act, and the processes that play in it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import errors

from tests.faults import acts
from tests.faults.scenarios import SCENARIOS
from tests.integration.mail_server import MailServer, mail_server

ROOT = Path(__file__).parent.parent.parent
QUIET = "round.begun"  # what acts.work passes before it asks the doors


@dataclass(frozen=True, slots=True)
class Place:
    """The n-th time that an act reaches some label, over all of its labels."""

    act: int
    nth: int
    label: str


@dataclass(slots=True)
class Course:
    """A scenario without any fault: how it ends, and what mail the server had taken before each act."""

    scenario: str
    places: list[Place] = field(default_factory=list)
    ports: list[Place] = field(default_factory=list)  # `nth` counts ports only
    after: list[dict[str, Any]] = field(default_factory=list)  # by act: how everything stands
    mail_before: list[int] = field(default_factory=list)
    mail: list[bytes] = field(default_factory=list)

    @property
    def ends(self) -> dict[str, Any]:
        return self.after[-1]

    def settled(self, act: int) -> dict[str, Any]:
        """How everything stands when the work that an act makes is done."""
        following = SCENARIOS[self.scenario].acts[act + 1 : act + 2]
        return self.after[act + 1 if following == (acts.work,) else act]


class Theatre:
    """One stagehand, one mail server, and the databases of one scenario at a time."""

    def __init__(self, url: str, directory: Path, server: MailServer) -> None:
        self.server = server
        self.parts = urlsplit(url)
        self.name = f"faults_{uuid4().hex[:8]}"
        self.record = directory / "record"
        self.databases: set[str] = set()
        self.admin = psycopg.connect(url, autocommit=True)
        self.empty = self._made("empty")
        environment = {
            **os.environ,
            "DATABASE_URL": urlunsplit(self.parts._replace(path=f"/{self.empty}")),
            "DJANGO_SETTINGS_MODULE": "accounts_enforcement.settings",
            "EMAIL_URL": server.url,
            "LOG_LEVEL": "CRITICAL",
        }
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"], env=environment, cwd=ROOT, check=True
        )
        self.hand = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.stagehand"],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(directory / "stderr").open("wb"),
            text=True,
        )

    # -- databases ----------------------------------------------------------------------------------------------------

    def _made(self, suffix: str, template: str = "template1") -> str:
        """A copy; whoever was killed may need a moment to be gone from the original."""
        name = f"{self.name}_{suffix}"
        self.admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        for _ in range(200):
            try:
                self.admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
            except errors.ObjectInUse:
                time.sleep(0.05)
            else:
                self.databases.add(name)
                return name
        raise AssertionError(f"somebody is still in {template}")

    def close(self) -> None:
        assert self.hand.stdin is not None
        self.hand.stdin.close()
        self.hand.wait(timeout=30)
        for name in self.databases:
            self.admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self.admin.close()

    # -- orders -------------------------------------------------------------------------------------------------------

    def _order(self, scenario: str, acts: Sequence[int] = (), **more: Any) -> dict[str, Any]:
        self.record.unlink(missing_ok=True)
        order = {"database": f"{self.name}_stage", "scenario": scenario, "acts": list(acts), "faults": "",
                 "record": str(self.record), "casting": False, "again": False, "report": False} | more  # fmt: skip
        assert self.hand.stdin is not None
        assert self.hand.stdout is not None
        self.hand.stdin.write(json.dumps(order) + "\n")
        self.hand.stdin.flush()
        answer: dict[str, Any] = json.loads(self.hand.stdout.readline())
        return answer

    def fired(self) -> list[list[str]]:
        """Of the last order: process, action, label and count of each fault, as it wrote them down."""
        return [line.split() for line in self.record.read_text().splitlines()] if self.record.exists() else []

    # -- plays --------------------------------------------------------------------------------------------------------

    def rehearse(self, name: str) -> Course:
        """Play it without any fault, keep how things stood before each act, and write down each place."""
        course = Course(name)
        self._made("stage", self.empty)
        self.server.accepted.clear()
        self._well(self._order(name, casting=True))
        for act in range(len(SCENARIOS[name].acts)):
            self._made(f"before_{act}", f"{self.name}_stage")
            course.mail_before.append(len(self.server.accepted))
            said = self._well(self._order(name, [act], faults="count", report=True))
            places = [Place(act, nth, label) for nth, (_, _, label, _) in enumerate(self.fired(), start=1)]
            course.places += _busy(places)
            course.ports += _ports(places)
            course.after.append(said["ends"])
        course.mail = list(self.server.accepted)
        return course

    def strike(self, course: Course, place: Place, action: str, *, to_the_end: bool) -> dict[str, Any]:
        """One fault, and the act and its work begun again; answers with what the second process found after it."""
        self._made("stage", f"{self.name}_before_{place.act}")
        self.server.accepted[:] = course.mail[: course.mail_before[place.act]]
        first = self._order(course.scenario, [place.act], faults=f"{action}@{place.nth}")
        fired = self.fired()
        following = len(SCENARIOS[course.scenario].acts) if to_the_end else place.act + 1
        again = self._order(course.scenario, range(place.act, following), again=True)
        return {**again, "fired": fired, "died": first["status"]}

    def _well(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        assert answer["status"] == 0, answer
        return answer

    def copies(self) -> dict[str, list[bytes]]:
        """What the mail server took, by Message-ID."""
        found: dict[str, list[bytes]] = {}
        for each in self.server.accepted:
            found.setdefault(str(message_from_bytes(each)["Message-ID"]), []).append(each)
        return found


def is_port(place: Place) -> bool:
    return place.label.endswith(".commit") or place.label == "memo.smtp"


def _ports(places: Sequence[Place]) -> list[Place]:
    """The ports, counted for themselves: none stands within another, so they end in the order in which they begin."""
    busy = set(_busy(places))
    ports = filter(is_port, places)
    return [Place(each.act, nth, each.label) for nth, each in enumerate(ports, start=1) if each in busy]


def _busy(places: Sequence[Place]) -> list[Place]:
    """All but those of the last round of work, in which there was nothing to do."""
    begun = [index for index, place in enumerate(places) if place.label == QUIET]
    kept = places[: begun[-1]] if begun else places
    return [place for place in kept if place.label != QUIET]


@contextmanager
def theatre(url: str, directory: Path) -> Iterator[Theatre]:
    with mail_server() as server:
        house = Theatre(url, directory, server)
        try:
            yield house
        finally:
            house.close()
