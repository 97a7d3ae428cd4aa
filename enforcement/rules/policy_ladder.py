"""Reading the sections of a policy document that say what follows: `ladder`, `appeals`, `safety`."""

from datetime import timedelta
from typing import Literal

from enforcement.rules import policy_fields as fields
from enforcement.rules.durations import format_duration
from enforcement.rules.policy_fields import Section
from enforcement.rules.policy_parts import Appeals, Cure, DeadlineStep, Ladder, LaterStep, Safety, Warn

_STAND_IN = timedelta.max  # for a duration in a document that is refused anyway; no reminder is longer


def read_ladder(section: Section) -> Ladder:
    return Ladder(
        warn=_read_warn(section),
        deadline=_read_deadline(section),
        restriction=_read_later_step(section, "restriction", "suspend"),
        suspension=_read_later_step(section, "suspension", "block"),
        cure=_read_cure(section),
        persons=section.optional("persons", fields.automation, "held"),
    )


def _read_warn(section: Section) -> Warn:
    with section.section("warn", required=True) as rung:
        notice = rung.required("notice", fields.duration, _STAND_IN)
        return Warn(
            automation=rung.required("automation", fields.automation, "held"),
            notice=notice,
            reminders=_read_reminders(rung, notice, "notice"),
        )


def _read_deadline(section: Section) -> DeadlineStep:
    with section.section("deadline", required=True) as rung:
        with rung.section("needs_new") as needs_new:
            requests = needs_new.optional("requests", fields.whole_number(least=0), 1)
        return DeadlineStep(
            step=rung.required("step", fields.choice("restrict_territory", "suspend", "block"), "suspend"),
            automation=rung.required("automation", fields.automation, "held"),
            needs_new_requests=requests,
        )


def _read_later_step(section: Section, name: str, step: Literal["suspend", "block"]) -> LaterStep | None:
    """The transitions know only one `step` from here; the document repeats it so that people can read it."""
    with section.nullable_section(name) as rung:
        if rung is None:
            return None
        after = rung.required("after", fields.duration, _STAND_IN)
        return LaterStep(
            step=rung.required("step", fields.choice(step), step),
            after=after,
            automation=rung.required("automation", fields.automation, "held"),
            reminders=_read_reminders(rung, after, "after"),
        )


def _read_cure(section: Section) -> Cure | None:
    with section.nullable_section("cure") as terms:
        if terms is None:
            return None
        return Cure(
            quiet=terms.required("quiet", fields.duration, _STAND_IN),
            extend=terms.optional("extend", fields.flag, True),
        )


def _read_reminders(rung: Section, whole: timedelta, named: str) -> tuple[timedelta, ...]:
    """How long before the deadline to remind, the longest first; each within the time that runs."""
    found = set()
    for i, reminder in rung.list_of("reminders", fields.duration):
        if reminder >= whole:
            rung.refuse(f"reminders[{i}]", f"must be shorter than the {named} of {format_duration(whole)}")
        if reminder in found:
            rung.refuse(f"reminders[{i}]", f"{format_duration(reminder)} stands there already")
        found.add(reminder)
    return tuple(sorted(found, reverse=True))


def read_appeals(section: Section) -> Appeals:
    usual = Appeals()
    return Appeals(
        window=section.optional("window", fields.duration, usual.window),
        minimum_remaining=section.optional("minimum_remaining", fields.duration_or_nothing, usual.minimum_remaining),
        decide_within=section.optional("decide_within", fields.duration, usual.decide_within),
        on_overdue=section.optional("on_overdue", fields.choice("narrow", "escalate"), usual.on_overdue),
    )


def read_safety(section: Section) -> Safety:
    usual = Safety()
    return Safety(
        max_steps_per_hour=section.optional(
            "max_steps_per_hour", fields.whole_number(least=0), usual.max_steps_per_hour
        ),
        max_share_of_accounts=section.optional(
            "max_share_of_accounts", fields.number(least=0, most=1), usual.max_share_of_accounts
        ),
    )
