"""POST /evidence, sentence by sentence."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest

from enforcement.models import Account, AssessmentMark, DayTally, Evidence
from enforcement.services import clock, keys
from enforcement.services.evidence_items import read_item
from tests import checks
from tests.api.conftest import Caller, assert_problem, item


def counts(answer: Any) -> dict[str, int]:
    return {name: value for name, value in answer.json().items() if name != "items" and value}


def line(answer: Any, index: int = 0) -> dict[str, Any]:
    return next(each for each in answer.json()["items"] if each["index"] == index)


# -- what is sent ----------------------------------------------------------------------------------------------------


def test_one_object_is_accepted(sender: Caller) -> None:
    answer = sender.post("/evidence", item())
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 1, "duplicates": 0, "conflicts": 0, "rejected": 0, "unknown_territory": 0, "items": [],
    }  # fmt: skip


def test_an_array_is_accepted(sender: Caller) -> None:
    answer = sender.post("/evidence", [item("a"), item("b")])
    assert (answer.status_code, counts(answer)) == (202, {"accepted": 2})


def test_ndjson_is_accepted_with_blank_lines_and_carriage_returns(sender: Caller) -> None:
    body = "\r\n".join([json.dumps(item("a")), "", json.dumps(item("b")), ""]).encode()
    answer = sender.post("/evidence", body, "application/x-ndjson")
    assert (answer.status_code, counts(answer)) == (202, {"accepted": 2})


def test_a_thousand_items_are_accepted_and_one_more_is_too_many(sender: Caller) -> None:
    batch = [item(f"e-{n}") for n in range(1000)]
    assert counts(sender.post("/evidence", batch)) == {"accepted": 1000}
    before = checks.stored()
    assert_problem(sender.post("/evidence", [*batch, item("new")]), 413)
    ndjson = "\n".join(json.dumps(each) for each in [*batch, item("new")]).encode()
    assert_problem(sender.post("/evidence", ndjson, "application/x-ndjson"), 413)
    assert checks.stored() == before


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_the_media_type_may_carry_a_charset(sender: Caller, media_type: str) -> None:
    assert sender.post("/evidence", item(), media_type).status_code == 202


def test_a_chunked_body_is_read(sender: Caller) -> None:
    """Its length is not declared, so Django itself would take it for empty."""
    body = json.dumps(item()).encode()
    answer = sender.browser.post(
        "/api/v1/evidence", b"", content_type="application/json",
        headers={"Authorization": f"Bearer {sender.key}", "Transfer-Encoding": "chunked"},
        **{"wsgi.input": BytesIO(body), "CONTENT_TYPE": "application/json"},
    )  # fmt: skip
    assert (answer.status_code, counts(answer)) == (202, {"accepted": 1})


# -- what becomes of it ----------------------------------------------------------------------------------------------


def test_every_field_is_stored_as_it_came(sender: Caller) -> None:
    sent = item(
        observed_until="2026-06-10T20:00:00+08:00", subdivision="CN-GD", network_class="residential", outcome="refused",
        confidence=0.123456789012345678, requests=7, credential="sk-…a1", ip="2001:DB8::1", asn=4_294_967_295,
        source="geo-a 2026-05", end_user="9f86d081", details={"path": "/v1", "n": 1.50},
    )  # fmt: skip
    body = json.dumps(sent).replace("0.12345678901234568", "0.123456789012345678").encode()
    assert counts(sender.post("/evidence", body)) == {"accepted": 1}
    stored = Evidence.objects.get()
    assert stored.account.external_id == "acme"
    assert stored.observed_until == datetime(2026, 6, 10, 12, tzinfo=UTC)
    assert (stored.country, stored.subdivision, stored.network_class) == ("CN", "CN-GD", "residential")
    assert (stored.refused, stored.requests, stored.confidence) == (True, 7, Decimal("0.123456789012345678"))
    assert (stored.credential, stored.ip, stored.asn) == ("sk-…a1", "2001:db8::1", 4_294_967_295)
    assert (stored.source, stored.end_user, stored.details) == ("geo-a 2026-05", "9f86d081", {"path": "/v1", "n": 1.5})


def test_an_unknown_account_becomes_a_stub_and_is_marked(sender: Caller) -> None:
    sender.post("/evidence", item(account="new.one:a@b-c_d"))
    account = Account.objects.get()
    assert (account.external_id, account.name, account.contacts.count()) == ("new.one:a@b-c_d", "", 0)
    assert AssessmentMark.objects.get().account == account


def test_the_same_item_again_is_a_duplicate_and_changes_nothing(sender: Caller) -> None:
    sender.post("/evidence", [item("a"), item("b")])
    before, mark = checks.stored(), AssessmentMark.objects.get().count
    answer = sender.post("/evidence", [item("b"), item("a")])
    assert (answer.status_code, counts(answer)) == (202, {"duplicates": 2})
    assert line(answer) == {"index": 0, "id": "b", "status": "duplicate", "errors": []}
    assert (checks.stored(), AssessmentMark.objects.get().count) == (before, mark)
    assert not checks.tallies_equal_evidence()


def test_a_lost_acknowledgement_is_repaired_by_sending_again(sender: Caller) -> None:
    """Half of the batch had got through in another one: each item is still counted once."""
    sender.post("/evidence", [item(f"e-{n}") for n in range(0, 20, 2)])
    answer = sender.post("/evidence", [item(f"e-{n}") for n in range(20)])
    assert counts(answer) == {"accepted": 10, "duplicates": 10}
    assert (DayTally.objects.get().items, Evidence.objects.count()) == (20, 20)


def test_the_same_id_with_another_body_is_a_conflict_and_changes_nothing(sender: Caller) -> None:
    sender.post("/evidence", [item("a")])
    answer = sender.post("/evidence", [item("a", requests=2), item("b")])
    assert counts(answer) == {"accepted": 1, "conflicts": 1}
    assert (line(answer)["id"], line(answer)["status"]) == ("a", "conflict")
    assert Evidence.objects.get(external_id="a").requests == 1


def test_ids_are_unique_per_detector_only(sender: Caller) -> None:
    sender.post("/evidence", item("a"))
    other = Caller(keys.issue("other", "detector", lasts=None))
    assert counts(other.post("/evidence", item("a", requests=5))) == {"accepted": 1}


def test_a_repeat_inside_a_batch_is_a_duplicate_and_the_first_wins(sender: Caller) -> None:
    answer = sender.post("/evidence", [item("a"), item("b"), item("a"), item("b", requests=9)])
    assert counts(answer) == {"accepted": 2, "duplicates": 1, "conflicts": 1}
    assert [each["status"] for each in answer.json()["items"]] == ["duplicate", "conflict"]
    assert Evidence.objects.get(external_id="b").requests == 1


def test_a_repeat_is_held_against_what_is_stored(sender: Caller) -> None:
    sender.post("/evidence", item("a"))
    answer = sender.post("/evidence", [item("a", requests=9), item("a"), item("a", requests=9)])
    assert [each["status"] for each in answer.json()["items"]] == ["conflict", "duplicate", "conflict"]


def test_a_rejected_item_does_not_take_its_id(sender: Caller) -> None:
    answer = sender.post("/evidence", [item("a", requests=0), item("a")])
    assert counts(answer) == {"rejected": 1, "accepted": 1}


def test_one_bad_item_never_harms_the_others(sender: Caller) -> None:
    bad = [item("b", country="cn"), 5, None, [], "x", item(observed_at=None), item("c", surprise=1)]
    answer = sender.post("/evidence", [item("a"), *bad, item("z")])
    assert counts(answer) == {"accepted": 2, "rejected": len(bad)}
    assert [each["index"] for each in answer.json()["items"]] == list(range(1, len(bad) + 1))
    assert all(each["errors"] for each in answer.json()["items"])
    assert set(Evidence.objects.values_list("external_id", flat=True)) == {"a", "z"}


def test_all_errors_of_an_item_are_named(sender: Caller) -> None:
    answer = sender.post("/evidence", [item(country="cn", requests=-1, kind="No!", observed_at="yesterday", extra=1)])
    assert {each["field"] for each in line(answer)["errors"]} == {"country", "requests", "kind", "observed_at", "extra"}


def test_the_counts_add_up_and_every_item_is_answered_once(sender: Caller) -> None:
    sender.post("/evidence", [item("old"), item("clash")])
    batch = [item("old"), item("clash", requests=3), item("new"), item("new"), 7, item("eu", country="EU")]
    answer = sender.post("/evidence", batch).json()
    assert sum(answer[name] for name in ("accepted", "duplicates", "conflicts", "rejected")) == len(batch)
    assert [(each["index"], each["status"]) for each in answer["items"]] == [
        (0, "duplicate"), (1, "conflict"), (3, "duplicate"), (4, "rejected"), (5, "unknown_territory"),
    ]  # fmt: skip


def test_a_single_bad_object_is_422(sender: Caller) -> None:
    before = checks.stored()
    assert_problem(sender.post("/evidence", item(country="cn", asn=-1)), 422, "country", "asn")
    assert checks.stored() == before


def test_a_single_conflicting_object_is_409(sender: Caller) -> None:
    sender.post("/evidence", item())
    before = checks.stored()
    assert_problem(sender.post("/evidence", item(requests=2)), 409)
    assert checks.stored() == before


def test_a_single_duplicate_object_is_202(sender: Caller) -> None:
    sender.post("/evidence", item())
    answer = sender.post("/evidence", item())
    assert (answer.status_code, counts(answer)) == (202, {"duplicates": 1})


# -- territory -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("country", ["EU", "AP", "XX", "T1", "??", "", "UK", None])
def test_a_well_formed_code_that_nobody_assigned_is_stored_as_unknown(sender: Caller, country: str | None) -> None:
    answer = sender.post("/evidence", [item(country=country)])
    assert counts(answer) == {"accepted": 1, "unknown_territory": 1}
    assert line(answer)["status"] == "unknown_territory"
    assert Evidence.objects.get().country == (country or "")


def test_null_as_country_is_absent(sender: Caller) -> None:
    body = json.dumps([item() | {"country": None}]).encode()
    assert counts(sender.post("/evidence", body)) == {"accepted": 1, "unknown_territory": 1}


@pytest.mark.parametrize("country", ["cn", "CHN", 86, "\uff23\uff2e", "C", "C\0", ["CN"], True, "\u0421N"])
def test_a_malformed_country_rejects_the_item(sender: Caller, country: Any) -> None:
    answer = sender.post("/evidence", [item(country=country)])
    assert counts(answer) == {"rejected": 1}
    assert line(answer)["errors"][0]["field"] == "country"


@pytest.mark.parametrize("subdivision", ["UA-99", "ua-43", "43", 43, "", "Krym", None])
def test_a_subdivision_that_is_not_assigned_counts_as_not_given(sender: Caller, subdivision: Any) -> None:
    answer = sender.post("/evidence", [item(country="EU") | {"subdivision": subdivision}])
    assert counts(answer) == {"accepted": 1, "unknown_territory": 1}


def test_the_subdivision_wins_over_the_country(sender: Caller) -> None:
    answer = sender.post(
        "/evidence", [item(country="RU", subdivision="UA-43"), item("b", country="", subdivision="CN-HK")]
    )
    assert counts(answer) == {"accepted": 2}


# -- bodies are compared after parsing and defaults --------------------------------------------------------------------

SAME = [
    ({"requests": 1}, {}),
    ({"requests": 1.0}, {"requests": 1}),
    ({"confidence": 1}, {}),
    ({"confidence": 1.0}, {"confidence": 1}),
    ({"confidence": 0.5}, {"confidence": 0.50}),
    ({"outcome": "served"}, {}),
    ({"credential": ""}, {}),
    ({"observed_at": "2026-06-10T12:00:00Z"}, {"observed_at": "2026-06-10T20:00:00.000+08:00"}),
    ({"observed_at": "2026-06-10T12:00:00Z"}, {"observed_at": "2026-06-10t12:00:00z"}),
    ({"observed_at": "2026-06-10T12:00:00Z"}, {"observed_at": "2026-06-10 12:00:00-00:00"}),
    ({"ip": "2001:db8::1"}, {"ip": "2001:0DB8:0:0:0:0:0:1"}),
    ({"details": {"a": 1, "b": 2.0}}, {"details": {"b": 2, "a": 1.0}}),
    ({"details": {"a": 1e3}}, {"details": {"a": 1000}}),
    ({"details": {"a": -0.0}}, {"details": {"a": 0}}),
]
OTHER = [
    ({"requests": 2}, {}),
    ({"confidence": 0.99}, {}),
    ({"country": "EU"}, {"country": ""}),
    ({"details": {}}, {}),
    ({"details": {"a": [1, 2]}}, {"details": {"a": [2, 1]}}),
    ({"details": {"a": "1"}}, {"details": {"a": 1}}),
    ({"details": {"a": True}}, {"details": {"a": 1}}),
    ({"details": {"a": None}}, {"details": {}}),
    ({"details": {"a": 0.1}}, {"details": {"a": 0.10000000000000001}}),
    ({"account": "acme"}, {"account": "Acme"}),
    ({"observed_at": "2026-06-10T12:00:00Z"}, {"observed_at": "2026-06-10T12:00:00.000001Z"}),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_body_written_otherwise_is_a_duplicate(sender: Caller, one: Any, other: Any) -> None:
    assert sender.post("/evidence", item(**one)).status_code == 202
    assert counts(sender.post("/evidence", [item(**other)])) == {"duplicates": 1}
    shuffled = dict(reversed(item(**other).items()))
    assert counts(sender.post("/evidence", [shuffled])) == {"duplicates": 1}


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_another_body_is_a_conflict(sender: Caller, one: Any, other: Any) -> None:
    assert sender.post("/evidence", item(**one)).status_code == 202
    body = json.dumps([item(**other)]).replace("0.1}", "0.10000000000000001}").encode()
    assert counts(sender.post("/evidence", body)) == {"conflicts": 1}


def test_the_digest_of_a_body_never_changes() -> None:
    """Evidence is compared with digests of years ago: a change here would make every repeat a conflict."""
    sent = item(confidence=Decimal("0.5"), details={"b": [1, None, "é"], "a": Decimal("2.50")}, credential="sk-…1")
    read = read_item(sent, datetime(2026, 6, 11, tzinfo=UTC))
    body = (
        '{"id":"e-1","account":"acme","kind":"ip_geolocation","observed_at":"2026-06-10T12:00:00Z",'
        '"observed_until":null,"country":"CN","subdivision":"","network_class":"","outcome":"served",'
        '"confidence":"0.500000000000000000","requests":1,"credential":"sk-…1","ip":null,"asn":null,"source":"",'
        '"end_user":"","details":"{\\"a\\":2.5,\\"b\\":[1,null,\\"é\\"]}"}'
    )
    assert read.digest == hashlib.sha256(body.encode()).hexdigest()


# -- time ------------------------------------------------------------------------------------------------------------


def test_five_minutes_ahead_is_the_limit(sender: Caller) -> None:
    now = clock.now()
    near, far = now + timedelta(minutes=4, seconds=50), now + timedelta(minutes=5, seconds=10)
    batch = [
        item("near", observed_at=near.isoformat()),
        item("far", observed_at=far.isoformat()),
        item("until", observed_until=far.isoformat()),
    ]
    answer = sender.post("/evidence", batch)
    assert counts(answer) == {"accepted": 1, "rejected": 2}
    assert [each["errors"][0]["field"] for each in answer.json()["items"]] == ["observed_at", "observed_until"]


def test_the_service_s_clock_decides_what_is_ahead(sender: Caller) -> None:
    clock.advance(timedelta(days=100))
    soon = clock.now().isoformat()
    assert counts(sender.post("/evidence", [item(observed_at=soon)])) == {"accepted": 1}


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2000-02-29T23:59:59.999999-11:59"])
def test_old_is_fine(sender: Caller, moment: str) -> None:
    assert counts(sender.post("/evidence", [item(observed_at=moment)])) == {"accepted": 1}
    assert not checks.tallies_equal_evidence()


# -- tallies and marks -----------------------------------------------------------------------------------------------


def test_tallies_are_the_exact_sums_of_the_evidence(sender: Caller) -> None:
    batch = [item(f"e-{n}", confidence=0.1, requests=n + 1, observed_at=f"2026-06-10T{n:02}:00:00Z") for n in range(24)]
    sender.post("/evidence", batch[:10])
    sender.post("/evidence", batch)
    tally = DayTally.objects.get()
    assert (tally.items, tally.requests) == (24, 300)
    assert (tally.weighted_items, tally.weighted_requests) == (Decimal("2.4"), Decimal("30"))
    assert (tally.first_at.hour, tally.last_at.hour) == (0, 23)
    assert not checks.tallies_equal_evidence()


def test_a_tally_reaches_to_the_end_of_its_summaries(sender: Caller) -> None:
    sender.post("/evidence", [item("a", observed_until="2026-06-10T23:00:00Z"), item("b")])
    tally = DayTally.objects.get()
    assert (tally.first_at.hour, tally.last_at.hour) == (12, 23)
    sender.post("/evidence", [item("c", observed_until="2026-06-11T01:00:00Z"), item("d")])
    assert DayTally.objects.get().last_at.hour == 1
    assert not checks.tallies_equal_evidence()


KEY = {
    "account": "other", "kind": "billing_country", "network_class": "vpn", "country": "RU", "subdivision": "CN-GD",
    "credential": "sk-2", "source": "geo-b", "outcome": "refused", "observed_at": "2026-06-11T12:00:00Z",
}  # fmt: skip


@pytest.mark.parametrize("name", KEY)
def test_a_tally_is_kept_apart_by(sender: Caller, name: str) -> None:
    sender.post("/evidence", [item("a"), item("b", **{name: KEY[name]})])
    assert DayTally.objects.count() == 2
    assert not checks.tallies_equal_evidence()


def test_a_day_is_a_utc_day(sender: Caller) -> None:
    sender.post("/evidence", [item("a", observed_at="2026-06-10T01:00:00+08:00"), item("b")])
    assert sorted(str(tally.day) for tally in DayTally.objects.all()) == ["2026-06-09", "2026-06-10"]


def test_a_batch_marks_each_of_its_accounts_once(sender: Caller) -> None:
    sender.post("/evidence", [item("a"), item("b"), item("c", account="other")])
    sender.post("/evidence", [item("a"), item("d", account="other")])
    marks = {mark.account.external_id: mark.count for mark in AssessmentMark.objects.select_related("account")}
    assert marks == {"acme": 1, "other": 2}
