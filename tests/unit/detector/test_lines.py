"""Lines of access logs: every format says the same, and what cannot be read is named."""

from datetime import UTC, datetime

import pytest

from enforcement.detector.addresses import Proxies, ProxyRefused
from enforcement.detector.formats import reader
from enforcement.detector.lines import Line, Malformed

AT = datetime(2026, 6, 10, 12, 0, 5, tzinfo=UTC)
COMMON = b'203.0.113.7 - acme [10/Jun/2026:14:00:05 +0200] "GET /v1/chat?key=k1 HTTP/1.1" 200 512'
COMBINED = COMMON + b' "https://example.com/" "Mozilla/5.0 (\\"quoted\\")"'
JSON = (
    b'{"time": "2026-06-10T12:00:05Z", "ip": "203.0.113.7", "account": "acme", "status": 200,'
    b' "path": "/v1/chat?key=k1"}'
)


@pytest.mark.parametrize("raw", [COMMON, COMBINED, JSON])
def test_every_format_says_the_same(raw: bytes) -> None:
    line = reader()(raw)
    assert (line.at, line.ip, line.user, line.status, line.query("key")) == (AT, "203.0.113.7", "acme", 200, "k1")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"timestamp": 1781092805, "remote_addr": "203.0.113.7"}',
        b'{"@timestamp": "2026-06-10T14:00:05+02:00", "client_ip": "203.0.113.7"}',
        b'{"time_iso8601": "2026-06-10T12:00:05+00:00", "remote_addr": "203.0.113.7", "status": "200"}',
        b'{"msec": "1781092805.000", "remote_addr": "203.0.113.7"}',
        b'{"ts": 1781092805000, "remote_ip": "203.0.113.7"}',
        b'{"time_local": "10/Jun/2026:14:00:05 +0200", "remote_addr": "203.0.113.7"}',
        b'{"start_time": "2026-06-10T12:00:05.000Z", "downstream_remote_address": "203.0.113.7:53422"}',
    ],
)
def test_json_logs_may_call_things_by_their_usual_names(raw: bytes) -> None:
    line = reader("json")(raw)
    assert (line.at, line.ip) == (AT, "203.0.113.7")


NGINX = (
    b'{"time_iso8601":"2026-06-10T14:00:05+02:00","remote_addr":"10.0.0.3","remote_user":"acme","status":"200",'
    b'"request_method":"POST","request_uri":"/v1/chat?key=k1","http_x_forwarded_for":"203.0.113.7",'
    b'"http_user_agent":"curl/8","request_time":"0.012"}'
)
# As ingress-nginx shows it in its manual: the query apart from the path.
INGRESS = (
    b'{"time":"2026-06-10T12:00:05+00:00","remote_addr":"10.0.0.3","x-forward-for":"203.0.113.7, 10.0.0.2",'
    b'"remote_user":"acme","status":200,"path":"/v1/chat","request_query":"key=k1","method":"POST"}'
)
# As Istio and Envoy Gateway have Envoy write it.
ENVOY = (
    b'{"start_time":"2026-06-10T12:00:05.000Z","method":"POST","path":"/v1/chat?key=k1","protocol":"HTTP/2",'
    b'"response_code":200,"response_flags":"-","x_forwarded_for":"203.0.113.7","authority":"api.example.com",'
    b'"downstream_remote_address":"10.0.0.3:41234","downstream_local_address":"10.0.0.9:8443","user":"acme"}'
)
ENVOY_GATEWAY = (
    b'{"start_time":"2026-06-10T12:00:05.000Z","method":"POST","x-envoy-origin-path":"/v1/chat?key=k1",'
    b'"response_code":200,"x-forwarded-for":"203.0.113.7","downstream_remote_address":"[fd00::3]:41234","user":"acme"}'
)


@pytest.mark.parametrize("raw", [NGINX, INGRESS, ENVOY, ENVOY_GATEWAY])
def test_json_of_nginx_and_envoy_is_read_as_they_write_it(raw: bytes) -> None:
    line = reader(proxies=Proxies(["10.0.0.0/8", "fd00::/8"]))(raw)
    assert (line.at, line.ip, line.user, line.status, line.query("key")) == (AT, "203.0.113.7", "acme", 200, "k1")


