"""What the rules score: one evidence row, or one day tally of many; the scoring cannot tell them apart."""

from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct


# A msgspec struct where a frozen dataclass would do: a backtest builds millions of these, and it is built
# twenty times faster.
class Sighting(Struct, frozen=True, gc=False):
    """Evidence of one UTC day under one tally key, as it was stored."""

    day: date  # UTC day of observed_at
    detector: str
    kind: str
    network_class: str  # "" when not given: counts as "unknown"
    country: str  # "" when absent; may be a code that nobody assigned ("EU")
    subdivision: str  # "" when absent; may be a code that nobody assigned
    credential: str  # "" when absent
    source: str  # "" when absent, else name and date
    refused: bool
    items: int
    requests: int
    weighted_items: Decimal  # the sum of the items' confidences
    weighted_requests: Decimal  # the sum of requests x confidence
    confidence: Decimal  # the highest
    first_at: datetime  # earliest observed_at
    last_at: datetime  # latest observed_until, else observed_at
