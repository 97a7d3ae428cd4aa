"""The standing cast: whom a fair service warns, asks about or leaves alone, with 90 days of what was seen.

Tests hold the rules, the API and the demo to them; `expected` is what the recommended policy makes of each.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Item = dict[str, Any]
Account = dict[str, Any]

# Two geolocation sources; most detectors have one.
FIRST_SOURCE, SECOND_SOURCE = "geo-a 2026-05", "geo-b 2026-06"


@dataclass(frozen=True)
class Persona:
    """`account` and the items are shaped as the REST interface takes them."""

    number: str  # as docs/fairness.md counts them
    who: str
    account: Account
    seen: Callable[[], Iterable[Item]]  # items with `days_ago` for a time, without account and id
    expected: Literal["warn", "held", "review"] | None
    rule: str = ""

    def evidence(self, now: datetime) -> list[Item]:
        """The items as a detector sends them, each within the last 90 days and before today."""
        name = self.account["external_id"]
        return [_dated(item, now, account=name, id=f"{name}-{i:05}") for i, item in enumerate(self.seen(), 1)]


def _dated(item: Item, now: datetime, **more: str) -> Item:
    rest = {key: value for key, value in item.items() if key != "days_ago"}
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=item["days_ago"])
    dated = more | rest | {"observed_at": (midnight + timedelta(hours=9)).isoformat()}
    if item["kind"] == "ip_geolocation":  # a day's summary
        dated["observed_until"] = (midnight + timedelta(hours=17)).isoformat()
    return dated


def _account(name: str, title: str, home: str, kind: str = "organisation", **more: Any) -> Account:
    return {
        "external_id": name,
        "name": title,
        "kind": kind,
        "language": "en",
        "timezone": "UTC",
        "home_country": home,
        "contacts": [{"email": f"owner@{name}.example.com", "role": "owner"}],
    } | more


def _daily(days: Iterable[int], total: int, country: str, network: str = "", **more: Any) -> Iterator[Item]:
    """Summaries of traffic that add up to `total` requests."""
    days = list(days)
    share, rest = divmod(total, len(days))
    for i, days_ago in enumerate(days):
        item = {"kind": "ip_geolocation", "days_ago": days_ago, "country": country, "source": FIRST_SOURCE}
        if network:
            item["network_class"] = network
        yield item | {"requests": share + (i < rest)} | more


def _fact(kind: str, country: str, days_ago: int = 3, **more: Any) -> Item:
    return {"kind": kind, "days_ago": days_ago, "country": country} | more


def _at_home(share: float, total: int, country: str, days: Iterable[int], **more: Any) -> Iterator[Item]:
    """The traffic of supported territory beside `total` requests that make up `share` of everything."""
    return _daily(days, round(total / share) - total, country, "business", **more)


# -- who was seen where --------------------------------------------------------------------------------------

_WORKING_DAYS = [7 * week + day for week in range(13) for day in range(1, 6)]  # 65 days in 13 weeks


def _shenzhen_office() -> Iterator[Item]:
    yield from _daily(_WORKING_DAYS, 110_500, "CN", "business", credential="sk-office")
    yield from _at_home(0.96, 110_500, "SG", range(1, 60), credential="sk-office")
    yield _fact("declared_country", "CN")


def _spain_under_a_bad_release() -> Iterator[Item]:
    bad_days, other_days = range(20, 26), [day for day in range(1, 80) if day not in range(20, 26)]
    for source in (FIRST_SOURCE, SECOND_SOURCE):
        country = "CN" if source == FIRST_SOURCE else "ES"
        yield from _daily(bad_days, 5_400, country, "residential", credential="sk-app", source=source)
        yield from _daily(other_days, 62_100, "ES", "residential", credential="sk-app", source=source)


def _behind_an_edge(network: str) -> Iterator[Item]:
    yield from _daily(range(1, 61), 402_000, "HK", network, credential="sk-prod")
    yield from _at_home(0.70, 402_000, "US", range(1, 90), credential="sk-prod")


def _traveller() -> Iterator[Item]:
    yield from _daily(range(5, 14), 3_000, "CN", "residential", credential="sk-laptop")
    yield from _at_home(0.22, 3_000, "CA", range(14, 80), credential="sk-laptop")


def _nomad() -> Iterator[Item]:
    yield from _daily(range(2, 30), 4_200, "CN", "residential", credential="sk-laptop")
    yield from _at_home(0.58, 4_200, "CA", range(30, 80), credential="sk-laptop")


def _dnipro() -> Iterator[Item]:
    yield from _daily(range(1, 81), 16_000, "UA", "residential", credential="sk-studio")
    yield from _daily((11, 25, 40), 15, "UA", "mobile", subdivision="UA-14", credential="sk-studio")


def _sevastopol() -> Iterator[Item]:
    yield from _daily(range(1, 76), 7_500, "UA", "residential", subdivision="UA-40", credential="sk-dev")
    yield _fact("login_geolocation", "UA", subdivision="UA-40", network_class="residential")
    yield _fact("declared_country", "UA", subdivision="UA-40")


def _one_employee_in_guangzhou() -> Iterator[Item]:
    yield from _daily(range(1, 59), 9_570, "CN", "residential", credential="sk-key-01")
    for key in range(1, 41):
        yield from _at_home(0.004, 9_570 // 40, "DE", range(1, 90, 10), credential=f"sk-key-{key:02}")


def _privacy_vpn() -> Iterator[Item]:
    yield from _daily(range(1, 46), 12_150, "HK", "vpn", credential="sk-me")
    yield from _at_home(0.60, 12_150, "NL", range(1, 90), credential="sk-me")


def _shenzhen_behind_tokyo() -> Iterator[Item]:
    yield from _daily(range(1, 61), 30_000, "JP", "vpn", credential="sk-me")
    for days_ago in range(2, 60, 3):
        yield _fact("login_geolocation", "CN", days_ago, network_class="residential")
    yield _fact("card_country", "CN")
    yield _fact("phone_country", "CN")


def _reseller() -> Iterator[Item]:
    for days_ago in range(1, 86):
        for key in range(days_ago % 9, 45, 9):
            yield from _daily([days_ago], 11_800, "CN", "residential", credential=f"sk-customer-{key:03}")
    for key in range(45, 400):
        yield from _at_home(0.31, 5_015_000 // 355, "SG", [1 + key % 85], credential=f"sk-customer-{key:03}")


def _stolen_key() -> Iterator[Item]:
    for network in ("hosting", "residential"):
        yield from _daily(range(2, 5), 120_000, "RU", network, credential="sk-stolen")
    yield from _at_home(0.71, 240_000, "BR", range(1, 90), credential="sk-app")


def _rotator() -> Iterator[Item]:
    yield from _daily(range(1, 9), 24_000, "CN", "residential", credential="sk-new")
    yield from _at_home(0.97, 24_000, "SG", range(1, 9), credential="sk-new")
    yield _fact("payment_network", "CN", details={"fingerprint": "card-7f3a"})


def _expat_in_spain() -> Iterator[Item]:
    yield from _daily(range(1, 80), 8_000, "ES", "residential", credential="sk-home")
    yield _fact("card_country", "CN")
    yield _fact("phone_country", "CN")


# -- the cast ------------------------------------------------------------------------------------------------

SHENZHEN_OFFICE = Persona(
    "1",
    "office in Shenzhen",
    _account("shenzhen-office", "Qianhai Robotics", "SG", language="zh-hans", timezone="Asia/Shanghai"),
    _shenzhen_office,
    "warn",
    "sustained",
)

PERSONAS = (
    SHENZHEN_OFFICE,
    Persona(
        "2",
        "Spain, one bad geolocation release",
        _account("spain-bad-release", "Talleres Ebro", "ES", language="es", timezone="Europe/Madrid"),
        _spain_under_a_bad_release,
        None,
    ),
    Persona(
        "3a",
        "US company behind a Hong Kong edge",
        _account("hong-kong-edge", "Prairie Apps", "US"),
        lambda: _behind_an_edge("edge"),
        None,
    ),
    Persona(
        "3b",
        "the same, the network class unknown",
        _account("hong-kong-edge-unknown", "Delta Apps", "US"),
        lambda: _behind_an_edge(""),
        "review",
        "steady",
    ),
    Persona("4a", "traveller", _account("traveller", "Ada Roy", "CA", "person"), _traveller, None),
    Persona("4b", "nomad", _account("nomad", "Noa Roy", "CA", "person"), _nomad, "warn", "sustained"),
    Persona("5", "Dnipro", _account("dnipro", "Dnipro Studio", "UA", timezone="Europe/Kyiv"), _dnipro, None),
    Persona(
        "6",
        "Sevastopol",
        _account("sevastopol", "Chersonesos Lab", "UA"),
        _sevastopol,
        "review",
        "sanctioned",
    ),
    Persona(
        "7",
        "German company, one employee in Guangzhou",
        _account("one-in-guangzhou", "Isar Maschinen", "DE", language="de", timezone="Europe/Berlin"),
        _one_employee_in_guangzhou,
        "review",
        "steady",
    ),
    Persona(
        "8a",
        "privacy VPN with exits in Hong Kong",
        _account("privacy-vpn", "Bo Jansen", "NL", "person"),
        _privacy_vpn,
        None,
    ),
    Persona(
        "8b",
        "Shenzhen behind a Tokyo VPN",
        _account("behind-tokyo", "Li Ting", "JP", "person"),
        _shenzhen_behind_tokyo,
        "review",
        "signals",
    ),
    Persona(
        "9",
        "reseller in Singapore",
        _account("reseller", "Straits Gateway", "SG", serves_third_parties=True),
        _reseller,
        "review",
        "steady",
    ),
    Persona(
        "10",
        "stops before the deadline",
        _account("stops-in-time", "Pearl Delta Data", "SG", language="zh-hans"),
        _shenzhen_office,
        "warn",
        "sustained",
    ),
    Persona("11", "Brazil, stolen key", _account("stolen-key", "Rio Dados", "BR"), _stolen_key, "review", "burst"),
    *(
        Persona(
            "12",
            f"rotator, account {i} of six",
            _account(f"rotator-{i}", f"Fresh Start {i}", "SG"),
            _rotator,
            "review",
            "burst",
        )
        for i in range(1, 7)
    ),
    Persona(
        "13",
        "expat in Spain with a Chinese card and phone",
        _account("expat-in-spain", "Chen Jing", "ES", "person"),
        _expat_in_spain,
        None,
    ),
    Persona(
        "14",
        "company with a 60-day clause",
        _account("sixty-day-clause", "Harbour Analytics", "SG", terms={"min_notice": "P60D"}),
        _shenzhen_office,
        "warn",
        "sustained",
    ),
)
