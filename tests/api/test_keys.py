"""Who may call what: keys, their scopes, and how they are made."""

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now
from django.test import override_settings
from django.urls import get_resolver

from enforcement.management.base import Refused
from enforcement.models import ApiKey, Client
from enforcement.services import clock, keys
from tests import checks
from tests.api.conftest import Caller, assert_problem, item

KINDS = ("detector", "gateway", "reader", "registrar")
# Each call of the API with the kinds that may make it, and what it answers them.
CALLS: dict[tuple[str, str], tuple[set[str], int]] = {
    ("POST", "/evidence"): ({"detector"}, 202),
    ("PUT", "/accounts/acme"): ({"registrar"}, 200),
    ("POST", "/accounts"): ({"registrar"}, 200),
    ("GET", "/accounts/nobody"): ({"reader", "registrar"}, 404),
    ("HEAD", "/accounts/nobody"): ({"reader", "registrar"}, 404),
    ("GET", "/accounts/nobody/timeline"): ({"reader", "registrar"}, 404),
    ("GET", "/cases"): ({"reader"}, 200),
    ("HEAD", "/cases"): ({"reader"}, 200),
    ("GET", "/cases/AE-0000-0000"): ({"reader"}, 404),
    ("GET", "/gateway/decision?account=acme"): ({"gateway"}, 200),
}
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/evidence"): item(),
    ("PUT", "/accounts/acme"): {},
    ("POST", "/accounts"): [{"external_id": "acme"}],
}


def call(caller: Caller, method: str, path: str) -> Any:
    body = BODIES.get((method, path))
    return getattr(caller, method.lower())(path, body) if body is not None else caller.call(method, path)


# -- the matrix ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_key_does_what_its_scopes_name_and_nothing_else(
    caller: Callable[[str], Caller], kind: str, method: str, path: str
) -> None:
    allowed, status = CALLS[method, path]
    before = checks.stored()
    answer = call(caller(kind), method, path)
    if kind in allowed:
        assert answer.status_code == status
    else:
        assert answer.status_code == 403
        assert checks.stored() == before


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_nobody_calls_without_a_key(db: None, method: str, path: str) -> None:
    answer = call(Caller(None), method, path)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert not any(checks.stored().values())


def test_the_missing_scope_is_named(sender: Caller) -> None:
    assert "cases:read" in assert_problem(sender.get("/cases"), 403)["detail"]


def test_every_address_of_the_api_stands_in_the_matrix() -> None:
    found = {str(each.pattern) for each in get_resolver("enforcement.api.urls").url_patterns}
    told = {re.sub(r"/(nobody|acme)", "/<str:external_id>", path).split("?")[0].lstrip("/") for _, path in CALLS}
    assert found == {path.replace("cases/AE-0000-0000", "cases/<str:reference>") for path in told}


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PUT", "GET", "TRACE"])
def test_other_methods_are_405(sender: Caller, method: str) -> None:
    answer = sender.call(method, "/evidence")
    assert_problem(answer, 405)
    assert "POST" in answer["Allow"]


@pytest.mark.parametrize("path", ["/nothing", "/evidence/", "/accounts/a/b/c", "/%00", "/gateway"])
def test_other_addresses_are_404(sender: Caller, path: str) -> None:
    assert_problem(sender.get(path), 404)


def test_who_wants_no_json_is_told_406(reader: Caller) -> None:
    answer = reader.browser.get(
        "/api/v1/cases", headers={"Authorization": f"Bearer {reader.key}", "Accept": "text/html"}
    )
    assert_problem(answer, 406)


@override_settings(ALLOWED_HOSTS=["api.example"])
def test_a_host_that_is_not_ours_is_400(reader: Caller) -> None:
    headers = {"Authorization": f"Bearer {reader.key}", "Host": "evil.example"}
    assert_problem(reader.browser.get("/api/v1/cases", headers=headers), 400)


# -- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer x", "Basic {key}", "bearer-{key}", "{key}", "Bearer {key}x", "Bearer x{key}",
     "Bearer {key} {key}", "Bearer ae_0000000000_{secret}", "Bearer ae_{prefix}_{other}", "Bearer \xe9\xff",
     "Bearer ae_{prefix}_", "Bearer AE_{prefix}_{secret}"],
)  # fmt: skip
def test_a_wrong_key_is_401(sender: Caller, header: str) -> None:
    _, prefix, secret = str(sender.key).split("_", 2)
    sent = header.format(key=sender.key, prefix=prefix, secret=secret, other="x" * 43)
    answer = sender.browser.post(
        "/api/v1/evidence", item(), content_type="application/json", headers={"Authorization": sent}
    )
    assert_problem(answer, 401)
    assert answer["WWW-Authenticate"] == "Bearer"


def test_the_scheme_is_written_in_any_case(sender: Caller) -> None:
    answer = sender.browser.post(
        "/api/v1/evidence", item(), content_type="application/json", headers={"Authorization": f"bEARER {sender.key}"}
    )
    assert answer.status_code == 202


def test_an_expired_key_is_401_and_who_has_all_of_it_is_told_why(sender: Caller) -> None:
    ApiKey.objects.update(expires_at=Now())
    ended = ApiKey.objects.get().expires_at
    assert ended is not None
    told = assert_problem(sender.post("/evidence", item()), 401)["detail"]
    assert told == f"The key expired at {ended:%Y-%m-%dT%H:%M:%SZ}."


