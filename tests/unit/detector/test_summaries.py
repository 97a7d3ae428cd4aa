"""What the detector makes of a log: who, where, over which network, how often and when."""

import json
from datetime import date
from pathlib import Path

import pytest

from enforcement.detector.__main__ import main
from enforcement.detector.formats import reader
from enforcement.detector.journal import Cut
from enforcement.detector.lines import Line, Malformed
from enforcement.detector.naming import RuleRefused, rule
from enforcement.detector.networks import ListRefused, Networks
from enforcement.detector.summaries import Part, Rules, Sums, add
from enforcement.geolocation import Location, bundled
from tests.unit.mmdb import write_mmdb

SHENZHEN, MADRID, PRIVATE = "219.133.40.10", "88.26.10.5", "10.0.0.1"


def line(at: str = "2026-06-10T12:00:00Z", ip: str = SHENZHEN, **more: object) -> str:
    return json.dumps({"time": at, "ip": ip, "account": "acme", "status": 200} | more)


def run(tmp_path: Path, lines: list[str], *options: str, status: int = 0) -> list[dict[str, object]]:
    """The detector's NDJSON for a log of these lines."""
    log, output = tmp_path / "log.jsonl", tmp_path / "out.ndjson"
    log.write_text("".join(f"{each}\n" for each in lines))
    assert main([str(log), "--account-from", "user", "--output", str(output), *options]) == status
    return [json.loads(each) for each in output.read_text().splitlines()]


def test_a_day_of_one_account_key_place_and_class_is_one_item(tmp_path: Path) -> None:
    lines = [line(f"2026-06-10T{hour:02}:30:00Z", key="k1") for hour in (9, 23, 4)]
    (item,) = run(tmp_path, lines, "--credential-from", "field:key")
    assert item | {"id": "", "source": ""} == {
        "id": "", "account": "acme", "kind": "ip_geolocation", "observed_at": "2026-06-10T04:30:00Z",
        "observed_until": "2026-06-10T23:30:00Z", "requests": 3, "outcome": "served", "ip": SHENZHEN,
        "source": "", "country": "CN", "credential": "k1",
    }  # fmt: skip
    assert str(item["source"]).startswith("iptocc ")


@pytest.mark.parametrize(
    "other",
    [
        line("2026-06-11T00:00:00Z", key="k1"),
        line(account="other", key="k1"),
        line(key="k2"),
        line(ip=MADRID, key="k1"),
        line(status=403, key="k1"),
    ],
)
def test_another_day_account_key_place_or_outcome_is_another_item(other: str, tmp_path: Path) -> None:
    assert len(run(tmp_path, [line(key="k1"), other], "--credential-from", "field:key")) == 2


def test_supported_traffic_is_summed_up_too_and_what_nobody_can_locate_has_no_country(tmp_path: Path) -> None:
    items = run(tmp_path, [line(ip=MADRID), line(ip=PRIVATE)])
    assert [item.get("country") for item in items] == [None, "ES"]


def test_refused_requests_are_told_apart(tmp_path: Path) -> None:
    outcomes = {item["outcome"] for item in run(tmp_path, [line(status=code) for code in (200, 404, 500, 401, 403)])}
    assert outcomes == {"served", "refused"}


def test_the_same_log_gives_the_same_items_and_a_grown_log_these_and_one_more(tmp_path: Path) -> None:
    lines = [line(), line(ip=MADRID)]
    first = run(tmp_path, lines)
    assert run(tmp_path, lines) == first
    *known, new = run(tmp_path, [*lines, line()])
    assert known == first
    assert new["id"] not in {item["id"] for item in first}
    assert all(len(str(item["id"])) <= 128 for item in [*first, new])


def test_days_that_were_over_keep_their_items_when_the_log_grows(tmp_path: Path) -> None:
    over = [line("2026-06-09T12:00:00Z"), line("2026-06-10T12:00:00Z")]
    before = run(tmp_path, over)
    assert run(tmp_path, [*over, line("2026-06-11T00:00:00Z")])[:2] == before


def test_the_same_requests_in_the_logs_of_two_gateways_are_two_facts(tmp_path: Path) -> None:
    one, other = (run(tmp_path, [line(), line(path=f"/{gateway}")]) for gateway in ("a", "b"))
    assert [one[0] | {"id": ""}] == [other[0] | {"id": ""}]
    assert one[0]["id"] != other[0]["id"]


def test_two_sources_tell_of_the_same_log_under_ids_of_their_own_and_a_new_release_does_not() -> None:
    """A second opinion must be stored, and the same opinion under a new date must not count twice."""
    assert ids_by("geo-a 2026-06-01") != ids_by("geo-b 2026-06-01")
    assert ids_by("geo-a 2026-06-01") == ids_by("geo-a 2026-07-01")


