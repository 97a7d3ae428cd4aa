"""What a registrar tells of accounts, and what readers are told."""

from datetime import timedelta
from typing import Any

import pytest

from enforcement.models import Account, AssessmentMark, Client, Contact, PolicyVersion
from enforcement.services import assessment, clock
from tests.api.conftest import Caller, assert_problem
from tests.stage import see, sighting, suspended, the_case, warned

FULL = {
    "external_id": "acme",
    "name": "Acme GmbH",
    "kind": "person",
    "language": "zh-Hans",
    "timezone": "Asia/Shanghai",
    "home_country": "DE",
    "contacts": [{"email": "o@acme.test", "role": "owner"}, {"email": "l@acme.test", "role": "legal"}],
    "plan": "team",
    "protected": True,
    "terms": {"min_notice": "P60D", "no_suspension": True},
    "serves_third_parties": True,
}


def contacts() -> set[tuple[str, str]]:
    return set(Contact.objects.values_list("role", "email"))


# -- PUT -------------------------------------------------------------------------------------------------------------


def test_an_account_is_made_with_everything_that_is_told(registrar: Caller) -> None:
    answer = registrar.put("/accounts/acme", FULL)
    assert (answer.status_code, answer.json()["external_id"], answer.json()["standing"]) == (200, "acme", "clear")
    account = Account.objects.get()
    assert (account.name, account.kind, account.language, account.timezone) == (
        "Acme GmbH", "person", "zh-Hans", "Asia/Shanghai",
    )  # fmt: skip
    assert (account.home_country, account.plan, account.protected) == ("DE", "team", True)
    assert (account.min_notice, account.no_suspension, account.serves_third_parties) == (timedelta(days=60), True, True)
    assert contacts() == {("owner", "o@acme.test"), ("legal", "l@acme.test")}


def test_only_named_fields_change(registrar: Caller) -> None:
    registrar.put("/accounts/acme", FULL)
    before = Account.objects.values().get()
    registrar.put("/accounts/acme", {"plan": "enterprise"})
    registrar.put("/accounts/acme", {"terms": {"no_suspension": False}})
    after = Account.objects.values().get()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"plan", "no_suspension", "version"}
    assert len(contacts()) == 2


def test_contacts_that_are_named_replace_the_ones_before(registrar: Caller) -> None:
    registrar.put("/accounts/acme", FULL)
    kept = Contact.objects.get(role="owner").pk
    wanted = [{"email": "o@acme.test", "role": "owner"}, {"email": "s@acme.test", "role": "security"}]
    registrar.put("/accounts/acme", {"contacts": wanted})
    assert contacts() == {("owner", "o@acme.test"), ("security", "s@acme.test")}
    assert Contact.objects.get(role="owner").pk == kept
    registrar.put("/accounts/acme", {"contacts": []})
    assert not contacts()


def test_null_clears_what_may_be_empty(registrar: Caller) -> None:
    registrar.put("/accounts/acme", FULL)
    cleared = {"name": None, "plan": None, "home_country": None, "terms": {"min_notice": None}}
    assert registrar.put("/accounts/acme", cleared).status_code == 200
    account = Account.objects.get()
    assert (account.name, account.plan, account.home_country, account.min_notice) == ("", "", "", None)


def test_a_stub_becomes_an_account(registrar: Caller, sender: Caller) -> None:
    stub = Account.objects.create(external_id="acme")
    registrar.put("/accounts/acme", FULL)
    assert Account.objects.get() == stub


def test_an_account_that_waited_for_a_contact_is_warned_once_it_has_one(
    registrar: Caller, detector: Client, policy: PolicyVersion
) -> None:
    account = Account.objects.create(external_id="acme")
    see(detector, sighting(account, clock.now()))
    assert the_case(account).state == "open"
    registrar.put("/accounts/acme", {"contacts": FULL["contacts"]})
    assessment.assess(now=clock.now())
    assert the_case(account).state == "warned"


def test_telling_the_same_again_changes_nothing(registrar: Caller) -> None:
    registrar.put("/accounts/acme", FULL)
    AssessmentMark.objects.all().delete()
    version = Account.objects.get().version
    registrar.put("/accounts/acme", FULL)
    assert Account.objects.get().version == version
    assert not AssessmentMark.objects.exists()


