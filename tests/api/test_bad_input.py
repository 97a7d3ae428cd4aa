"""Whatever comes in: a problem document that says why, never a 500, and nothing half-stored."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enforcement.api.parsers import MAX_BYTES
from tests import checks
from tests.api.conftest import Caller, assert_problem, item

GOOD = json.dumps(item())


def inside(field: str, written: str) -> bytes:
    """A good item with one more field, written as it stands."""
    return f'{GOOD[:-1]},"{field}":{written}}}'.encode()


def nested(depth: int) -> bytes:
    """An item whose details reach this depth; the item is the first level."""
    return inside("details", '{"a":' * (depth - 1) + "1" + "}" * (depth - 1))


UNREADABLE = {
    "empty": b"",
    "only blanks": b" \n\t ",
    "not JSON": b"hello",
    "cut off": GOOD.encode()[:-10],
    "trailing comma": b"[" + GOOD.encode() + b",]",
    "trailing garbage": GOOD.encode() + b" x",
    "two documents": GOOD.encode() * 2,
    "single quotes": GOOD.replace('"', "'").encode(),
    "comment": b"/* hi */" + GOOD.encode(),
    "byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-16 without mark": GOOD.encode("utf-16-le"),
    "UTF-32": GOOD.encode("utf-32"),
    "Latin-1": inside("credential", '"\xe9"').decode().encode("latin-1"),
    "overlong UTF-8": inside("credential", '"X"').replace(b"X", b"\xc0\x80"),
    "surrogates in UTF-8": inside("credential", '"X"').replace(b"X", b"\xed\xa0\x80"),
    "NaN": inside("confidence", "NaN"),
    "Infinity": inside("confidence", "Infinity"),
    "minus Infinity": inside("requests", "-Infinity"),
    "NaN in details": inside("details", '{"x": [NaN]}'),
    "duplicate key": inside("id", '"e-2"'),
    "duplicate key, escaped": inside("\\u0069d", '"e-2"'),
    "duplicate key in details": inside("details", '{"a": 1, "a": 1}'),
    "lone surrogate": inside("credential", '"\\ud800"'),
    "lone low surrogate in a key": inside("details", '{"\\udc00": 1}'),
    "raw control character": inside("credential", '"a\nb"'),
    "nesting of 33": nested(33),
    "nesting of 10,000": nested(10_000),
    "nesting of 1,000,000": b"[" * 1_000_000,
    "integer of 5,000 digits": inside("requests", "1" * 5000),
    "exponent beyond measure": inside("confidence", "1e99999999999999999999"),
    "leading zero": inside("requests", "01"),
}


ONE_LINE = {name: body for name, body in UNREADABLE.items() if body.strip() and b"\n" not in body}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_400(sender: Caller, body: bytes) -> None:
    before = checks.stored()
    assert_problem(sender.post("/evidence", body), 400)
    assert checks.stored() == before


@pytest.mark.parametrize("body", ONE_LINE.values(), ids=ONE_LINE.keys())
def test_a_line_that_cannot_be_read_is_400(sender: Caller, body: bytes) -> None:
    before = checks.stored()
    assert_problem(sender.post("/evidence", body, "application/x-ndjson"), 400)
    assert checks.stored() == before


def test_a_line_that_cannot_be_read_refuses_the_whole_body_and_is_named(sender: Caller) -> None:
    body = f"{GOOD}\n\n{GOOD[:-1]}\n".encode()
    problem = assert_problem(sender.post("/evidence", body, "application/x-ndjson"), 400)
    assert problem["detail"].startswith("Line 3: ")
    assert not any(checks.stored().values())


def test_nesting_of_32_is_read(sender: Caller) -> None:
    assert sender.post("/evidence", nested(32)).status_code == 202


def test_surrogate_pairs_are_characters(sender: Caller) -> None:
    assert sender.post("/evidence", inside("credential", '"\\ud83d\\ude00"')).status_code == 202


@pytest.mark.parametrize("body", [b"[]", b"5", b"null", b'"x"', b"true", b"{}", b"[[]]"])
def test_what_is_no_item_is_refused(sender: Caller, body: bytes) -> None:
    answer = sender.post("/evidence", body)
    if body == b"[[]]":
        assert answer.json()["rejected"] == 1
    else:
        assert_problem(answer, 422)
    assert not any(checks.stored().values())


def test_no_lines_at_all_are_refused(sender: Caller) -> None:
    assert_problem(sender.post("/evidence", b"\n\n", "application/x-ndjson"), 422)


REJECTED: dict[str, dict[str, list[str]]] = {
    "id": {"is a string": ["5", "null", "true", "[]", "{}"], "has 1 to 128 ASCII": ['""', f'"{"x" * 129}"'],
           "is printable": ['"a\\u0000"', '"a\\nb"', '"\\u00e9"', '"\\u200d"', '"\\u202ea"']},
    "account": {"is a string": ["5", "null"], "has its form": ['""', '"a b"', f'"{"x" * 129}"', '"a/b"', '"a\\n"',
                '"\\u0430dmin"', '"\\uff41dmin"', '"a\\u200db"', '"\\u202ea"', '"e\\u0301"', '"{{7*7}}"']},
    "kind": {"is a slug": ["5", "null", '""', '"Ip"', '"1a"', '"a-b"', f'"{"x" * 41}"', '"a\\n"', '"\\u0131p"']},
    "observed_at": {"is a moment": ["1718000000", "null", '""', '"2026-06-10"', '"2026-06-10T12:00:00"',
                    '"2026-06-10T12:00Z"', '"2026-W24-3T12:00:00Z"', '"20260610T120000Z"', '"2026-02-30T00:00:00Z"',
                    '"2026-06-10T25:00:00Z"', '"2026-06-10T23:59:60Z"', '"0000-01-01T00:00:00Z"',
                    '"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-14:00"', '"2026-06-10T12:00:00+24:00"',
                    '"2026-06-10T12:00:00Z\\n"', '"\\u0662026-06-10T12:00:00Z"', '"2999-01-01T00:00:00Z"']},
    "observed_until": {"is a moment": ["5", '"soon"', '"2999-01-01T00:00:00Z"'],
                       "is not before": ['"2026-06-10T11:59:59Z"']},
    "network_class": {"is listed": ["5", '""', '"wifi"', '"VPN"', "[]"]},
    "outcome": {"is listed": ["5", '""', '"denied"', "true"]},
    "confidence": {"is a number": ['"1"', "true", "[]"], "is in (0, 1]": ["0", "-0", "-0.1", "1.1", "1e400", "1e999999",
                   "1e9999999", "1.0000000000000000000000000000000001"],
                   "has 18 places": ["0.1234567890123456789", "1e-400", "1e-9999999"]},
    "requests": {"is a count": ["0", "-1", "-0", "1.5", '"5"', "true", "[]", "1e13", "1e400", "1e999999", "1e9999999",
                 "1" * 400, "9223372036854775808", "1.00000000000000000000000000000000001", "1e-9999999"]},
    "asn": {"has 32 bits": ["-1", "4294967296", "1.5", '"1"', "true"]},
    "ip": {"is a string": ["16909060", "[]"], "is an address": ['""', '"1.2.3"', '"1.2.3.4.5"', '"999.1.1.1"', '"::g"',
           '"01.2.3.4"', '"fe80::1%eth0"', '"1.2.3.4/32"', '"localhost"', '"1.2.3.4\\u0000"', '"\\u0661.2.3.4"']},
    "credential": {"is a line": ["5", "{}", f'"{"x" * 129}"', '"a\\u0000"', '"a\\r\\nb"', '"\\u202egnp"', '"\\u2028"']},
    "source": {"is a line": ["5", f'"{"x" * 129}"', '"a\\tb"', '"\\u0085"']},
    "end_user": {"is a line": ["5", f'"{"x" * 129}"', '"\\u2066x"', '"\\u007f"']},
    "details": {"is an object": ["5", "[]", '"x"', "true"],
                "is small": [json.dumps({"a": "x" * 8192}), json.dumps({str(n): "\u00e9" * 40 for n in range(100)})],
                "has no NUL": ['{"a": "\\u0000"}', '{"\\u0000": 1}', '{"a": [{"b": "x\\u0000y"}]}'],
                "has bounded numbers": ['{"a": 1e400}', '{"a": [1e-400]}', '{"a": 1e999999}', '{"a": -1e131073}',
                                        '{"a": 1e9999999}', '{"a": 0e-99999}']},
    "surprise": {"is unknown": ["1", "null"]},
    "__class__": {"is unknown": ["{}"]},
    "observed_at ": {"is unknown": ['"2026-06-10T12:00:00Z"']},
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "written"),
    [(field, each) for field, rules in REJECTED.items() for values in rules.values() for each in values],
    ids=lambda value: value[:40],
)
def test_a_bad_field_is_named_and_rejects_its_item_only(sender: Caller, field: str, written: str) -> None:
    good = {name: value for name, value in item().items() if name != field}
    bad = f'{json.dumps(good)[:-1]},"{field}":{written}}}'
    assert_problem(sender.post("/evidence", bad.encode()), 422, field)
    assert not any(checks.stored().values())
    answer = sender.post("/evidence", f"[{bad},{json.dumps(item('good'))}]".encode())
    assert (answer.status_code, answer.json()["accepted"], answer.json()["rejected"]) == (202, 1, 1)


@pytest.mark.parametrize("field", ["id", "account", "kind", "observed_at"])
def test_a_required_field_is_named_when_it_is_missing(sender: Caller, field: str) -> None:
    assert_problem(sender.post("/evidence", item(**{field: None})), 422, field)


@pytest.mark.parametrize(
    "written",
    ['{"a": "\\\\u0000"}', '{"n": 1e308, "m": -1e-308}', '{"": {"b": [null, true, "\\u202e"]}}', "{}", "null"],
)
def test_odd_but_harmless_details_are_stored(sender: Caller, written: str) -> None:
    assert sender.post("/evidence", inside("details", written)).status_code == 202


@pytest.mark.parametrize(
    "text", ["{{7*7}}", "{% load x %}", "%s%n", "{0.__class__}", "<script>", "'; DROP TABLE x; --"]
)
def test_text_is_data(sender: Caller, text: str) -> None:
    assert sender.post("/evidence", item(text, credential=text, source=text)).status_code == 202


# -- the envelope ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
     "application/cloudevents-batch+json", "", "nonsense", "application/json5"],
)  # fmt: skip
def test_other_media_types_are_415(sender: Caller, media_type: str) -> None:
    assert_problem(sender.post("/evidence", GOOD.encode(), media_type), 415)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "GZIP", "identity, gzip", "x"])
def test_compressed_bodies_are_415(sender: Caller, encoding: str) -> None:
    assert_problem(sender.post("/evidence", GOOD.encode(), **{"Content-Encoding": encoding}), 415)


def test_a_body_of_8_mib_is_read_and_one_byte_more_is_413(sender: Caller) -> None:
    padded = GOOD.encode().ljust(MAX_BYTES)
    assert sender.post("/evidence", padded).status_code == 202
    before = checks.stored()
    assert_problem(sender.post("/evidence", padded + b" "), 413)
    assert checks.stored() == before


def test_an_oversized_body_is_refused_by_its_declared_length(sender: Caller) -> None:
    answer = sender.browser.post(
        "/api/v1/evidence", b"x", content_type="application/json", CONTENT_LENGTH=str(50 * 2**20),
        headers={"Authorization": f"Bearer {sender.key}"},
    )  # fmt: skip
    assert_problem(answer, 413)


@pytest.mark.parametrize("length", ["abc", "-1", "1e3"])
def test_a_length_that_is_no_number_is_refused(sender: Caller, length: str) -> None:
    answer = sender.browser.post(
        "/api/v1/evidence", GOOD.encode(), content_type="application/json", CONTENT_LENGTH=length,
        headers={"Authorization": f"Bearer {sender.key}"},
    )  # fmt: skip
    assert_problem(answer, 400)


# -- anything at all -------------------------------------------------------------------------------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.floats()
    | st.text()
    | st.sampled_from(["CN", "served"])
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6)
ITEMS = st.dictionaries(st.sampled_from([*REJECTED, "country", "subdivision"]) | st.text(), VALUES, max_size=5)


def written(value: Any) -> str:
    """JSON that keeps what `json.dumps` would refuse or tame."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{json.dumps(key)}:{written(each)}' for key, each in value.items())}}}"
    return json.dumps(value)


@pytest.mark.django_db
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=ITEMS, index=st.integers(min_value=0))
def test_no_item_makes_a_500_and_none_is_lost(sender: Caller, changes: dict[str, Any], index: int) -> None:
    body = f"[{written(item(f'h-{index}') | changes)},{json.dumps(item(f'good-{index}'))}]"
    answer = sender.post("/evidence", body.encode("utf-8", "replace"))
    assert answer.status_code in (202, 400), answer.content
    if answer.status_code == 202:
        found = answer.json()
        assert sum(found[name] for name in ("accepted", "duplicates", "conflicts", "rejected")) == 2
    assert not checks.tallies_equal_evidence()