def test_a_json_log_may_call_things_by_names_of_its_own() -> None:
    raw = b'{"when": "2026-06-10T12:00:05Z", "client": {"address": "203.0.113.7"}, "ip": "192.0.2.1"}'
    line = reader(fields={"time": "when", "ip": "client.address"})(raw)
    assert (line.at, line.ip) == (AT, "203.0.113.7")


# -- who stands behind a proxy -------------------------------------------------------------------------------------


def behind(forwarded: bytes, *trusted: str, peer: bytes = b"10.0.0.3") -> Line:
    """A line of nginx's `main` format."""
    return reader(proxies=Proxies(trusted))(COMBINED.replace(b"203.0.113.7", peer) + b' "' + forwarded + b'"')


@pytest.mark.parametrize(
    ("forwarded", "meant"),
    [
        (b"203.0.113.7", "203.0.113.7"),
        (b"198.51.100.1, 203.0.113.7", "203.0.113.7"),  # the first was the client's own word
        (b"198.51.100.1, 203.0.113.7, 10.9.9.9", "203.0.113.7"),
        (b"nonsense, 203.0.113.7:5050", "203.0.113.7"),
        (b"[2001:db8::7]:443", "2001:db8::7"),
        (b"::ffff:203.0.113.7", "203.0.113.7"),
        (b"10.9.9.9", "10.9.9.9"),
        (b"-", "10.0.0.3"),
        (b"", "10.0.0.3"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_of_ours_called(forwarded: bytes, meant: str) -> None:
    assert behind(forwarded, "10.0.0.0/8").ip == meant


def test_nobody_is_believed_who_was_not_named() -> None:
    assert behind(b"203.0.113.7").ip == "10.0.0.3"
    assert behind(b"203.0.113.7", "10.0.0.0/8", peer=b"192.0.2.9").ip == "192.0.2.9"


def test_what_a_proxy_of_ours_wrote_and_nobody_can_read_is_not_located_where_the_proxy_stands() -> None:
    with pytest.raises(Malformed, match="an address that cannot be read"):
        behind(b"203.0.113.7, unknown", "10.0.0.0/8")


def test_a_first_column_of_several_addresses_needs_to_be_told_whom_to_believe() -> None:
    with pytest.raises(Malformed, match="--trusted-proxy"):
        behind(b"-", peer=b"203.0.113.7, 10.0.0.3")
    assert behind(b"-", "10.0.0.0/8", peer=b"203.0.113.7, 10.0.0.3").ip == "203.0.113.7"


def test_a_proxy_that_is_no_network_is_refused() -> None:
    with pytest.raises(ProxyRefused, match=r"'proxy\.internal' is no address"):
        Proxies(["proxy.internal"])


def test_what_a_log_adds_after_the_known_columns_is_left_alone() -> None:
    assert reader()(COMBINED + b' "203.0.113.99" 0.012 upstream="a b" -').at == AT


def test_a_combined_line_that_was_cut_inside_a_word_is_malformed() -> None:
    with pytest.raises(Malformed):
        reader()(COMBINED[:-3])


def test_a_hostile_line_costs_no_more_than_its_length() -> None:
    """Each of these would take hours if a quantifier looked back."""
    for raw in (b"1.2.3.4 - " + b"a [" * 20_000, COMBINED + b' "' * 20_001, b'1.2.3.4 - - [x] "' + b"\\" * 60_001):
        with pytest.raises(Malformed):
            reader("common")(raw)


def test_nobody_who_authenticated_is_no_name() -> None:
    assert reader("common")(COMMON.replace(b"- acme", b"- -")).user == ""


def test_ipv6_is_read() -> None:
    assert reader("common")(COMMON.replace(b"203.0.113.7", b"2001:db8::7")).ip == "2001:db8::7"


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
        reader("json" if raw.startswith((b"{", b"[")) else "common")(raw)


def test_a_request_that_cannot_be_taken_apart_has_no_parameters_to_name_anybody() -> None:
    line = reader("common")(COMMON.replace(b"/v1/chat", b"//[::1/chat"))
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
    assert reader("common")(COMMON.replace(b"203.0.113.7", logged.encode())).ip == meant


@pytest.mark.parametrize(
    ("value", "user"),
    [('"acme"', "acme"), ("0", "0"), ("12", "12"), ("null", ""), ('"-"', ""), ("true", ""), ("{}", "")],
)
def test_only_text_and_whole_numbers_name_a_user(value: str, user: str) -> None:
    raw = JSON.replace(b'"acme"', value.encode())
    assert reader("json")(raw).user == user
