"""`python -m tests.faults.stagehand`: plays acts, each order in a process of its own that may be killed.

It reads orders as lines of JSON and answers each with one. Django is loaded once; the players are forked from this
process, which never opens a connection and starts no thread.
"""

import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

django.setup()

from django.db import connections  # noqa: E402

import faultpoints  # noqa: E402
from enforcement.services import clock, invariants  # noqa: E402
from notifications.models import Message  # noqa: E402
from tests.faults import acts, ends  # noqa: E402
from tests.faults.scenarios import SCENARIOS  # noqa: E402

LEASE = 30.0  # seconds for which a message of the dead waits for others


def main() -> None:
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_play_apart(json.loads(line))) + "\n")
        sys.stdout.flush()


def _play_apart(order: dict[str, Any]) -> dict[str, Any]:
    """In a child; `status` is its exit status, or the number of its signal, negative."""
    said = Path(order["record"] + ".said")
    said.unlink(missing_ok=True)
    player = os.fork()
    if not player:
        _player(order, said)
    _, status = os.waitpid(player, 0)
    heard = json.loads(said.read_text()) if said.exists() else {}
    return {"status": os.waitstatus_to_exitcode(status), **heard}


def _player(order: dict[str, Any], said: Path) -> None:
    try:
        connections["default"].settings_dict["NAME"] = order["database"]
        if order["faults"]:
            faultpoints.arm(order["faults"], record=order["record"])
        said.write_text(json.dumps(_play(order)))
        os._exit(0)
    except BaseException as error:
        said.write_text(json.dumps({"error": f"{type(error).__name__}: {error}"}))
        os._exit(1)


def _play(order: dict[str, Any]) -> dict[str, Any]:
    scenario = SCENARIOS[order["scenario"]]
    if order["casting"]:
        scenario.cast()
        return {}
    if not order["again"]:
        for act in order["acts"]:
            scenario.acts[act]()
        return _report() if order["report"] else {}
    began = time.monotonic()
    leased = _bury()
    broken, *others = order["acts"]
    scenario.acts[broken]()
    acts.work()
    converged = time.monotonic() - began + leased
    violations = _violations()
    for act in others:
        scenario.acts[act]()
    if others:
        violations += _violations()
    return {"converged": converged, "violations": violations, **_report()}


def _bury() -> float:
    """What the dead had claimed is free after its lease; answers with how long that would have been waited for."""
    held = Message.objects.filter(lease_until__gt=clock.real_now())
    return LEASE if held.update(lease_until=clock.real_now() - timedelta(seconds=1)) else 0.0


def _violations() -> list[str]:
    return [str(each) for each in invariants.check(now=clock.now())]


def _report() -> dict[str, Any]:
    return {"ends": ends.of_all(), "messages": ends.messages()}


if __name__ == "__main__":
    main()
