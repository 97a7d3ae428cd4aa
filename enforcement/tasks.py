"""Celery's doors. A task carries no decision: it says "look now", and the rows say what is due.

Arguments are keyword-only and unknown ones are swallowed, since two versions run during every deploy. What a task
answers with is for the log: there is no result backend.
"""

from typing import Any

from celery import shared_task

from enforcement.services import alarm, assessment, clock, mail
from enforcement.services import figures as home_page
from enforcement.services import sweep as deadlines

# Well inside the task's time limit; what is left over is found at the next tick.
TIME_BOX = 20.0


@shared_task
def assess(**_: object) -> dict[str, Any]:
    return assessment.assess(now=clock.now(), time_box=TIME_BOX).as_dict()


@shared_task
def sweep(**_: object) -> dict[str, Any]:
    return {name: done.as_dict() for name, done in deadlines.sweep(now=clock.now(), time_box=TIME_BOX).items()}


@shared_task(time_limit=660, soft_time_limit=630)  # a mail server may take ten minutes over the final dot
def deliver(**_: object) -> dict[str, Any]:
    return mail.deliver(time_box=TIME_BOX)


@shared_task
def figures(**_: object) -> None:
    home_page.refresh(now=clock.now())


@shared_task
def check_invariants(**_: object) -> list[str]:
    return alarm.sound(now=clock.now())