def test_a_revoked_key_is_401_and_who_has_all_of_it_is_told_why(sender: Caller) -> None:
    ApiKey.objects.update(revoked_at=Now(), expires_at=Now())
    assert "revoked at 2" in assert_problem(sender.post("/evidence", item()), 401)["detail"]


def test_who_has_only_the_beginning_of_a_key_learns_nothing_of_it(sender: Caller) -> None:
    prefix = str(sender.key).split("_", 2)[1]
    guesses = [Caller(f"ae_{each}_{'x' * 43}") for each in (prefix, "0123456789")]
    told = []
    for change in ({}, {"expires_at": Now()}, {"revoked_at": Now()}):
        ApiKey.objects.update(**change or {"last_used_at": None})
        told += [assert_problem(guess.get("/cases"), 401)["detail"] for guess in guesses]
    assert set(told) == {"The key is unknown."}
    assert ApiKey.objects.get().last_used_at is None


def test_the_test_clock_locks_nobody_out(db: None) -> None:
    sender = Caller(keys.issue("edge-logs", "detector", lasts=timedelta(days=1)))
    clock.advance(timedelta(days=365))
    assert sender.post("/evidence", item()).status_code == 202


def test_keys_are_stored_as_digests_only(sender: Caller) -> None:
    _, prefix, secret = str(sender.key).split("_", 2)
    stored = ApiKey.objects.values().get()
    assert stored["prefix"] == prefix
    assert secret not in str(stored)


def test_both_keys_of_a_rotation_are_one_detector(db: None) -> None:
    old = Caller(keys.issue("edge-logs", "detector", lasts=None))
    new = Caller(keys.rotate("edge-logs", overlap=timedelta(hours=1), lasts=None))
    assert old.post("/evidence", item()).json()["accepted"] == 1
    assert new.post("/evidence", [item()]).json()["duplicates"] == 1
    assert Client.objects.count() == 1
    keys.revoke(str(old.key).split("_")[1])
    assert (old.post("/evidence", item()).status_code, new.post("/evidence", item()).status_code) == (401, 202)


def test_the_last_use_is_noted_once_a_minute(sender: Caller) -> None:
    sender.post("/evidence", item())
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    sender.post("/evidence", item())
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    sender.post("/evidence", item())
    assert ApiKey.objects.get().last_used_at > first


@pytest.mark.django_db(transaction=True)
def test_of_many_who_use_a_key_at_one_moment_one_notes_it(sender: Caller) -> None:
    """Each saw that the last use was long ago before the first of them wrote."""
    key = ApiKey.objects.get().pk
    start, wrote = threading.Barrier(6), []

    def note() -> None:
        try:
            with connection.cursor() as cursor:
                start.wait(timeout=30)
                cursor.execute(keys._USED, [key])
                wrote.append(cursor.rowcount)
        finally:
            connection.close()

    threads = [threading.Thread(target=note) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wrote) == [0] * 5 + [1]


@pytest.mark.django_db(transaction=True)
def test_a_key_that_somebody_holds_is_used_all_the_same(sender: Caller) -> None:
    """Noting the use waits for nobody."""
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM enforcement_apikey FOR UPDATE")
        assert sender.post("/evidence", item()).status_code == 202
        assert ApiKey.objects.get().last_used_at is None
    finally:
        other.close()


# -- create_client ---------------------------------------------------------------------------------------------------


def create(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("create_client", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_create_client_prints_the_key_alone_on_the_last_line(db: None, kind: str) -> None:
    out, _ = create("gate 7", "--kind", kind)
    assert re.fullmatch(r"ae_[0-9a-f]{10}_[A-Za-z0-9_-]{43}\n", out)
    found = keys.find(out.strip())
    assert (found.name, found.kind) == ("gate 7", kind)


def test_a_key_may_expire(db: None) -> None:
    create("a", "--kind", "reader", "--expires", "P90D")
    key = ApiKey.objects.get()
    assert key.expires_at is not None
    assert key.expires_at - key.created_at == timedelta(days=90)


def test_a_key_may_end_on_a_date(db: None) -> None:
    create("a", "--kind", "reader", "--expires", "2999-01-31")
    assert ApiKey.objects.get().expires_at == datetime(2999, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    "arguments",
    [("taken", "--kind", "gateway"), ("", "--kind", "reader"), ("x" * 65, "--kind", "reader"),
     (" a", "--kind", "reader"), ("a\nb", "--kind", "reader"), ("a", "--kind", "reader", "--expires", "90 days"),
     ("a", "--kind", "reader", "--expires", "P3M"), ("a", "--kind", "reader", "--expires", ""),
     ("a", "--kind", "reader", "--expires", "2020-01-31")],
)  # fmt: skip
def test_create_client_refuses_with_status_2_and_makes_nothing(db: None, arguments: tuple[str, ...]) -> None:
    create("taken", "--kind", "detector")
    with pytest.raises(Refused) as refused:
        create(*arguments)
    assert refused.value.returncode == 2
    assert (Client.objects.count(), ApiKey.objects.count()) == (1, 1)
