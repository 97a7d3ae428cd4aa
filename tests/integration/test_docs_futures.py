"""What docs/policy.md says will become of those who are warned is what the service does with them, day by day."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as HttpClient

from enforcement.models import Case, Client, Decision, Memo
from enforcement.rules.policy import parse_policy
from enforcement.rules.transitions import Step
from enforcement.services import assessment, clock, intake, review, sweep
from examples.personas import Persona
from tests.conftest import EXAMPLES
from tests.docs.futures import CAST, DAY, HELD, NOW, STOPS, TAKEN, fate
from tests.integration.test_personas_live import call
from tests.stage import answer_mail

RECOMMENDED = (EXAMPLES / "recommended.yaml").read_text(encoding="utf-8")
UNTIL = 95  # days: after it the page tells of nothing
WARNED = [
    (persona, stops_on)
    for persona in CAST
    if persona.expected == "warn"
    for stops_on in STOPS.get(persona.number, (None,))
]


@pytest.mark.django_db
def test_those_who_are_warned_fare_as_the_page_says(
    activate: Any, detector: Client, officer: User, client: HttpClient
) -> None:
    clock.move_to(NOW)
    activate(RECOMMENDED)
    coming: list[dict[str, Any]] = []
    for persona, stops_on in WARNED:
        name = _name(persona, stops_on)
        call(client, "registrar", "PUT", f"accounts/{name}", persona.account | {"external_id": name})
        past = [item | {"account": name, "id": f"{name}-{i}"} for i, item in enumerate(persona.evidence(NOW))]
        _send(detector, past)
        coming += [each for item in past if (each := _mirrored(item)) and _goes_on(each, stops_on)]
    _live(detector, coming, officer)
    found = {_name(*each): ", ".join(_told(_name(*each))) for each in WARNED}
    assert found == {_name(*each): _page_says(*each) for each in WARNED}


def _name(persona: Persona, stops_on: int | None) -> str:
    return persona.account["external_id"] + (f"-{stops_on}" if stops_on else "")


def _page_says(persona: Persona, stops_on: int | None) -> str:
    _, *futures = fate(persona, parse_policy(RECOMMENDED)).split("; ")
    if stops_on is None:
        return futures[0]
    return next(words for when, _, words in (each.partition(": ") for each in futures) if when.endswith(f" {stops_on}"))


def _mirrored(item: dict[str, Any]) -> dict[str, Any]:
    observed = datetime.fromisoformat(item["observed_at"])
    ahead = 2 * (NOW.date() - observed.date())
    times = {key: datetime.fromisoformat(item[key]) + ahead for key in ("observed_at", "observed_until") if key in item}
    return item | {"id": f"{item['id']}-again"} | {key: at.isoformat() for key, at in times.items()}


def _ends(item: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(item.get("observed_until", item["observed_at"]))


def _goes_on(item: dict[str, Any], stops_on: int | None) -> bool:
    return stops_on is None or _ends(item) <= NOW + stops_on * DAY


def _send(detector: Client, items: list[dict[str, Any]]) -> None:
    for start in range(0, len(items), 1000):
        assert intake.record(detector, items[start : start + 1000], now=clock.now()).accepted
    assessment.assess(now=clock.now())


def _live(detector: Client, coming: list[dict[str, Any]], officer: User) -> None:
    """Somebody looks when the day's evidence is in, and in the first weeks also after noon, when deadlines come.

    A little later each day, since a deadline of thirty days is told rounded up to the minute.
    """
    answer_mail()
    for day in range(UNTIL):
        evening = timedelta(hours=5, minutes=5 + day)
        for after in (timedelta(minutes=2), evening) if day <= 20 else (evening,):
            clock.move_to(NOW + day * DAY + after)
            _send(detector, [each for each in coming if _ends(each) <= clock.now()])
            coming = [each for each in coming if _ends(each) > clock.now()]
            sweep.sweep(now=clock.now())
            for held in Decision.objects.filter(status=Decision.Status.HELD):
                review.approve(decision_id=held.pk, reason="So be it.", by=officer, now=clock.now())
            answer_mail()


def _told(name: str) -> Iterator[str]:
    """The life of the case in the words of the page."""
    case = Case.objects.get(account__external_id=name)
    happened: list[tuple[datetime, str]] = []
    for decision in case.decisions.exclude(step="warn"):
        day = f"day {(decision.decided_at - NOW) // DAY}"
        step = "closed as cured"
        if (taken := Step(decision.step)) in TAKEN:
            step = f"{HELD[taken]} waits for a person" if decision.people else TAKEN[taken]
        happened.append((decision.decided_at, f"{day} {step}"))
    announced = case.memos.filter(kind=Memo.Kind.REMINDER).values_list("decision", flat=True).distinct()
    for decision_id in announced:
        moments = case.memos.filter(decision=decision_id, before_due__isnull=False).values_list("created_at", flat=True)
        days = sorted((at - NOW) // DAY for at in moments)
        happened.append((min(moments), f"reminded on day {' and '.join(map(str, days))}"))
    yield from (words for _, words in sorted(happened))