def ids_by(source: str) -> list[object]:
    """The ids of one line's items, located by a source of that name."""
    locator = bundled()
    locator.source = source
    rules = Rules(locator, Networks([]), rule("user"), None)
    sums: Sums = {}
    add(sums, rules.group(parsed(line())), parsed(line()))
    return [item["id"] for item in rules.items(Part(Cut(date(2026, 6, 10), 1, "digest"), 0, sums))]


def test_a_line_that_was_cut_hides_no_others(tmp_path: Path) -> None:
    assert [item["requests"] for item in run(tmp_path, ['00Z", "ip": "1.1.1.1"}', line(), line()], status=1)] == [2]


def test_a_key_that_is_no_name_is_malformed_and_a_missing_one_is_none(tmp_path: Path) -> None:
    lines = [line(key={"a": 1}), line(key=True), line(key="-"), line(key=None), line()]
    (item,) = run(tmp_path, lines, "--credential-from", "field:key", status=1)
    assert (item["requests"], "credential" in item) == (3, False)


def test_an_address_of_a_dual_stack_listener_has_a_place_and_a_class(tmp_path: Path) -> None:
    vpn = tmp_path / "vpn.txt"
    vpn.write_text("219.133.0.0/16\n")
    (item,) = run(tmp_path, [line(), line(ip=f"::ffff:{SHENZHEN}")], "--networks", f"vpn={vpn}")
    assert (item["country"], item["network_class"], item["requests"]) == ("CN", "vpn", 2)


def test_malformed_lines_are_counted_and_shown_and_never_fatal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = ["{", line(account=""), line(account="a b"), line(ip="999.1.1.1")]
    assert len(run(tmp_path, [*bad, line()], status=1)) == 1
    told = capsys.readouterr().err
    for words in ("5 lines read, 4 malformed", "not JSON", "no account", "an account name with", "an address that"):
        assert words in told


@pytest.mark.parametrize(
    "account", ["\u0430cme", "\uff41cme", "ac\u200dme", "\u202eemca", "acme\x00", "{{7*7}}", "=1+1", "x" * 129]
)
def test_a_name_that_only_looks_like_an_account_is_malformed(account: str, tmp_path: Path) -> None:
    assert [item["account"] for item in run(tmp_path, [line(account=account), line()], status=1)] == ["acme"]


@pytest.mark.parametrize("key", ["k\n1", "k\u202e1", "k\u20281", "x" * 129])
def test_a_keys_hint_that_could_break_a_page_is_malformed(key: str, tmp_path: Path) -> None:
    items = run(tmp_path, [line(key=key), line(key="k1")], "--credential-from", "field:key", status=1)
    assert [item["credential"] for item in items] == ["k1"]


def test_a_day_is_one_of_utc_wherever_the_gateway_stands(tmp_path: Path) -> None:
    """Also when its clocks are put back, and one local hour comes twice."""
    lines = [line("2026-06-11T09:30:00+14:00"), line("2026-06-10T08:30:00-11:00"), line("2026-06-09T23:30:00-01:00")]
    (item,) = run(tmp_path, lines)
    assert (item["requests"], item["observed_at"], item["observed_until"]) == (
        3, "2026-06-10T00:30:00Z", "2026-06-10T19:30:00Z",
    )  # fmt: skip
    twice = [line(f"2026-10-25T02:30:00+0{offset}:00") for offset in (2, 1)]
    assert [item["observed_until"] for item in run(tmp_path, twice)] == ["2026-10-25T01:30:00Z"]


def test_a_database_with_parts_of_countries_names_them(tmp_path: Path) -> None:
    record = {"country": {"iso_code": "UA"}, "subdivisions": [{"iso_code": "43"}]}
    mmdb = write_mmdb(tmp_path / "x.mmdb", {"192.0.2.0/24": record}, kind="Test-City")
    (item,) = run(tmp_path, [line(ip="192.0.2.1")], "--mmdb", str(mmdb))
    assert (item["country"], item["subdivision"], item["source"]) == ("UA", "UA-43", "Test-City 2026-06-01")


def test_the_longest_prefix_decides_the_class(tmp_path: Path) -> None:
    wide, narrow = tmp_path / "hosting.txt", tmp_path / "vpn.txt"
    wide.write_text("# a provider\n219.0.0.0/8\n2001:db8::/32\n")
    narrow.write_text("219.133.40.0/24  # its VPN\n2001:db8:1::/48\n")
    networks = Networks([("vpn", narrow), ("hosting", wide)])
    assert [networks.class_of(ip) for ip in (SHENZHEN, "219.1.1.1", MADRID, "2001:db8::1", "2001:db8:1::1")] == [
        "vpn", "hosting", "", "hosting", "vpn",
    ]  # fmt: skip


