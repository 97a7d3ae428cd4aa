"""Where an address is: bundled registry data and the operator's own database say it in one form."""

from pathlib import Path
from typing import Any

import maxminddb
import pytest

from enforcement.geolocation import Location, bundled, canonical, from_mmdb
from tests.unit.mmdb import write_mmdb


def stored(tmp_path: Path, record: Any) -> Location:
    """What a database says that holds this record."""
    return from_mmdb(str(write_mmdb(tmp_path / "x.mmdb", {"192.0.2.0/24": record}))).locate("192.0.2.1")


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ({"country_code": "US"}, Location("US")),
        ({"country": "US"}, Location("US")),
        ({"country": {"iso_code": "US"}}, Location("US")),
        ({"country": {"iso_code": "UA"}, "subdivisions": [{"iso_code": "43"}]}, Location("UA", "UA-43")),
        ({"country": {"iso_code": "UA"}, "subdivisions": [{"iso_code": "UA-43"}]}, Location("UA", "UA-43")),
        ({"country": {"iso_code": "GB"}, "subdivisions": [{"iso_code": "ENG"}, {"iso_code": "KEN"}]},
         Location("GB", "GB-ENG")),
        ({"country": {"iso_code": "US"}, "subdivisions": [{"names": {"en": "Ohio"}}]}, Location("US")),
        ({"country": {"iso_code": "US"}, "subdivisions": ["Ohio"]}, Location("US")),
        ({"country": {"iso_code": "US"}, "subdivisions": {"iso_code": "OH"}}, Location("US")),
        ({"country": {"iso_code": "US"}, "subdivisions": []}, Location("US")),
        ({"subdivisions": [{"iso_code": "OH"}]}, Location()),
        ({"country_code": "us"}, Location("US")),
        ({"country_code": "T1"}, Location("T1")),
        ({"country_code": "-"}, Location()),
        ({"country_code": "ZZZ"}, Location()),
        ({"country_code": 7}, Location()),
        ({"continent": "EU"}, Location()),
        ("US", Location()),
    ],
)  # fmt: skip
def test_every_shape_of_record_is_read_and_only_codes_are_taken(record: Any, place: Location, tmp_path: Path) -> None:
    assert stored(tmp_path, record) == place


def test_a_database_is_named_with_its_date_and_no_space_in_the_name(tmp_path: Path) -> None:
    file = write_mmdb(tmp_path / "x.mmdb", {"192.0.2.0/24": {"country_code": "US"}}, kind="geo whois  country")
    assert from_mmdb(str(file)).source == "geo-whois-country 2026-06-01"


def test_a_database_without_a_name_has_one_all_the_same(tmp_path: Path) -> None:
    file = write_mmdb(tmp_path / "x.mmdb", {"192.0.2.0/24": {"country_code": "US"}}, kind=" ")
    assert from_mmdb(str(file)).source == "mmdb 2026-06-01"


def test_the_bundled_data_is_named_with_the_day_it_was_built() -> None:
    name, day = bundled().source.split(" ")
    assert name == "iptocc"
    assert len(day) == len("2026-06-01")
    assert day.startswith("20")


@pytest.mark.parametrize("ip", ["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"])
def test_an_address_of_a_dual_stack_listener_is_where_its_ipv4_address_is(ip: str, tmp_path: Path) -> None:
    file = write_mmdb(tmp_path / "x.mmdb", {"192.0.2.0/24": {"country_code": "US"}}, version=4)
    assert from_mmdb(str(file)).locate(ip) == Location("US")


def test_the_bundled_data_knows_ipv4_ipv6_and_ipv4_in_ipv6() -> None:
    ips = ("219.133.40.10", "::ffff:219.133.40.10", "2001:da8::1", "88.26.10.5")
    assert [bundled().locate(ip).country for ip in ips] == ["CN", "CN", "CN", "ES"]


@pytest.mark.parametrize("ip", ["10.0.0.1", "::1", "fe80::1%eth0", "100.64.0.1", "nonsense", ""])
def test_what_has_no_place_is_nowhere(ip: str, tmp_path: Path) -> None:
    database = from_mmdb(str(write_mmdb(tmp_path / "x.mmdb", {"192.0.2.0/24": {"country_code": "US"}}, version=4)))
    assert bundled().locate(ip) == database.locate(ip) == Location("", "")


def test_an_ipv6_address_is_nowhere_in_a_database_of_ipv4(tmp_path: Path) -> None:
    file = write_mmdb(tmp_path / "x.mmdb", {"192.0.2.0/24": {"country_code": "US"}}, version=4)
    assert from_mmdb(str(file)).locate("2001:da8::1") == Location()


@pytest.mark.parametrize("content", [b"", b"no database at all"])
def test_a_file_that_is_no_database_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.mmdb"
    file.write_bytes(content)
    with pytest.raises(maxminddb.InvalidDatabaseError):
        from_mmdb(str(file))


@pytest.mark.parametrize("built", [2**60, 2**64 - 1])
def test_a_database_of_no_date_is_refused(built: int, tmp_path: Path) -> None:
    file = write_mmdb(tmp_path / "x.mmdb", {"192.0.2.0/24": {"country_code": "US"}}, built=built)
    with pytest.raises(maxminddb.InvalidDatabaseError, match=r"x\.mmdb cannot be used"):
        from_mmdb(str(file))


def test_an_address_has_one_form_and_what_is_none_has_none() -> None:
    forms = ("192.0.2.1", "::ffff:192.0.2.1", "2001:DB8:0::7", "fe80::1%eth0")
    assert [canonical(ip) for ip in forms] == ["192.0.2.1", "192.0.2.1", "2001:db8::7", "fe80::1"]
    with pytest.raises(ValueError, match="nonsense"):
        canonical("nonsense")
