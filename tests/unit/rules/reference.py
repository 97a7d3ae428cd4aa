"""Counting once more: slow, literal, in fractions, over raw items and the plain document.

Written against the text of the semantics and not against `enforcement.rules`, of which it imports nothing: it
exists to disagree with them.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

Item = dict[str, Any]

OWN_CODES = {"CN-TW": "TW", "CN-HK": "HK", "US-PR": "PR", "FI-01": "AX"}  # those that the tests use
ASSIGNED = {"CN", "HK", "US", "UA", "RU", "DE", "PR", "TW", "AX"}
ASSIGNED_PARTS = {"UA-12", "UA-14", "UA-43", "UA-65", "CN-GD", "US-CA"} | set(OWN_CODES)


class Count:
    """Everything that the semantics count, by the names of `Score`."""

    def __init__(self, items: list[Item], document: dict[str, Any], at: datetime) -> None:
        self.document, self.at = document, at
        self.evidence = document["evidence"]
        read = [item for item in items if self.kind_of(item) and self.in_window(item)]
        self.reports = [item for item in read if item.get("outcome") != "refused"]
        self.counting: list[Item] = []
        self.agreeing: list[Item] = []
        self.requests = self.unknown = self.unresolved = self.contested = self.base = 0
        for comparison in self.comparisons():
            self.compare(comparison)

    # -- one item

    def kind_of(self, item: Item) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.evidence["kinds"].get(item["kind"])
        return found

    def is_traffic(self, item: Item) -> bool:
        return self.evidence["kinds"][item["kind"]]["per"] in ("request", "day")

    def corroborates(self, item: Item) -> bool:
        return self.evidence["kinds"][item["kind"]].get("corroborates", True) is not False

    def in_window(self, item: Item) -> bool:
        last = [self.at.date() - timedelta(days=i) for i in range(int(self.evidence.get("window", "P90D")[1:-1]))]
        return day_of(item) in last

    def factor(self, item: Item) -> Fraction:
        network = item.get("network_class") or "unknown"
        return Fraction(str(self.evidence.get("network_factors", {}).get(network, 1)))

    def place(self, item: Item) -> tuple[str, str]:
        """The answer and the code it is shown under; "lacking" is unresolved for want of a subdivision."""
        lists = self.document["territories"]
        named = {
            name: {OWN_CODES.get(code, code) for code in lists.get(name, [])}
            for name in ("sanctioned", "excepted", "unresolved", "supported_subdivisions", "supported")
        }
        part = item.get("subdivision") or ""
        country = item.get("country") or ""
        if part in OWN_CODES:
            country, part = OWN_CODES[part], ""
        elif part in ASSIGNED_PARTS:
            country = part[:2]
        else:
            part = ""
        if country not in ASSIGNED:
            return "unknown", ""
        place = part or country
        for name, answer in (
            ("sanctioned", "sanctioned"),
            ("excepted", "unsupported"),
            ("unresolved", "unresolved"),
            ("supported_subdivisions", "supported"),
        ):
            if place in named[name]:
                return answer, place
        parts = {code for name in named for code in named[name] if code.startswith(f"{country}-")}
        if not part and parts:
            return "lacking", country
        while country not in named["supported"] and country in lists.get("inherits", {}):
            country = lists["inherits"][country]
        shown = part[:2] if part else place
        return ("supported" if country in named["supported"] else "unsupported"), shown

    def answer(self, item: Item) -> str:
        answer = self.place(item)[0]
        return {"sanctioned": "unsupported", "lacking": "unresolved"}.get(answer, answer)

    def counts(self, item: Item) -> bool:
        return self.factor(item) > 0

    def is_counting_unsupported(self, item: Item) -> bool:
        return self.counts(item) and self.answer(item) == "unsupported"

    def weighted(self, items: list[Item]) -> Fraction:
        return sum(
            (requests_of(item) * confidence_of(item) * self.factor(item) for item in items),
            Fraction(0),
        )

    # -- `sources: agree`

    def comparisons(self) -> list[list[Item]]:
        found = []
        for kind, terms in self.evidence["kinds"].items():
            of_kind = [item for item in self.reports if item["kind"] == kind]
            if terms.get("sources", "any") == "any":
                found += [[item] for item in of_kind]  # nobody is asked whether others agree
                continue
            for day in sorted({day_of(item) for item in of_kind}):
                found += self.comparisons_of_a_day([item for item in of_kind if day_of(item) == day])
        return found

    def comparisons_of_a_day(self, items: list[Item]) -> list[list[Item]]:
        credentials = {item.get("credential", "") for item in items}
        per_credential = [
            [item for item in items if item.get("credential", "") == credential] for credential in credentials
        ]
        if "" not in credentials:
            return per_credential
        settled = [
            group
            for group in per_credential
            if group[0].get("credential", "") and len({source_of(item) for item in group if self.takes_part(item)}) > 1
        ]
        rest = [item for item in items if not any(item is other for group in settled for other in group)]
        return [*settled, rest]

    def takes_part(self, item: Item) -> bool:
        return self.place(item)[0] != "lacking" or self.factor(item) == 0

    def compare(self, items: list[Item]) -> None:
        says = {source: [item for item in items if source_of(item) == source] for source in map(source_of, items)}
        unsupported = {
            source: [item for item in said if self.is_counting_unsupported(item)] for source, said in says.items()
        }
        parties = [source for source, said in says.items() if any(self.takes_part(item) for item in said)]
        counting: list[Item] = []
        if parties and all(unsupported[source] for source in parties):
            smallest = sorted(parties, key=lambda source: (self.weighted(unsupported[source]), source))[0]
            counting = unsupported[smallest]
            self.agreeing += [item for source in parties for item in unsupported[source]]
        self.counting += counting
        if not self.is_traffic(items[0]):
            return
        self.contested += max(plain(said) for said in unsupported.values()) - plain(counting)
        self.requests += max(plain([i for i in said if self.counts(i)]) for said in says.values())
        self.unknown += min(self.plain_of(said, "unknown") for said in says.values())
        self.unresolved += min(self.plain_of(said, "unresolved") for said in says.values())
        self.base += max(self.below_the_share(said) for said in says.values())

    def plain_of(self, items: list[Item], answer: str) -> int:
        return plain([item for item in items if self.counts(item) and self.answer(item) == answer])

    def below_the_share(self, items: list[Item]) -> int:
        counting = [item for item in items if self.counts(item) and self.answer(item) != "unknown"]
        at_home = [item for item in items if not self.counts(item) and self.answer(item) == "supported"]
        return plain(counting) + plain(at_home)

    # -- what the rules ask

    @property
    def traffic(self) -> list[Item]:
        return [item for item in self.counting if self.is_traffic(item)]

    @property
    def witnessed(self) -> list[Item]:
        return [item for item in self.agreeing if self.is_traffic(item)]

    @property
    def proof(self) -> list[Item]:
        return [item for item in self.agreeing if self.corroborates(item)]

    def points(self) -> Fraction:
        total = Fraction(0)
        for kind, terms in self.evidence["kinds"].items():
            of_kind = [item for item in self.counting if item["kind"] == kind]
            by_class: dict[str, list[Item]] = {}
            for item in of_kind:
                by_class.setdefault(item.get("network_class") or "unknown", []).append(item)
            cap = Fraction(str(terms["cap"]))
            together = sum(
                (self.factor(group[0]) * min(cap, self.uncapped(group, terms)) for group in by_class.values()),
                Fraction(0),
            )
            total += min(cap, together)
        return total

    def uncapped(self, items: list[Item], terms: dict[str, Any]) -> Fraction:
        if terms["per"] == "day":
            best: dict[date, Fraction] = {}
            for item in items:
                best[day_of(item)] = max(best.get(day_of(item), Fraction(0)), confidence_of(item))
            amounts = list(best.items())
        else:
            amounts = [
                (day_of(item), confidence_of(item) * (requests_of(item) if terms["per"] == "request" else 1))
                for item in items
            ]
        points = Fraction(str(terms["points"]))
        return sum((points * amount * self.decay(day) for day, amount in amounts), Fraction(0))

    def decay(self, day: date) -> Fraction:
        half_life = self.evidence.get("half_life")
        if half_life is None:
            return Fraction(1)
        exponent = -Fraction((self.at.date() - day).days, int(half_life[1:-1]))
        wide = Context(prec=120)
        power = wide.divide(Decimal(exponent.numerator), Decimal(exponent.denominator))
        return Fraction(wide.power(Decimal(2), power))


def day_of(item: Item) -> date:
    return datetime.fromisoformat(item["observed_at"]).astimezone(UTC).date()


def requests_of(item: Item) -> int:
    found: int = item.get("requests", 1)
    return found


def confidence_of(item: Item) -> Fraction:
    return Fraction(str(item.get("confidence", 1)))


def source_of(item: Item) -> tuple[str, str]:
    """The name without the date; one unnamed per detector."""
    name = item.get("source", "").split(" ")[0]
    return (name, "" if name else item["detector"])


def plain(items: list[Item]) -> int:
    return sum(requests_of(item) for item in items)
