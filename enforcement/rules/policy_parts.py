"""The sections of a policy as values. Durations are elapsed time, numbers are exact decimals."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Literal

Automation = Literal["auto", "held"]
Per = Literal["request", "item", "day"]

NETWORK_CLASSES = (
    "residential", "mobile", "business", "hosting", "edge", "vpn", "tor", "cgnat", "unknown",
)  # fmt: skip

_FULL = Decimal(1)


@dataclass(frozen=True, slots=True)
class Kind:
    """How one signal kind scores."""

    points: Decimal
    per: Per
    cap: Decimal
    sources: Literal["any", "agree"] = "any"
    corroborates: bool = True

    @property
    def is_traffic(self) -> bool:
        """Whether it speaks of requests, and so stands in shares, days and weeks."""
        return self.per != "item"


@dataclass(frozen=True, slots=True)
class EvidenceTerms:
    """How evidence is counted."""

    window_days: int  # the last so many UTC days, today included
    half_life: timedelta | None
    kinds: Mapping[str, Kind]
    network_factors: Mapping[str, Decimal]

    @property
    def window(self) -> timedelta:
        return timedelta(days=self.window_days)

    def factor(self, network_class: str) -> Decimal:
        """What a sighting over this class of network weighs; "" (none given) is "unknown"."""
        return self.network_factors.get(network_class or "unknown", _FULL)


@dataclass(frozen=True)
class Rule:
    """Conditions that hold together; None where the rule does not ask."""

    name: str
    min_points: Decimal | None = None
    min_requests: Decimal | None = None
    min_share: Decimal | None = None
    min_days: int | None = None
    min_weeks: int | None = None
    min_kinds: int | None = None
    min_sources: int | None = None
    seen_within: timedelta | None = None
    automation: Automation | None = None  # None: as `ladder.warn` says

    @cached_property
    def conditions(self) -> Mapping[str, Decimal | int | timedelta]:
        """What the rule asks, by the document's names and in a fixed order."""
        asked = {name: getattr(self, name) for name in CONDITIONS}
        return {name: threshold for name, threshold in asked.items() if threshold is not None}


CONDITIONS = (
    "min_points", "min_requests", "min_share", "min_days", "min_weeks", "min_kinds", "min_sources",
    "seen_within",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Warn:
    automation: Automation
    notice: timedelta
    reminders: tuple[timedelta, ...] = ()  # before the deadline, the longest first


@dataclass(frozen=True, slots=True)
class DeadlineStep:
    """What follows a warning that was not heeded."""

    step: Literal["restrict_territory", "suspend", "block"]
    automation: Automation
    needs_new_requests: int = 1  # counting unsupported requests since the memo was accepted


@dataclass(frozen=True, slots=True)
class LaterStep:
    """What follows a restriction or a suspension, from the acceptance of the memo that announced it."""

    step: Literal["suspend", "block"]
    after: timedelta
    automation: Automation
    reminders: tuple[timedelta, ...] = ()


@dataclass(frozen=True, slots=True)
class Cure:
    quiet: timedelta
    extend: bool = True


@dataclass(frozen=True, slots=True)
class Ladder:
    warn: Warn
    deadline: DeadlineStep
    restriction: LaterStep | None = None
    suspension: LaterStep | None = None
    cure: Cure | None = None
    persons: Automation = "held"  # every step beyond the memo, for accounts of kind person


@dataclass(frozen=True, slots=True)
class Appeals:
    window: timedelta = timedelta(days=184)
    minimum_remaining: timedelta = timedelta(days=7)
    decide_within: timedelta = timedelta(days=14)
    on_overdue: Literal["narrow", "escalate"] = "narrow"


@dataclass(frozen=True, slots=True)
class Safety:
    """Where the automation stops by itself."""

    max_steps_per_hour: int = 100
    max_share_of_accounts: Decimal = Decimal("0.005")
