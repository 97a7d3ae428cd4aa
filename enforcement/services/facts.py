"""The facts of a score as data: kept with the decision, told in the memo, shown to staff, never recomputed."""

from typing import Any

from enforcement.rules.outcomes import Outcome
from enforcement.rules.scoring import Score


def facts_of(score: Score, outcome: Outcome | None) -> dict[str, Any]:
    """A JSON object; numbers that are not whole are strings, moments RFC 3339 in UTC."""
    return {
        "rule": outcome.rule if outcome else "",
        "points": f"{score.points:.2f}",
        "lines": [line.text for line in score.lines],
        "requests": score.requests,
        "unsupported_requests": score.unsupported_requests,
        "unknown_requests": score.unknown_requests,
        "unresolved_requests": score.unresolved_requests,
        "contested_requests": score.contested_requests,
        "share": f"{score.share:.4f}",
        "territories": [list(each) for each in score.territories],
        "kinds": sorted(score.kinds),
        "first_seen": score.first_seen.isoformat() if score.first_seen else None,
        "last_seen": score.last_seen.isoformat() if score.last_seen else None,
        "rows": [
            {
                "credential": row.credential,
                "territory": row.territory,
                "network_class": row.network_class,
                "requests": row.requests,
                "days": row.days,
            }
            for row in score.facts
        ],
    }
