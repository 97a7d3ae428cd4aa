"""The commands of docker-compose.yml as processes, with production's settings: they work, and can keep a secret."""

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from devservices.service import free_port, is_ready
from tests.conftest import SMALL_POLICY
from tests.operations import composition
from tests.operations.conftest import Composition, lay_out_nginx

# Whatever a log holds of these, it holds of somebody.
MARKERS = {
    "name of a person": "Markerowna",
    "mail address": "marker.person@example.test",
    "IPv4 address": "203.0.113.77",
    "IPv6 address": "2001:db8:feed::77",
    "hash of an end user": "marker-end-user",
    "detail": "marker-detail",
    "key hint": "sk-…marker",
    "path": "marker-path",
    "query": "marker-query",
    "broken body": "marker-broken-body",
    "user agent": "marker-agent",
    "password": "marker-password",
    "token": "marker-token",
    "host": "marker-host.example",
    "log-in name": "marker-login",
}
# Celery prints these itself, before or after there is a logger.
_PRINTED = re.compile(r"worker: (Warm|Cold|Hitting|Soft).*|.*SecurityWarning.*|\s*")


@pytest.fixture(scope="module")
def lived(running: Composition) -> Composition:
    """After a day's work: evidence good and bad, a memo sent, a log-in refused, errors of every kind."""
    keys = {
        kind: running.manage("create_client", kind, "--kind", kind).splitlines()[-1] for kind in ("detector", "reader")
    }
    MARKERS.update({f"{kind}'s key": key[4:] for kind, key in keys.items()})
    policy = running.directory / "policy.yaml"
    policy.write_text(SMALL_POLICY)
    for name in ("olga", "leo"):
        group = {"olga": "officer", "leo": "lead"}[name]
        running.manage("create_staff", name, "--email", f"{name}@example.test", "--group", group)
    running.manage("load_policy", str(policy), "--activate", "--by", "olga", "--by", "leo")
    with running.web as web:
        _register(running, web)
        _send(web, keys["detector"])
        _misbehave(web, keys)
    running.family.wait_until(lambda: any((running.directory / "mail").glob("*.eml")), "a memo was sent")
    running.family.wait_until(lambda: _readiness(running)["late"] == [], "everybody was heard of")
    return running


