"""The circumstances of a measurement: without them a figure says nothing."""

import os
import platform

from django.db import connection

_SETTINGS = (
    "server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size", "jit",
)  # fmt: skip


def describe() -> dict[str, str]:
    found = {"python": platform.python_version(), "cpu": _cpu(), "cores": str(os.cpu_count())}
    with connection.cursor() as cursor:
        for name in _SETTINGS:
            cursor.execute(f"SHOW {name}")
            row = cursor.fetchone()
            found[name] = row[0] if row else ""
    return found | {"load": load()}


def load() -> str:
    return " ".join(f"{each:.1f}" for each in os.getloadavg())


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        return platform.processor()
