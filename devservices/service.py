"""The service as a family of processes: web, worker, beat, and a mail catcher where no relay is named."""

import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from devservices.supervisor import Family


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_service(directory: Path, environment: Mapping[str, str], port: int) -> Family:
    """Start everything and wait until it answers; the caller stops the family.

    Caught mail is in `directory/mail`, logs are in `directory/logs`.
    """
    family = Family(directory / "logs", environment)
    try:
        if not (environment.get("EMAIL_URL") or os.environ.get("EMAIL_URL")):
            catch_mail(family, directory / "mail")
        start_web(family, port)
        start_worker(family)
        start_beat(family, directory)
        family.wait_until(lambda: is_ready(port), "the web process is ready")
    except BaseException:
        family.stop()
        raise
    return family


def catch_mail(family: Family, directory: Path) -> None:
    port = free_port()
    family.environment["EMAIL_URL"] = f"smtp://127.0.0.1:{port}"
    family.add(
        "mail", sys.executable, "-m", "devservices.mailcatcher", "--port", str(port), "--dir", str(directory)
    )


def start_web(family: Family, port: int) -> None:
    family.add(
        "web", sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "2", "--blocking-threads", "4", "--no-ws", "accounts_enforcement.wsgi:application",
    )  # fmt: skip


def start_worker(family: Family) -> None:
    family.add(
        "worker", sys.executable, "-m", "celery", "-A", "accounts_enforcement", "worker", "-Q", "decide,mail",
        "--concurrency", "3", "--without-gossip", "--without-mingle", "--loglevel", "WARNING",
    )  # fmt: skip


def start_beat(family: Family, directory: Path) -> None:
    family.add(
        "beat", sys.executable, "-m", "celery", "-A", "accounts_enforcement", "beat",
        "--schedule", str(directory / "beat"), "--pidfile", "", "--loglevel", "WARNING",
    )  # fmt: skip


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
