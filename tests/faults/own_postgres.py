"""A PostgreSQL of a test's own, which it may restart, kill and fill up; what it said is on disk before it says so."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.db import connection

from devservices.place import find_place
from devservices.postgres import Postgres
from tests.faults.theatre import ROOT

EMPTY = "empty"  # migrated, and nothing in it
CONNECTIONS = 30


@contextmanager
def own_postgres() -> Iterator[Postgres]:
    """In a directory that the engines' account can enter, unlike pytest's."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    settings = {"max_connections": f"{CONNECTIONS}", "shared_buffers": "64MB"}
    server = Postgres(find_place(directory / "postgres"), settings)
    server.place.make()
    server.start()
    try:
        server.create(EMPTY)
        environment = {**os.environ, "DATABASE_URL": server.url(EMPTY)}
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, env=environment, cwd=ROOT, check=True)
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


def copy(server: Postgres, name: str) -> str:
    """A database as the migrations leave it; its URL."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as session:
        session.execute(f'CREATE DATABASE "{name}" TEMPLATE "{EMPTY}"')
    return server.url(name)


@contextmanager
def looked_at(server: Postgres, name: str) -> Iterator[None]:
    """The test itself speaks to that database, by Django's connection."""
    settings, usual = connection.settings_dict, dict(connection.settings_dict)
    hang_up()
    settings |= {"HOST": str(server.place.run), "PORT": "", "USER": "postgres", "PASSWORD": "", "NAME": name}
    try:
        yield
    finally:
        hang_up()
        settings |= usual


def hang_up() -> None:
    """The test keeps no connection, so that it is not in the way and holds none that has died."""
    connection.close()
    connection.close_pool()


def kill_postmaster(server: Postgres) -> None:
    """As the kernel does when memory runs out: no checkpoint, no goodbye."""
    os.kill(int((server.data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
