"""Where an address is registered or located: bundled registry data, or the operator's own database."""

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Protocol

import iptocc
import maxminddb


@dataclass(frozen=True, slots=True)
class Location:
    """ISO codes; "" where the data does not say."""

    country: str = ""
    subdivision: str = ""


NOWHERE = Location()


class Locator(Protocol):
    source: str  # name and date of the data

    def locate(self, ip: str) -> Location: ...


class RegistryLocator:
    """The regional registries' assignments, as the package `iptocc` carries them: countries only."""

    def __init__(self) -> None:
        self.source = f"iptocc {version('iptocc')}"

    def locate(self, ip: str) -> Location:
        """NOWHERE for what is no address, private or not assigned."""
        return Location(iptocc.country_code(ip) or "")


class DatabaseLocator:
    """A MaxMind-format database; records are `{"country_code": "US"}` or nest `country.iso_code`."""

    def __init__(self, path: str) -> None:
        self._reader = maxminddb.open_database(path)
        meta = self._reader.metadata()
        built = datetime.fromtimestamp(meta.build_epoch, UTC)
        self.source = f"{meta.database_type.replace(' ', '-')[:100]} {built:%Y-%m-%d}"

    def locate(self, ip: str) -> Location:
        try:
            record = self._reader.get(ip)
        except ValueError:
            return NOWHERE
        return _read(record) if isinstance(record, dict) else NOWHERE


def _read(record: dict[str, Any]) -> Location:
    nested = record.get("country")
    country = record.get("country_code") or (nested.get("iso_code") if isinstance(nested, dict) else nested) or ""
    parts = record.get("subdivisions") or []
    part = parts[0].get("iso_code", "") if parts else ""
    return Location(str(country), f"{country}-{part}" if country and part else "")


def bundled() -> Locator:
    return RegistryLocator()


def from_mmdb(path: str) -> Locator:
    """Raises OSError or maxminddb.InvalidDatabaseError for a file that cannot be read."""
    return DatabaseLocator(path)
