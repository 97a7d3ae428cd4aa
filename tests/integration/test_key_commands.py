"""rotate_api_key, revoke_api_key, list_api_keys: what operators do with keys, and what they are told."""

import csv
import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from enforcement import metrics
from enforcement.management.base import Refused
from enforcement.models import ApiKey, Client
from enforcement.services import clock, gauges, keys
from enforcement.services.keys import KeyRejected

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def key_of(presented: str) -> ApiKey:
    return ApiKey.objects.get(prefix=presented.split("_")[1])


def lives(presented: str) -> bool:
    try:
        return bool(keys.find(presented))
    except KeyRejected:
        return False


def left(presented: str) -> timedelta | None:
    ends = key_of(presented).expires_at
    return ends and ends - clock.real_now()


@pytest.fixture
def old() -> str:
    return keys.issue("edge-logs", "detector", lasts=90 * DAY)


# -- rotate_api_key --------------------------------------------------------------------------------------------------


def test_both_keys_work_until_the_overlap_ends(old: str) -> None:
    new = run("rotate_api_key", "edge-logs", "--overlap", "2h").strip()
    assert lives(old)
    assert lives(new)
    assert keys.find(old) == keys.find(new)
    assert timedelta(hours=1.9) < (left(old) or DAY) <= timedelta(hours=2)
    ApiKey.objects.filter(pk=key_of(old).pk).update(expires_at=Now())
    assert (lives(old), lives(new)) == (False, True)


def test_the_new_key_stands_alone_on_the_last_line_and_is_stored_as_a_digest_only(old: str) -> None:
    out = run("rotate_api_key", "edge-logs")
    assert out.count("\n") == 1
    assert out.strip().split("_", 2)[2] not in str(list(ApiKey.objects.values()))


def test_without_an_end_of_its_own_the_new_key_lives_as_long_as_the_old_one_was_made_for(old: str) -> None:
    assert left(old) == pytest.approx(90 * DAY, abs=timedelta(minutes=5))
    new = key_of(run("rotate_api_key", "edge-logs").strip())
    assert new.expires_at is not None
    assert new.expires_at - new.created_at == 90 * DAY
    again = key_of(run("rotate_api_key", "edge-logs", "--expires", "7d").strip())
    assert again.expires_at is not None
    assert again.expires_at - again.created_at == 7 * DAY


def test_a_key_without_an_end_gets_one_and_its_successor_none() -> None:
    old = keys.issue("gate", "gateway", lasts=None)
    new = run("rotate_api_key", "gate", "--overlap", "24h").strip()
    assert (left(old) or 2 * DAY) <= DAY
    assert left(new) is None


def test_an_overlap_keeps_no_key_alive_longer_than_it_would_have_been() -> None:
    old = keys.issue("gate", "gateway", lasts=timedelta(hours=1))
    run("rotate_api_key", "gate", "--overlap", "24h", "--expires", "90d")
    assert (left(old) or DAY) <= timedelta(hours=1)


def test_no_overlap_ends_the_old_key_at_once(old: str) -> None:
    new = run("rotate_api_key", "edge-logs", "--overlap", "0s").strip()
    assert (lives(old), lives(new)) == (False, True)


def test_a_revoked_key_stays_revoked(old: str) -> None:
    other = keys.issue("edge-logs", "detector", lasts=None)
    keys.revoke(key_of(old).prefix)
    run("rotate_api_key", "edge-logs")
    assert (lives(old), lives(other)) == (False, True)


def test_the_keys_of_others_stay_as_they_are(old: str) -> None:
    other = keys.issue("other", "detector", lasts=None)
    run("rotate_api_key", "edge-logs", "--overlap", "0s")
    assert left(other) is None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [(("nobody",), "no client 'nobody'"), (("edge-logs", "--overlap", "soon"), "--overlap"),
     (("edge-logs", "--overlap", "1y"), "--overlap"), (("edge-logs", "--expires", "2020-01-31"), "is over"),
     (("gone",), "no live key")],
)  # fmt: skip
def test_what_cannot_be_rotated_is_refused_with_status_2_and_nothing_changes(
    old: str, arguments: tuple[str, ...], why: str
) -> None:
    keys.issue("gone", "reader", lasts=None)
    keys.revoke_all("gone")
    before = list(ApiKey.objects.order_by("pk").values())
    with pytest.raises(CommandError, match=why) as refused:
        run("rotate_api_key", *arguments)
    assert refused.value.returncode == 2
    assert list(ApiKey.objects.order_by("pk").values()) == before


# -- revoke_api_key --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written", [lambda key: key, lambda key: key[:13], lambda key: key[3:13], lambda key: f"{key[3:13]}…"]
)
def test_a_key_is_revoked_by_its_beginning_however_it_is_written(old: str, written: Callable[[str], str]) -> None:
    other = keys.issue("edge-logs", "detector", lasts=None)
    out = run("revoke_api_key", written(old))
    assert (lives(old), lives(other)) == (False, True)
    assert old.split("_", 2)[2] not in out
    told = json.loads(out)
    assert (told["key"], told["client"]) == (old[:13], "edge-logs")


