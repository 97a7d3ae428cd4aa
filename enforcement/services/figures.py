"""The figures of the home page, counted ahead: what is counted grows with the evidence, what the page reads does not.

The only writer of `Figure`.
"""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from enforcement.models import Figure, PolicyVersion
from enforcement.rules.policy import Policy
from enforcement.rules.territory import Answer
from enforcement.rules.transitions import State, Step, find_transition

DAYS = 90
BARS = 20
_MOST_PLACES = 30
_DAY = timedelta(days=1)
_WIDTHS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # of a bar, in points

RUNNING = tuple(state for state in State if state is not State.CLOSED)

_STANDING = "SELECT state, count(*) FROM enforcement_case WHERE state <> 'closed' GROUP BY state"
_OPENED = """
SELECT (opened_at AT TIME ZONE 'UTC')::date, count(*) FROM enforcement_case WHERE opened_at >= %(first)s GROUP BY 1
"""
_MOVED = """
SELECT (settled_at AT TIME ZONE 'UTC')::date, from_state, step, count(*) FROM enforcement_decision
 WHERE status = 'applied' AND settled_at >= %(first)s GROUP BY 1, 2, 3
"""
_SEEN = """
SELECT country, subdivision, sum(requests)::bigint FROM enforcement_daytally
 WHERE day >= %(first)s AND kind = ANY(%(kinds)s) AND NOT refused GROUP BY 1, 2
"""
_HIGHEST = "SELECT coalesce(max(points), 0) FROM enforcement_score WHERE policy_id = %(version)s"
_POINTS = """
SELECT CASE WHEN points > 0 THEN least(floor(points / %(width)s)::int, %(bars)s - 1) END, count(*)
  FROM enforcement_score WHERE policy_id = %(version)s GROUP BY 1
"""


def refresh(*, now: datetime) -> list[str]:
    """Count all figures anew; the names of those that were written. Without an active policy there are no points."""
    counted = {Figure.Name.CASES: _cases(now)}
    active = PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).first()
    if active is not None:
        counted[Figure.Name.TERRITORIES] = _territories(active.rules, now)
        counted[Figure.Name.POINTS] = _points(active)
    Figure.objects.bulk_create(
        [Figure(name=name, content=content, as_of=now) for name, content in counted.items()],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["content", "as_of"],
    )
    return [str(name) for name in counted]


# -- cases by state over time ------------------------------------------------------------------------------------


def _cases(now: datetime) -> dict[str, Any]:
    """How many cases stood in each state at the end of each day: from today backwards, undoing what was decided."""
    today = now.astimezone(UTC).date()
    days = [today - back * _DAY for back in range(DAYS)]
    first = datetime.combine(days[-1], datetime.min.time(), UTC)
    change = _changes(first)
    standing = Counter(dict(_rows(_STANDING)))
    found: dict[str, list[int]] = {state: [] for state in RUNNING}
    for day in days:
        for state in RUNNING:
            found[state].append(max(standing[state], 0))
        standing.subtract(change[day])
    return {
        "days": [day.isoformat() for day in reversed(days)],
        # A list, since the database sorts the names of an object.
        "states": [{"state": state, "counts": counts[::-1]} for state, counts in found.items()],
    }


def _changes(first: datetime) -> dict[date, Counter[str]]:
    change: dict[date, Counter[str]] = defaultdict(Counter)
    for day, opened in _rows(_OPENED, first=first):
        change[day][State.OPEN] += opened
    for day, source, step, moved in _rows(_MOVED, first=first):
        change[day][source] -= moved
        change[day][find_transition(State(source), Step(step)).target] += moved
    return change


# -- evidence by territory ---------------------------------------------------------------------------------------


def _territories(policy: Policy, now: datetime) -> dict[str, Any]:
    """Requests of the policy's window by place: each place that is not supported, and the rest in one sum each."""
    terms = policy.evidence
    first = now.astimezone(UTC).date() - (terms.window_days - 1) * _DAY
    kinds = [name for name, kind in terms.kinds.items() if kind.is_traffic]
    sums: Counter[tuple[str, Answer]] = Counter()
    for country, subdivision, requests in _rows(_SEEN, first=first, kinds=kinds):
        place = policy.territories.place(country, subdivision)
        sums[place.code, place.answer] += requests
    shown = [(each, requests) for each, requests in sums.most_common() if each[1] in _SHOWN]
    return {
        "since": first.isoformat(),
        "places": [
            {"code": code, "answer": answer, "requests": requests} for (code, answer), requests in shown[:_MOST_PLACES]
        ],
        "others": sum(requests for _, requests in shown[_MOST_PLACES:]),
        "supported": sum(requests for (_, answer), requests in sums.items() if answer is Answer.SUPPORTED),
        "unknown": sum(requests for (_, answer), requests in sums.items() if answer is Answer.UNKNOWN),
    }


_SHOWN = (Answer.UNSUPPORTED, Answer.UNRESOLVED)


# -- points ------------------------------------------------------------------------------------------------------


def _points(active: PolicyVersion) -> dict[str, Any]:
    """How many accounts have how many points by the active version, in bars of one width; the last is open."""
    (highest,) = _rows(_HIGHEST, version=active.pk)[0]
    width = _width(highest)
    counted = dict(_rows(_POINTS, version=active.pk, width=width, bars=BARS))
    bars = max((bar for bar in counted if bar is not None), default=0) + 1
    return {
        "version": active.pk,
        "name": active.name,
        "width": width,
        "bars": [counted.get(bar, 0) for bar in range(bars)],
        "none": counted.get(None, 0),
        "thresholds": [{"rule": rule, "points": float(points)} for rule, points in _thresholds(active.rules)],
    }


def _width(highest: Decimal) -> int:
    return next((width for width in _WIDTHS if width * BARS > highest), _WIDTHS[-1])


def _thresholds(policy: Policy) -> list[tuple[str, Decimal]]:
    rules = (*policy.qualifies, *policy.review)
    return [(rule.name, rule.min_points) for rule in rules if rule.min_points is not None]


def _rows(sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
