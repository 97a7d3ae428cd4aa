"""The service as its users meet it: real processes, a database of their own, mail over SMTP, the API over HTTP."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
import psycopg
import pytest

from devservices import service
from devservices.supervisor import Family


class Service:
    """A running service, and what a person can do with it from outside."""

    def __init__(self, directory: Path, environment: dict[str, str], port: int, family: Family) -> None:
        self.directory, self.environment, self.port, self.family = directory, environment, port, family
        self.api = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", timeout=30)
        self.keys = {
            kind: self.manage("create_client", kind, "--kind", kind).splitlines()[-1]
            for kind in ("detector", "gateway", "reader", "registrar")
        }

    def manage(self, *arguments: str) -> str:
        return manage(self.environment, *arguments)

    def call(self, kind: str, method: str, path: str, **more: object) -> httpx.Response:
        """One call with the key of that kind; a web process that was just killed is waited for."""
        headers = {"Authorization": f"Bearer {self.keys[kind]}"}
        answers: list[httpx.Response] = []

        def answered() -> bool:
            try:
                answers.append(self.api.request(method, path, headers=headers, **more))  # type: ignore[arg-type]
            except httpx.TransportError:
                return False
            return answers[-1].status_code != 503

        self.family.wait_until(answered, f"{method} {path} is answered")
        return answers[-1]

    def cases(self, **asked: str) -> list[dict[str, object]]:
        """All cases, over all pages."""
        page = self.call("reader", "GET", "cases", params=asked).json()
        found = page["results"]
        while page["next"]:
            page = self.call("reader", "GET", page["next"]).json()
            found += page["results"]
        return list(found)

    def mails(self) -> list[EmailMessage]:
        """What the mail server accepted, in order."""
        files = sorted((self.directory / "mail").glob("*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=default) for file in files]  # type: ignore[misc]

    def clock(self, *step: str) -> str:
        return str(json.loads(self.manage("clock", *step))["now"])

    def restart(self, name: str) -> None:
        """kill -9, children and all, and start again."""
        self.family.members[name].kill()
        self.family.members[name].start()


def manage(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    """The service on an empty database; everything of it is gone afterwards."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    name = f"acceptance_{uuid4().hex[:10]}"
    url = urlunsplit(parts._replace(path=f"/{name}"))
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        port = service.free_port()
        environment = {**os.environ, "DATABASE_URL": url, "PUBLIC_URL": f"http://127.0.0.1:{port}", "EMAIL_URL": ""}
        try:
            manage(environment, "migrate", "--verbosity", "0")
            with service.start_service(tmp_path, environment, port) as family:
                yield Service(tmp_path, {**environment, **family.environment}, port, family)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
