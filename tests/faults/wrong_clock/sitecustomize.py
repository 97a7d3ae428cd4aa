"""Python imports this first, where the path says so: every clock that the process can ask is WRONG_CLOCK seconds off.

As libfaketime does it, for Python's own clocks; PostgreSQL and the kernel's uptime are not of this process.
"""

import ctypes
import gc
import os
import time
from datetime import UTC, datetime, tzinfo
from typing import Any

_OFF = float(os.environ["WRONG_CLOCK"])
_time, _time_ns = time.time, time.time_ns


def _now(cls: type[datetime], tz: tzinfo | None = None) -> datetime:
    return cls.fromtimestamp(time.time(), tz)


def _utcnow(cls: type[datetime]) -> datetime:
    return cls.fromtimestamp(time.time(), UTC).replace(tzinfo=None)


time.time = lambda: _time() + _OFF
time.time_ns = lambda: _time_ns() + int(_OFF * 1e9)
# The class itself has to stay: a subclass in its place would be another type to whoever asks for it.
members: Any = gc.get_referents(datetime.__dict__)[0]
members |= {"now": classmethod(_now), "utcnow": classmethod(_utcnow)}
ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime))

with open(os.environ["WRONG_CLOCK_RECORD"], "a", encoding="utf-8") as record:
    record.write(f"{datetime.now(UTC).isoformat()}\n")