BAD: list[tuple[str, Any]] = [
    ("external_id", "other"), ("external_id", 5), ("external_id", None), ("external_id", "a b"),
    ("name", 5), ("name", "x" * 201), ("name", "a\r\nBcc: b@c.d"), ("name", "a\0"), ("name", "\u202eevil"),
    ("name", "a\u2028b"), ("name", "a\x85b"),
    ("kind", "company"), ("kind", None), ("kind", []),
    ("language", "english please"), ("language", None), ("language", "e"), ("language", "en_US"),
    ("timezone", "Berlin"), ("timezone", "../../etc/passwd"), ("timezone", ""), ("timezone", None), ("timezone", 1),
    ("timezone", "europe/berlin"), ("timezone", "a\0b"), ("timezone", "right/Europe/Berlin"),
    ("home_country", "EU"), ("home_country", "de"), ("home_country", "UK"), ("home_country", 5),
    ("plan", "x" * 65), ("plan", "a\nb"), ("plan", 1),
    ("protected", "yes"), ("protected", 1), ("protected", None),
    ("serves_third_parties", "no"), ("serves_third_parties", 0),
    ("terms", None), ("terms", []), ("terms.min_notice", {"min_notice": "60 days"}),
    ("terms.min_notice", {"min_notice": "P2M"}), ("terms.min_notice", {"min_notice": 60}),
    ("terms.no_suspension", {"no_suspension": "x"}), ("terms.surprise", {"surprise": 1}),
    ("contacts", None), ("contacts", {}), ("contacts", ["o@acme.test"]), ("contacts", [{"email": "o@acme.test"}]),
    ("contacts", [{"email": "o@acme.test", "role": "boss"}]), ("contacts", [{"email": "a@b.c", "role": ["owner"]}]),
    ("contacts", [{"email": "o@acme.test", "role": "owner", "x": 1}]), ("contacts", [None]),
    ("contacts", [{"email": f"o{n}@acme.test", "role": "owner"} for n in range(51)]),
    ("surprise", 1), ("id", 5), ("version", 9),
]  # fmt: skip


@pytest.mark.parametrize(("named", "value"), BAD, ids=lambda value: str(value)[:40].replace("\0", "NUL"))
def test_a_bad_field_is_named_and_nothing_changes(registrar: Caller, named: str, value: Any) -> None:
    registrar.put("/accounts/acme", FULL)
    before, told = Account.objects.values().get(), contacts()
    assert_problem(registrar.put("/accounts/acme", {"plan": "new", named.split(".")[0]: value}), 422, named)
    assert (Account.objects.values().get(), contacts()) == (before, told)


@pytest.mark.parametrize(
    "email",
    ["", "x", "@a.b", "a@", "a@b", "a b@c.de", "a@b..de", ".a@b.de", "a.@b.de", "a..b@c.de", "a@-b.de", "a@b-.de",
     "a@b.de\n", "a@b.de\r\nBcc: x@y.z", "a\0@b.de", "a@b.de, x@y.z", "a,b@c.de", '"a,b"@c.de', "a@b.de; x@y.z",
     "<a@b.de>", "A <a@b.de>", "a@b.de (x)", "a@[127.0.0.1]", "\u0430@b.de", "a@b\u0435.de", "a@b.de\u202e",
     "a" * 65 + "@b.de", "a@" + "b" * 64 + ".de", "a@" + "b." * 130 + "de", "a@b@c.de", " a@b.de", "a@b.de "],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(registrar: Caller, email: str) -> None:
    """One contact is one recipient: nothing in an address starts a header or names a second one."""
    answer = registrar.put("/accounts/acme", {"contacts": [{"email": email, "role": "owner"}]})
    assert_problem(answer, 422, "contacts")
    assert not Account.objects.exists()


@pytest.mark.parametrize("email", ["a@b.de", "first.last+tag@sub.example.co", "o'neil@xn--bcher-kva.example", "1@2.34"])
def test_plain_addresses_are_taken(registrar: Caller, email: str) -> None:
    assert registrar.put("/accounts/a", {"contacts": [{"email": email, "role": "owner"}]}).status_code == 200
    assert contacts() == {("owner", email)}


@pytest.mark.parametrize("name", ["{{7*7}}", "%s", "=1+1", "<b>x</b>", "深圳有限公司\u3000", "שלום", "O'Neil & Söhne"])
def test_names_are_data(registrar: Caller, name: str) -> None:
    assert registrar.put("/accounts/a", {"name": name}).status_code == 200
    assert Account.objects.get().name == name


def test_every_bad_field_is_named(registrar: Caller) -> None:
    document = {"name": 1, "terms": {"min_notice": 1, "x": 1}, "contacts": 1, "y": 1}
    names = ("name", "terms.min_notice", "terms.x", "contacts", "y")
    assert_problem(registrar.put("/accounts/acme", document), 422, *names)


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"5", b'{"plan": NaN}', b'{"plan": "a", "plan": "b"}', b"\xff"])
def test_a_document_that_is_none_is_refused(registrar: Caller, body: bytes) -> None:
    status = 422 if body in (b"[]", b"5") else 400
    assert_problem(registrar.put("/accounts/acme", body), status)
    assert_problem(registrar.put("/accounts/acme", b"{}", "application/x-ndjson"), 415)
    assert not Account.objects.exists()


