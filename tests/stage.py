"""What tests of a case's life do again and again: evidence in, mail accepted, time passes."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from enforcement.models import Account, Case, Client, Decision
from enforcement.services import assessment, clock, intake, memos, sweep
from notifications.models import Message

_ids = count()
DAY = timedelta(days=1)


def sighting(account: Account, observed_at: datetime, country: str = "CN", **fields: Any) -> dict[str, Any]:
    """An item of evidence as a detector writes it."""
    return {
        "id": f"stage-{next(_ids)}",
        "account": account.external_id,
        "kind": "ip_geolocation",
        "country": country,
        "network_class": "residential",
        "requests": 10,
        "observed_at": observed_at.isoformat(),
    } | fields


def see(detector: Client, *items: dict[str, Any]) -> None:
    """Evidence comes in and is assessed."""
    receipt = intake.record(detector, list(items), now=clock.now())
    assert receipt.accepted == len(items), receipt
    assessment.assess(now=clock.now())


def answer_mail(state: str = Message.State.ACCEPTED, reply: str = "250 ok") -> datetime:
    """Every memo that waits is rendered, and a mail server answers every message; the moment of that answer."""
    memos.render(now=clock.now())
    answered = clock.now()
    accepted_at = answered if state == Message.State.ACCEPTED else None
    Message.objects.filter(state=Message.State.QUEUED).update(
        state=state, accepted_at=accepted_at, next_attempt_at=None, reply=reply
    )
    return answered


def pass_time(by: timedelta) -> datetime:
    """The test clock moves, and the sweeper looks."""
    now = clock.advance(by)
    sweep.sweep(now=now)
    return now


def move_to(moment: datetime) -> datetime:
    now = clock.move_to(moment)
    sweep.sweep(now=now)
    return now


def the_case(account: Account) -> Case:
    return Case.objects.get(account=account)


def steps(account: Account) -> list[tuple[str, str]]:
    """What was decided on the account, in order: step and status."""
    decided = Decision.objects.filter(case__account=account).order_by("pk")
    return list(decided.values_list("step", "status"))


def warned(account: Account, detector: Client) -> Case:
    """An account that was warned yesterday and whose notice is running."""
    see(detector, sighting(account, clock.now() - timedelta(hours=1)))
    answer_mail()
    sweep.sweep(now=clock.now())
    case = the_case(account)
    assert case.state == "warned"
    assert case.due_at is not None
    return case


def suspended(account: Account, detector: Client) -> Case:
    """An account that did not stop, after its deadline."""
    case = warned(account, detector)
    assert case.due_at is not None
    clock.move_to(case.due_at + timedelta(minutes=1))
    see(detector, sighting(account, clock.now()))
    sweep.sweep(now=clock.now())
    case.refresh_from_db()
    assert case.state == "suspended"
    return case