def test_a_class_is_as_old_as_the_oldest_of_its_lists(tmp_path: Path) -> None:
    """Said in a comment before the first block, or in the file's name."""
    files = {"exits.txt": "# as of 2026-05-01\n192.0.2.0/24\n", "more-2026-04-30.txt": "198.51.100.0/24\n",
             "last.txt": "203.0.113.0/24\n# 2020-01-01\n"}  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert Networks([("vpn", tmp_path / name) for name in files]).dates == {"vpn": date(2026, 4, 30)}
    assert Networks([("tor", tmp_path / name) for name in reversed(files)]).dates == {"tor": date(2026, 4, 30)}


def test_a_list_of_a_day_that_never_was_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "vpn.txt"
    file.write_text("# 2026-02-30\n192.0.2.0/24\n")
    with pytest.raises(ListRefused, match=r"vpn\.txt: 2026-02-30 is no day"):
        Networks([("vpn", file)])


def test_a_bad_list_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "edge.txt"
    file.write_text("192.0.2.0/24\nnot a block\n")
    with pytest.raises(ListRefused, match=r"edge\.txt, line 2: 'not a block'"):
        Networks([("edge", file)])


def test_a_list_in_another_encoding_is_refused_like_any_other_line(tmp_path: Path) -> None:
    file = tmp_path / "edge.txt"
    file.write_bytes(b"\xef\xbb\xbf192.0.2.0/24  # caf\xe9\n\xff\xfe\n")
    with pytest.raises(ListRefused, match=r"edge\.txt, line 2: "):
        Networks([("edge", file)])


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("user", "acme"),
        ("field:team", "red"),
        ("query:org", "org-1"),
        ("network/16", "net-219.133.0.0-16"),
        ("network/24", "net-219.133.40.0-24"),
    ],
)
def test_the_account_comes_from_where_the_rule_says(text: str, account: str) -> None:
    assert rule(text)(parsed(line(team="red", path="/v1/x?org=org-1"))) == account


def test_an_ipv6_network_is_twice_as_long() -> None:
    assert rule("network/16")(parsed(line(ip="2001:db8:1::7"))) == "net-2001:db8::-32"


def parsed(text: str) -> Line:
    return reader("json")(text.encode())


@pytest.mark.parametrize("text", ["", "network", "network/0", "network/33", "field:", "header:x"])
def test_a_rule_that_nobody_knows_is_refused(text: str) -> None:
    with pytest.raises(RuleRefused, match="is none of user"):
        rule(text)


def test_an_address_that_is_none_names_no_network() -> None:
    with pytest.raises(Malformed):
        rule("network/16")(parsed(line(ip="nowhere")))


@pytest.mark.parametrize(
    "options",
    [
        ["/nowhere.log", "--account-from", "user", "--output", "x"],
        ["-", "--account-from", "nobody", "--output", "x"],
        ["-", "--account-from", "user", "--output", "x", "--mmdb", "/nowhere.mmdb"],
        ["-", "--account-from", "user", "--output", "x", "--networks", "vpn=/nowhere.txt"],
        ["-", "--account-from", "user", "--output", "x", "--trusted-proxy", "proxy"],
        [__file__, "--account-from", "user", "--output", __file__],
        [__file__, "--account-from", "user", "--output", "/nowhere/x"],
    ],
)
def test_wrong_use_ends_with_two_and_a_sentence(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(options) == 2
    assert capsys.readouterr().err.strip()


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["log"],
        ["log", "--account-from", "user"],
        ["log", "--account-from", "user", "--url", "http://localhost"],
        ["log", "--account-from", "user", "--output", "x", "--networks", "cloud=file"],
        ["log", "--account-from", "user", "--output", "x", "--url", "http://localhost", "--key", "k"],
        ["log", "--account-from", "user", "--output", "x", "--key", "k"],
        ["log", "--account-from", "user", "--output", "x", "--again"],
        ["log", "--account-from", "user", "--output", "x", "--field", "colour=red"],
        ["log", "--account-from", "user", "--url", "http://localhost", "--key-file", "/nowhere/key"],
        ["log", "--account-from", "user", "--url", "http://localhost", "--key-file", "x", "--key", "k"],
    ],
)
def test_missing_arguments_are_named(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(options)
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("ip", [PRIVATE, "::1", "nonsense", ""])
def test_what_has_no_place_is_nowhere(ip: str) -> None:
    assert bundled().locate(ip) == Location("", "")