def test_revoking_again_changes_nothing(old: str) -> None:
    run("revoke_api_key", old)
    first = key_of(old).revoked_at
    run("revoke_api_key", old)
    assert key_of(old).revoked_at == first


def test_all_keys_of_a_client_are_revoked(old: str) -> None:
    second, other = keys.issue("edge-logs", "detector", lasts=None), keys.issue("other", "detector", lasts=None)
    assert run("revoke_api_key", "--all-of", "edge-logs").count("\n") == 2
    assert [lives(each) for each in (old, second, other)] == [False, False, True]


@pytest.mark.parametrize(
    "arguments", [("ae_0123456789",), ("edge-logs",), ("",), ("ae_",), ("--all-of", "nobody"), ("--all-of", "")]
)
def test_what_cannot_be_revoked_is_refused_with_status_2(old: str, arguments: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as refused:
        run("revoke_api_key", *arguments)
    assert refused.value.returncode == 2
    assert lives(old)


# -- list_api_keys ---------------------------------------------------------------------------------------------------


@pytest.fixture
def various(old: str) -> dict[str, str]:
    """Keys in every state, by state."""
    found = {
        "live": keys.issue("gate", "gateway", lasts=None),
        "expires in 6 days": keys.issue("books", "reader", lasts=7 * DAY),
        "expires in 1 hour": keys.issue("books", "reader", lasts=timedelta(hours=1, minutes=59)),
        "expires in a minute": keys.issue("books", "reader", lasts=timedelta(seconds=59)),
        "expired": keys.issue("books", "reader", lasts=None),
        "revoked": keys.issue("books", "reader", lasts=None),
        "expires in 89 days": old,
    }
    ApiKey.objects.filter(pk=key_of(found["expired"]).pk).update(expires_at=Now())
    keys.revoke(key_of(found["revoked"]).prefix)
    return found


def rows(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("list_api_keys", "--format", "json", *arguments))
    return found


def test_each_key_is_told_with_its_state_and_the_dead_only_when_asked_for(various: dict[str, str]) -> None:
    told = {row["key"]: row["state"] for row in rows("--all")}
    assert told == {key[:13]: state for state, key in various.items()}
    assert {row["state"] for row in rows()} == various.keys() - {"expired", "revoked"}


def test_a_row_tells_whose_what_how_much_and_when(old: str) -> None:
    keys.limit("edge-logs", 500)
    keys.find(old)
    (row,) = rows()
    key = key_of(old)
    assert row == {
        "key": old[:13], "client": "edge-logs", "kind": "detector", "scopes": "evidence:write",
        "limit_per_minute": 500, "created_at": f"{key.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "last_used_at": f"{key.last_used_at:%Y-%m-%dT%H:%M:%SZ}",
        "expires_at": f"{key.expires_at:%Y-%m-%dT%H:%M:%SZ}", "state": "expires in 89 days",
    }  # fmt: skip


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_no_form_shows_a_secret(various: dict[str, str], form: str) -> None:
    out = run("list_api_keys", "--all", "--format", form)
    for key in various.values():
        assert key[:13] in out
        assert key.split("_", 2)[2] not in out


def test_the_sheet_and_the_table_have_a_line_a_key(various: dict[str, str]) -> None:
    assert len(list(csv.DictReader(StringIO(run("list_api_keys", "--format", "csv"))))) == len(various) - 2
    lines = run("list_api_keys").splitlines()
    assert lines[0].split()[:3] == ["key", "client", "kind"]
    assert len(lines) == len(various) - 1


def test_nobody_is_an_empty_list() -> None:
    assert Client.objects.count() == 0
    assert rows() == []
    assert run("list_api_keys").count("\n") == 1


# -- what watches --------------------------------------------------------------------------------------------------


def test_watchers_learn_when_the_first_client_of_a_kind_is_left_without_a_key(old: str) -> None:
    keys.issue("other", "detector", lasts=6 * DAY)
    keys.issue("gate", "gateway", lasts=None)
    found = gauges.read()[metrics.KEY_EXPIRY]
    assert found == {"detector": pytest.approx(6 * 86400, abs=300)}


def test_a_key_with_a_successor_worries_nobody(old: str) -> None:
    keys.issue("gate", "gateway", lasts=None)
    keys.rotate("gate", overlap=DAY, lasts=None)
    keys.rotate("edge-logs", overlap=DAY, lasts=30 * DAY)
    assert keys.running_out() == {"detector": pytest.approx(30 * DAY, abs=timedelta(minutes=5))}


def test_what_is_over_worries_nobody(old: str) -> None:
    keys.revoke_all("edge-logs")
    ApiKey.objects.filter(pk=key_of(keys.issue("gate", "gateway", lasts=None)).pk).update(expires_at=Now())
    assert keys.running_out() == {}
