"""Where an address is registered or located: bundled registry data, or the operator's own database."""

import ipaddress
import json
import re
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import distribution
from typing import Any, Protocol

import iptocc
import maxminddb

_EPOCH = date(1970, 1, 1)
_COUNTRY = re.compile(r"[A-Z][A-Z0-9]", re.ASCII)
_PART = re.compile(r"[A-Z0-9]{1,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Location:
    """ISO codes; "" where the data does not say."""

    country: str = ""
    subdivision: str = ""


NOWHERE = Location()


class Locator(Protocol):
    source: str  # name without a space, then the date of the data

    def locate(self, ip: str) -> Location:
        """NOWHERE for what is no address, private, or not in the data."""


class RegistryLocator:
    """The regional registries' assignments, as the package `iptocc` carries them: countries only."""

    def __init__(self) -> None:
        self.source = f"iptocc {_built()}"

    def locate(self, ip: str) -> Location:
        try:
            return Location(iptocc.country_code(canonical(ip)) or "")
        except ValueError:
            return NOWHERE


class DatabaseLocator:
    """A MaxMind-format database; records are `{"country_code": "US"}` or nest `country.iso_code`."""

    def __init__(self, path: str) -> None:
        self._reader = maxminddb.open_database(path)
        meta = self._reader.metadata()
        name = "-".join(meta.database_type.split())[:100] or "mmdb"
        self.source = f"{name} {_EPOCH + timedelta(seconds=meta.build_epoch)}"

    def locate(self, ip: str) -> Location:
        try:
            record = self._reader.get(canonical(ip))
        except ValueError:  # no address, or one of IPv6 in a database of IPv4
            return NOWHERE
        return _read(record) if isinstance(record, dict) else NOWHERE


def bundled() -> Locator:
    return RegistryLocator()


def from_mmdb(path: str) -> Locator:
    """Raises OSError or maxminddb.InvalidDatabaseError for a file that cannot be read."""
    try:
        return DatabaseLocator(path)
    except (ValueError, OverflowError) as refused:  # an empty file to maxminddb's pure Python; a date of no calendar
        raise maxminddb.InvalidDatabaseError(f"{path} cannot be used: {refused}") from None


def canonical(ip: str) -> str:
    """One form of an address: without a zone, and IPv4 as such where a dual-stack listener wrote `::ffff:192.0.2.1`.

    Raises ValueError for what is no address.
    """
    address = ipaddress.ip_address(ip.partition("%")[0])
    return str(getattr(address, "ipv4_mapped", None) or address)


def _built() -> str:
    """The day on which the package was built with the registries' files of then; its version if it does not say."""
    package = distribution("iptocc")
    built = json.loads(package.read_text("sboms/iptocc-py.cyclonedx.json") or "{}").get("metadata", {}).get("timestamp")
    return str(built)[:10] if built else package.version


def _read(record: dict[str, Any]) -> Location:
    """Databases also write "-", names and lower case; what is no code at all would be refused as evidence."""
    nested = record.get("country")
    given = record.get("country_code") or (nested.get("iso_code") if isinstance(nested, dict) else nested)
    country = str(given).upper()
    return Location(country, _subdivision(record, country)) if _COUNTRY.fullmatch(country) else NOWHERE


def _subdivision(record: dict[str, Any], country: str) -> str:
    """The largest part of the country that the record names, with or without the country before it."""
    parts = record.get("subdivisions")
    largest = parts[0] if isinstance(parts, list) and parts else None
    code = str(largest.get("iso_code")).upper().removeprefix(f"{country}-") if isinstance(largest, dict) else ""
    return f"{country}-{code}" if _PART.fullmatch(code) else ""