@pytest.mark.parametrize("name", ["a b", "a%00b", "x" * 129, "%D0%B0dmin", "a%0A", "a%2Fb"])
def test_an_address_that_no_account_can_have(registrar: Caller, reader: Caller, name: str) -> None:
    assert registrar.put(f"/accounts/{name}", {}).status_code in (404, 422)
    assert_problem(reader.get(f"/accounts/{name}"), 404)
    assert_problem(reader.get(f"/accounts/{name}/timeline"), 404)
    assert not Account.objects.exists()


# -- POST ------------------------------------------------------------------------------------------------------------


def test_a_batch_is_taken_and_one_bad_document_harms_no_other(registrar: Caller) -> None:
    batch = [{"external_id": "b", "name": "B"}, {"name": "no id"}, 5, {"external_id": "a", "plan": 1},
             {"external_id": "c"}, {"external_id": "b", "name": "again"}]  # fmt: skip
    answer = registrar.post("/accounts", batch)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["accepted"], found["rejected"]) == (2, 4)
    assert [(each["index"], each["external_id"], each["errors"][0]["field"]) for each in found["items"]] == [
        (1, None, "external_id"), (2, None, ""), (3, "a", "plan"), (5, "b", "external_id"),
    ]  # fmt: skip
    assert dict(Account.objects.values_list("external_id", "name")) == {"b": "B", "c": ""}


def test_a_batch_has_1_to_1000_accounts(registrar: Caller) -> None:
    batch = [{"external_id": f"org-{n}", "contacts": [{"email": f"o@{n}.test", "role": "owner"}]} for n in range(1000)]
    assert registrar.post("/accounts", batch).json()["accepted"] == 1000
    assert (Account.objects.count(), Contact.objects.count()) == (1000, 1000)
    assert_problem(registrar.post("/accounts", [*batch, {"external_id": "more"}]), 413)
    assert_problem(registrar.post("/accounts", []), 422)
    assert_problem(registrar.post("/accounts", {"external_id": "one"}), 422)
    assert Account.objects.count() == 1000


# -- GET -------------------------------------------------------------------------------------------------------------


def test_an_account_that_is_not_known_is_404(reader: Caller) -> None:
    assert_problem(reader.get("/accounts/nobody"), 404)
    assert_problem(reader.get("/accounts/nobody/timeline"), 404)


def test_a_clear_account_has_nothing_to_show(reader: Caller, account_at_home: Account) -> None:
    assert reader.get("/accounts/berlin").json() == {
        "external_id": "berlin", "standing": "clear", "score": {"points": 0.0, "lines": []}, "case": None,
        "capabilities": {
            "requests": "answered", "jobs": "run", "results": None, "self_service": None, "top_up": True,
            "credit": "usable",
        },
        "restrictions": [], "exemptions": [], "notice": None,
    }  # fmt: skip


def test_a_review_is_standing_clear_and_its_score_is_shown(
    reader: Caller, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=4))
    found = reader.get("/accounts/shenzhen").json()
    assert (the_case(account_outside).state, found["standing"], found["case"]) == ("open", "clear", None)
    assert found["score"]["points"] == 4.0
    assert len(found["score"]["lines"]) == 1


def test_a_warned_account_shows_its_notice(
    reader: Caller, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    found = reader.get("/accounts/shenzhen").json()
    assert (found["standing"], found["notice"]["step"], found["notice"]["due_at"]) == ("warned", "suspend", None)


def test_the_notice_has_its_deadline_once_the_memo_was_accepted(
    reader: Caller, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = warned(account_outside, detector)
    assert case.due_at is not None
    assert reader.get("/accounts/shenzhen").json()["notice"] == {
        "case": case.reference,
        "step": "suspend",
        "due_at": case.due_at.isoformat().replace("+00:00", "Z"),
        "stopped": False,
    }


def test_a_suspended_account_shows_its_restriction(
    reader: Caller, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = suspended(account_outside, detector)
    found = reader.get("/accounts/shenzhen").json()
    assert (found["standing"], found["case"], found["notice"]["step"]) == ("suspended", case.reference, "block")
    (restriction,) = found["restrictions"]
    assert (restriction["scope"], restriction["value"], restriction["reason_code"]) == (
        "account", None, "account_suspended",
    )  # fmt: skip


def test_the_timeline_tells_everything_in_order(
    reader: Caller, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    suspended(account_outside, detector)
    found = reader.get("/accounts/shenzhen/timeline").json()
    assert [event["what"] for event in found["results"]] == [
        "case.opened", "case.warned", "memo.written", "memo.accepted", "case.suspended",
    ]  # fmt: skip
    assert [event["at"] for event in found["results"]] == sorted(event["at"] for event in found["results"])
    assert found["next"] is None
    assert_problem(reader.get("/accounts/shenzhen/timeline", cursor="x"), 400, "cursor")
