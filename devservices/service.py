"""The service as a family of processes: web, worker, beat, and a mail catcher where no relay is named."""

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from devservices.engines import ROOT, local_directory
from devservices.supervisor import Family, ProcessDied, interruptible

WEB_LOGGING = str(ROOT / "deploy" / "web-logging.json")


def serve(environment: Mapping[str, str], port: int) -> int:
    """`./run serve`: migrate, then everything, until Ctrl-C (0) or until a process dies (1)."""
    if _listens(port):  # the web server would share the port with whoever has it
        _say(f"Port {port} is taken; choose another with --port.")
        return 2
    found = {"PUBLIC_URL": f"http://localhost:{port}", **environment}
    migrated = subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], env=found)
    if migrated.returncode:
        return migrated.returncode
    local = local_directory()
    try:
        with interruptible(), start_service(local, found, port) as family:
            _say(f"Serving on http://localhost:{port} (admin at /admin/, API at /api/docs/); logs are in {local}/logs.")
            _say("Nobody can log in yet? ./run manage create_staff NAME --email E --group lead")
            family.watch()
    except KeyboardInterrupt:
        _say("Stopped.")
        return 0
    except (ProcessDied, TimeoutError) as failed:
        _say(str(failed))
    return 1


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def start_service(directory: Path, environment: Mapping[str, str], port: int) -> Family:
    """Start everything on a migrated database and wait until it answers; the caller stops the family.

    Logs are in `directory/logs`; caught mail is in `directory/mail`, a file per message.
    """
    # All count together, and whoever is on this machine may read it.
    watched = {"PROMETHEUS_MULTIPROC_DIR": str(directory / "metrics"), "METRICS_NETWORKS": "127.0.0.0/8,::1/128"}
    family = Family(directory / "logs", {**watched, **environment})
    try:
        if not family.environment.get("EMAIL_URL"):
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
    """Members that start later send their mail here."""
    port = free_port()
    family.environment["EMAIL_URL"] = f"smtp://127.0.0.1:{port}"
    family.add("mail", sys.executable, "-m", "devservices.mailcatcher", "--port", str(port), "--dir", str(directory))
    family.wait_until(lambda: _listens(port), "the mail catcher listens")


def start_web(family: Family, port: int) -> None:
    # Fewer threads than a process has database connections; no access log, since links carry tokens.
    family.add(
        "web", sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "2", "--blocking-threads", "4", "--no-ws", "--no-access-log", "--log-config", WEB_LOGGING,
        "--respawn-failed-workers", "--respawn-interval", "1", "--workers-kill-timeout", "5",
        "accounts_enforcement.wsgi:application",
    )  # fmt: skip


def start_worker(family: Family) -> None:
    family.add(
        "worker", sys.executable, "-m", "celery", "--quiet", "-A", "accounts_enforcement", "worker",
        "--queues", "decide,mail", "--concurrency", "3", "--without-gossip", "--without-mingle",
        "--loglevel", "WARNING",
    )  # fmt: skip


def start_beat(family: Family, directory: Path) -> None:
    family.add(
        "beat", sys.executable, "-m", "celery", "--quiet", "-A", "accounts_enforcement", "beat",
        "--schedule", str(directory / "beat"), "--pidfile", "", "--loglevel", "WARNING",
    )  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:  # refused, reset, or an HTTP error: not yet
        return False


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