def _register(running: Composition, web: httpx.Client) -> None:
    key = running.manage("create_client", "registrar", "--kind", "registrar").splitlines()[-1]
    contacts = [{"email": MARKERS["mail address"], "role": "owner"}]
    account = {"name": MARKERS["name of a person"], "contacts": contacts, "kind": "organisation"}
    answer = web.put("/api/v1/accounts/acme", json=account, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code in (200, 201), answer.text


def _send(web: httpx.Client, key: str) -> None:
    item = {
        "id": "first",
        "account": "acme",
        "kind": "ip_geolocation",
        "observed_at": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
        "country": "CN",
        "network_class": "residential",
        "requests": 50,
        "ip": MARKERS["IPv4 address"],
        "credential": MARKERS["key hint"],
        "end_user": MARKERS["hash of an end user"],
        "details": {"words": MARKERS["detail"], "ip": MARKERS["IPv6 address"]},
    }
    headers = {"Authorization": f"Bearer {key}", "User-Agent": MARKERS["user agent"]}
    sent = web.post("/api/v1/evidence", json=[item, item, {**item, "country": MARKERS["detail"]}], headers=headers)
    assert (sent.json()["accepted"], sent.json()["duplicates"], sent.json()["rejected"]) == (1, 1, 1)
    assert web.post("/api/v1/evidence", content=MARKERS["broken body"], headers=headers).status_code in (400, 415)


def _misbehave(web: httpx.Client, keys: dict[str, str]) -> None:
    asked = {"Authorization": f"Bearer {keys['reader']}"}
    web.get(f"/{MARKERS['path']}/{MARKERS['mail address']}?q={MARKERS['query']}")
    web.get("/api/v1/cases", params={"account": MARKERS["mail address"]}, headers=asked)
    web.get(f"/api/v1/accounts/{MARKERS['mail address']}", headers=asked)
    web.get("/api/v1/cases", headers={"Authorization": f"Bearer {MARKERS['token']}"})
    web.get("/metrics", headers={"Authorization": f"Bearer {MARKERS['token']}x"})
    web.get("/healthz", headers={"Host": MARKERS["host"]})
    page = web.get("/admin/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token
    form = {"username": MARKERS["log-in name"], "password": MARKERS["password"], "csrfmiddlewaretoken": token[1]}
    for _ in range(6):
        web.post("/admin/login/", data=form)


def _readiness(running: Composition) -> dict[str, Any]:
    with running.web as web:
        found: dict[str, Any] = web.get("/readyz").json()
    return found


def lines(log: str) -> Iterator[dict[str, Any]]:
    for line in log.splitlines():
        if not _PRINTED.fullmatch(line):
            yield json.loads(line)


# -- they work -----------------------------------------------------------------------------------------------------


def test_the_commands_of_the_composition_do_the_work(lived: Composition) -> None:
    found = _readiness(lived)
    assert (found["status"], found["late"]) == ("ok", [])


@pytest.mark.parametrize("name", ["worker", "worker-mail", "beat"])
def test_health_checks_tell_the_living_from_the_silent(lived: Composition, name: str) -> None:
    words = composition.health_check(name)[1:]
    url = f"http://127.0.0.1:{lived.port}/readyz"
    assert subprocess.run([sys.executable, *words, url], cwd=composition.ROOT).returncode == 0
    silent = subprocess.run([sys.executable, words[0], "nobody", url], cwd=composition.ROOT)
    assert silent.returncode == 1


def test_the_check_of_the_web_process_holds(lived: Composition) -> None:
    program = composition.health_check("web")[2].replace(":8000", f":{lived.port}")
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_all_processes_count_together(lived: Composition) -> None:
    with lived.web as web:
        scrapes = [web.get("/metrics", headers={"Authorization": "Bearer marker-token"}).text for _ in range(8)]
    for told in scrapes:  # whichever worker answers
        assert 'enforcement_evidence_items_total{status="accepted"} 1.0' in told
        assert 'enforcement_decisions_total{status="applied",step="warn"} 1.0' in told
        assert 'enforcement_memos_total{kind="warning",outcome="accepted"} 1.0' in told
        assert float(re.findall(r'enforcement_tasks_total\{outcome="succeeded",task="sweep"\} (\S+)', told)[0]) > 0


# -- they say nothing they must not --------------------------------------------------------------------------------


def test_no_process_writes_a_word_about_people_or_a_secret(lived: Composition) -> None:
    said = {
        f"{process}: {what}"
        for process, log in lived.logs().items()
        for what, marker in MARKERS.items()
        if marker.casefold() in log.casefold() or json.dumps(marker)[1:-1] in log
    }
    assert not said


def test_every_line_is_one_json_object_with_a_time_and_a_level(lived: Composition) -> None:
    for process, log in lived.logs().items():
        for line in lines(log):  # a command tells on standard output what it did: one line, of its own shape
            assert process == "sweeper" or {"event", "timestamp", "level"} <= line.keys(), (process, line)


def test_requests_are_logged_with_their_id_client_and_account(lived: Composition) -> None:
    found = [line for line in lines(lived.logs()["web"]) if line["event"] == "request"]
    sent = next(line for line in found if line["route"] == "api/v1/evidence" and line["status"] == 202)
    assert (sent["client"], sent["method"]) == ("detector", "POST")
    assert sent["duration"] > 0
    assert re.fullmatch("[0-9a-f]{32}", sent["request_id"])
    assert any(line.get("account") == "acme" for line in found)
    assert any((line["route"], line["status"]) == ("unmatched", 404) for line in found)


def test_tasks_that_did_something_are_logged_with_their_id(lived: Composition) -> None:
    tasks = [line for name in ("worker", "worker-mail") for line in lines(lived.logs()[name]) if "task" in line]
    warned = next(line for line in tasks if line["task"] == "assess" and line["event"] == "task")
    assert str(uuid.UUID(warned["task_id"])) == warned["task_id"]
    assert warned["did"]["done"] == 1
    assert any(line["task"] == "deliver" for line in tasks)


def test_an_id_of_the_callers_is_kept_if_it_is_sane_and_nobody_writes_a_line_of_their_own(lived: Composition) -> None:
    insane = ["short", "x" * 65, "with blank id", "semi;colon-id", "marker@mail.test"]
    with lived.web as web:
        kept = web.get("/api/v1/cases", headers={"X-Request-ID": "trace-0123456789"})
        assert kept.headers["X-Request-ID"] == "trace-0123456789"
        for given in insane:
            assert re.fullmatch("[0-9a-f]{32}", web.get("/", headers={"X-Request-ID": given}).headers["X-Request-ID"])
        web.get("/api/v1/accounts/a%0d%0a%7B%22event%22:%22forged%22%7D")
        web.get("/%0a%7B%22event%22:%22forged%22%7D?account=%0a%7B%22event%22:%22forged%22%7D")
    found = list(lines(lived.logs()["web"]))
    assert any(line.get("request_id") == "trace-0123456789" for line in found)
    assert not [line for line in found if line["event"] == "forged"]
    assert not [line for line in found if line.get("request_id") in insane]


# -- nginx in front ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def outside(lived: Composition, nginx: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Asks through nginx, with its files but for addresses and paths."""
    place, ports = tmp_path_factory.mktemp("nginx"), [free_port(), free_port()]
    moved = {"web:8000": f"127.0.0.1:{lived.port}", "8080": str(ports[0]), "8081": str(ports[1])}
    lay_out_nginx(place, "http", moved)
    alone = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")  # pytest's directories are closed to others
    lived.family.add("nginx", nginx, "-c", str(place / "nginx.conf"), "-g", alone)
    with httpx.Client(base_url=f"http://127.0.0.1:{ports[0]}", timeout=30) as client:
        lived.family.wait_until(lambda: _answers(f"http://127.0.0.1:{ports[1]}/"), "nginx answers its health check")
        yield client


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 204
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("address", ["/metrics", "/readyz", "/x/../metrics", "/%6detrics", "/./readyz"])
def test_what_is_for_operators_is_not_seen_from_outside(outside: httpx.Client, address: str) -> None:
    answer = outside.get(address, headers={"Authorization": "Bearer marker-token"})
    assert (answer.status_code, "enforcement_" in answer.text, "oldest_due" in answer.text) == (404, False, False)


def test_nginx_and_the_service_log_one_request_under_one_id_and_no_address(
    outside: httpx.Client, lived: Composition
) -> None:
    kept = outside.get("/healthz", headers={"X-Request-ID": "trace-through-nginx"})
    assert kept.headers["X-Request-ID"] == "trace-through-nginx"
    forged = {"X-Forwarded-For": MARKERS["IPv4 address"], "User-Agent": MARKERS["user agent"]}
    made = outside.get(f"/{MARKERS['path']}?{MARKERS['query']}", headers=forged).headers["X-Request-ID"]
    for name in ("nginx", "web"):  # nginx writes when the answer is through
        lived.family.wait_until(lambda name=name: made in lived.logs()[name], f"{name} logged it")  # type: ignore[misc]
    assert not [marker for marker in MARKERS.values() if marker in lived.logs()["nginx"]]
    assert "127.0.0.1" not in lived.logs()["nginx"]


@pytest.mark.parametrize("size", [8 * 2**20 + 1, 30 * 2**20])
def test_a_body_that_is_too_large_is_refused_with_a_problem_document(outside: httpx.Client, size: int) -> None:
    refused = outside.post("/api/v1/evidence", content=b" " * size, headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.headers["Content-Type"]) == (413, "application/problem+json")
    assert refused.json()["status"] == 413


def test_a_body_of_the_largest_size_passes_to_the_service(outside: httpx.Client, lived: Composition) -> None:
    key = lived.manage("create_client", "bulk", "--kind", "detector").splitlines()[-1]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    answer = outside.post("/api/v1/evidence", content=b"[]".rjust(8 * 2**20), headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (422, "There is no item in the body; send 1 to 1,000.")


# -- faults --------------------------------------------------------------------------------------------------------


def test_connections_that_died_with_their_server_are_not_used_again(lived: Composition) -> None:
    """As after a restart or a switch to a standby: nobody is told 503 for a connection that only looked alive."""
    with lived.web as web, psycopg.connect(lived.environment["DATABASE_URL"], autocommit=True) as database:
        assert [web.get("/readyz").status_code for _ in range(20)] == [200] * 20
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert [web.get("/readyz").status_code for _ in range(20)] == [200] * 20


def test_a_dead_beat_is_named_and_the_web_process_goes_on_serving(lived: Composition) -> None:
    beat = lived.family.members["beat"]
    beat.kill()
    with psycopg.connect(lived.environment["DATABASE_URL"], autocommit=True) as database:
        database.execute("UPDATE enforcement_heartbeat SET at = at - interval '1 minute' WHERE name = 'beat'")
    found = _readiness(lived)
    assert (found["status"], found["late"]) == ("degraded", ["beat"])
    beat.start()
    lived.family.wait_until(lambda: _readiness(lived)["late"] == [], "beat was heard of again")


def test_redis_that_died_is_named_beat_lives_on_and_all_is_well_when_it_is_back(lived: Composition) -> None:
    def late() -> list[str]:
        names: list[str] = _readiness(lived)["late"]
        return names

    lived.redis.stop()
    lived.family.wait_until(lambda: late() == ["redis", "decide", "mail"], "Redis and the workers are missed")
    lived.redis.start()
    lived.family.wait_until(lambda: late() == [], "everybody was heard of again")
    assert all([*lines(log)] for log in lived.logs().values()), "what they said meanwhile is JSON, too"


def test_a_web_process_that_is_gone_is_a_503_that_says_when_to_come_back(
    outside: httpx.Client, lived: Composition
) -> None:
    lived.family.members["web"].kill()
    away = outside.post("/api/v1/evidence", content=b"[]")
    assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
    assert away.headers["Content-Type"] == "application/problem+json"
    lived.family.members["web"].start()
    lived.family.wait_until(lambda: is_ready(lived.port), "the web process is back")
