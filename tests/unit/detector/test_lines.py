"""Lines of access logs: every format says the same, and what cannot be read is named."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from enforcement.detector.lines import LogRefused, Malformed, opened, reader

AT = datetime(2026, 6, 10, 12, 0, 5, tzinfo=UTC)
COMMON = b'203.0.113.7 - acme [10/Jun/2026:14:00:05 +0200] "GET /v1/chat?key=k1 HTTP/1.1" 200 512'
COMBINED = COMMON + b' "https://example.com/" "Mozilla/5.0 (\\"quoted\\")"'
JSON = (
    b'{"time": "2026-06-10T12:00:05Z", "ip": "203.0.113.7", "account": "acme", "status": 200,'
    b' "path": "/v1/chat?key=k1"}'
)


@pytest.mark.parametrize("raw", [COMMON, COMBINED, JSON])
def test_every_format_says_the_same(raw: bytes) -> None:
    line = reader("auto", raw)(raw)
    assert (line.at, line.ip, line.user, line.status, line.query("key")) == (AT, "203.0.113.7", "acme", 200, "k1")


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"timestamp": 1781092805, "remote_addr": "203.0.113.7"}', "ip"),
        (b'{"@timestamp": "2026-06-10T14:00:05+02:00", "client_ip": "203.0.113.7"}', "ip"),
        (b'{"time_iso8601": "2026-06-10T12:00:05+00:00", "remote_addr": "203.0.113.7", "status": "200"}', "ip"),
    ],
)
def test_json_logs_may_call_things_by_their_usual_names(raw: bytes, field: str) -> None:
    line = reader("json", raw)(raw)
    assert (line.at, getattr(line, field)) == (AT, "203.0.113.7")


def test_nobody_who_authenticated_is_no_name() -> None:
    assert reader("common", b"")(COMMON.replace(b"- acme", b"- -")).user == ""


def test_ipv6_is_read() -> None:
    assert reader("common", b"")(COMMON.replace(b"203.0.113.7", b"2001:db8::7")).ip == "2001:db8::7"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"nonsense", "not in common or combined"),
        (COMMON.replace(b"Jun", b"Foo"), "a time that cannot be read"),
        (COMMON.replace(b"10/Jun", b"31/Jun"), "not in the calendar"),
        (COMMON.replace(b" 200 ", b" two "), "not in common or combined"),
        (b'{"time": "2026-06-10T12:00:05"', "not JSON"),
        (b'{"time": "2026-06-10T12:00:05", "ip": "203.0.113.7"}', "without an offset"),
        (b'{"time": "yesterday", "ip": "203.0.113.7"}', "a time that cannot be read"),
        (b'{"time": 1e300, "ip": "203.0.113.7"}', "a time that cannot be read"),
        (b'{"time": "2026-06-10T12:00:05Z"}', "no time or no address"),
        (b"[1, 2]", "not JSON|not a JSON object|common"),
        (b'{"a": ' * 100_000, "not JSON"),
        (COMMON.replace(b"+0200", b"+9959"), "not in the calendar"),
        (COMMON.replace(b"203.0.113.7", b"client.example"), "an address that cannot be read"),
        (JSON.replace(b"203.0.113.7", b"999.1.1.1"), "an address that cannot be read"),
        (JSON.replace(b"2026-06-10T12:00:05Z", b"0001-01-01T00:00:00+14:00"), "a time that cannot be read"),
        (JSON.replace(b"200", '"²²"'.encode()), "a status that cannot be read"),
        (JSON.replace(b"200", b"403.5"), "a status that cannot be read"),
        (JSON.replace(b"200", b'"' + b"9" * 5000 + b'"'), "a status that cannot be read"),
    ],
)
def test_what_cannot_be_read_is_malformed_with_a_reason(raw: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        reader("json" if raw.startswith((b"{", b"[")) else "common", raw)(raw)


def test_a_request_that_cannot_be_taken_apart_has_no_parameters_to_name_anybody() -> None:
    line = reader("common", COMMON)(COMMON.replace(b"/v1/chat", b"//[::1/chat"))
    with pytest.raises(Malformed, match="a request that cannot be read"):
        line.query("key")


@pytest.mark.parametrize(
    ("logged", "meant"),
    [
        ("::ffff:203.0.113.7", "203.0.113.7"),  # as dual-stack listeners write IPv4
        ("::FFFF:CB00:7107", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:DB8:0::7", "2001:db8::7"),
    ],
)
def test_an_address_is_read_in_one_form(logged: str, meant: str) -> None:
    assert reader("common", COMMON)(COMMON.replace(b"203.0.113.7", logged.encode())).ip == meant


@pytest.mark.parametrize(
    ("value", "user"),
    [('"acme"', "acme"), ("0", "0"), ("12", "12"), ("null", ""), ('"-"', ""), ("true", ""), ("{}", "")],
)
def test_only_text_and_whole_numbers_name_a_user(value: str, user: str) -> None:
    raw = JSON.replace(b'"acme"', value.encode())
    assert reader("json", raw)(raw).user == user


@pytest.mark.parametrize("broken", [gzip.compress(COMMON * 1000)[:-20], gzip.compress(COMMON)[:10] + b"\xff" * 40])
def test_a_compressed_log_that_is_broken_off_or_damaged_is_refused(broken: bytes, tmp_path: Path) -> None:
    file = tmp_path / "access.log.gz"
    file.write_bytes(broken)
    with pytest.raises(LogRefused, match=r"access\.log\.gz is broken off or damaged"), opened(str(file)) as log:
        list(log)


@pytest.mark.parametrize("name", ["access.log", "access.log.gz"])
def test_compressed_logs_are_read_as_they_are(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(gzip.compress(COMMON) if name.endswith("gz") else COMMON)
    with opened(str(file)) as log:
        assert list(log) == [COMMON]
