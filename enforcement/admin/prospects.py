"""What comes next on a case and when, and what each step by hand would do."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils.html import format_html

from enforcement.admin.buttons import steps_by_hand
from enforcement.admin.case_file import CaseFile
from enforcement.admin.consequences import (
    APPEAL_ALONE,
    REFUSED_ALONE,
    Consequences,
    answering,
    approving,
    consequences_of,
    people_left,
    refusing,
    who_agrees,
)
from enforcement.admin.display import duration, in_words, moment, noun, person, shown
from enforcement.admin.facts import score_of
from enforcement.admin.pages import Section, given, table_section
from enforcement.models import Case, Stop
from enforcement.rules.decisions import AtDeadline, Proposal, at_deadline, later_step, rung_of
from enforcement.rules.policy import SANCTIONED
from enforcement.rules.transitions import State, find_transition
from enforcement.services.explanations import Explanation
from enforcement.services.manners import manners_by_account

_NOBODY_TOLD = "Nothing happens by itself that the account would hear of. A person warns it, or dismisses the case."
_SILENT_END = "The case closes by itself, and silently, once no rule holds any more."
_NOT_BEGUN = "The notice has not begun: no mail server has accepted the memo yet. The clock starts when one does."


# -- what comes next ---------------------------------------------------------------------------------------------


def next_section(file: CaseFile, found: Explanation, *, now: datetime) -> Section:
    case = file.case
    return Section(
        "What comes next",
        pairs=given(
            ("Next", _next(file, found, now)),
            ("Unless", _unless(case, found)),
            *_clock(file, now),
            *((f"Stopped: {each.kind}", _stop(each)) for each in file.standing_stops),
        ),
        part="admin/enforcement/notice.html" if _runs(file, now) else "",
        content=_progress(case, now),
    )


def _next(file: CaseFile, found: Explanation, now: datetime) -> str:
    case = file.case
    if case.state == State.CLOSED:
        return f"Nothing: the case is over ({case.outcome})."
    if case.state == State.OPEN:
        return f"{_NOBODY_TOLD} {_SILENT_END}"
    proposal = None if file.is_without_notice else _proposal(case, found)
    if proposal is None:
        return "Nothing follows by itself. Only a decision changes this."
    if case.due_at is None:
        return f"{_NOT_BEGUN} Then: {_step(case, proposal)}"
    if case.due_at <= now and not file.standing_stops:
        return f"The deadline has passed; the next look decides. {_step(case, proposal)}"
    return _step(case, proposal)


def _proposal(case: Case, found: Explanation) -> Proposal | None:
    """What the rules themselves would propose at the deadline if the traffic went on."""
    policy, manners = case.policy.rules, manners_by_account([case.account])[case.account_id]
    due = case.due_at or found.at
    if case.state != State.WARNED:
        is_followed = rung_of(State(case.state), policy) is not None
        return later_step(State(case.state), policy, manners, case.rule) if is_followed else None
    verdict = at_deadline(
        AtDeadline(
            due_at=due,
            rule_holds=True,
            sanctioned=_is_sanctioned(case, found),
            new_requests=policy.ladder.deadline.needs_new_requests,
            last_counting_at=due,
            manners=manners,
            rule=case.rule,
        ),
        policy,
        due,
    )
    return verdict if isinstance(verdict, Proposal) else None


def _is_sanctioned(case: Case, found: Explanation) -> bool:
    """Where there is too much to score on a page, as the last assessment said."""
    if found.score:
        return found.score.sanctioned
    stored = score_of(case.account)
    return stored is not None and stored.rule == SANCTIONED


def _step(case: Case, proposal: Proposal) -> str:
    target = find_transition(State(case.state), proposal.step).target
    if not proposal.people:
        return f"The {noun(proposal.step)}, by the automation: the account is {target} then."
    people = "one person agrees" if proposal.people == 1 else f"{proposal.people} people agree"
    return f"The {noun(proposal.step)}, proposed by the automation and held until {people}."


def _unless(case: Case, found: Explanation) -> str:
    """What closes a warned case instead."""
    if case.state != State.WARNED:
        return ""
    policy = case.policy.rules
    new = policy.ladder.deadline.needs_new_requests
    requests = "no new request" if new == 1 else f"fewer than {new:,} new requests"
    ways = [f"No rule holds any more, or {requests} from an unsupported territory came after the memo was accepted"]
    last, cure = found.score.last_counting_at if found.score else None, policy.ladder.cure
    if cure and (last or not found.score):
        seen = f": it was last seen {last:%Y-%m-%d %H:%M} UTC" if last else ""
        ways.append(f"the traffic stays away for {duration(cure.quiet)}{seen}")
    return f"{'; or '.join(ways)}. Then the case closes as cured."


def _clock(file: CaseFile, now: datetime) -> list[tuple[str, Any]]:
    case = file.case
    if case.due_at is None or case.state == State.CLOSED:
        return []
    stopped = bool(file.standing_stops)
    away = shown("the clock is stopped") if stopped else shown(in_words(case.due_at, now))
    rung = rung_of(State(case.state), case.policy.rules)
    reminders = [case.due_at - each for each in rung.reminders if case.due_at - each > now] if rung else []
    return [
        ("When", format_html('{} <span class="ae-quiet">({})</span>', moment(case.due_at), away)),
        ("For the account", moment(case.due_at, case.account.timezone)),
        ("Left when it stopped", case.remaining if stopped else None),
        ("Reminders", None if stopped else reminders),
    ]


def _stop(stop: Stop) -> Any:
    until = format_html(" until {}", moment(stop.until)) if stop.until else ""
    proposed = format_html("; {} proposes to end it", person(stop.end_proposed_by)) if stop.end_proposed_by else ""
    what = '{} <span class="ae-quiet">since {}{}{}</span>'
    return format_html(what, shown(stop.reason), moment(stop.started_at), until, proposed)


def _runs(file: CaseFile, now: datetime) -> bool:
    case = file.case
    return bool(case.accepted_at and case.due_at and case.due_at > now and not file.standing_stops)


def _progress(case: Case, now: datetime) -> dict[str, Any]:
    """How much of the notice has run."""
    if case.accepted_at is None or case.due_at is None:
        return {}
    return {
        "whole": int((case.due_at - case.accepted_at).total_seconds()),
        "gone": int((now - case.accepted_at).total_seconds()),
        "accepted": moment(case.accepted_at),
        "due": moment(case.due_at),
    }


# -- what each button would do -----------------------------------------------------------------------------------


def buttons_section(file: CaseFile, *, now: datetime) -> Section:
    rows = [*_settling(file, now), *_answering(file, now), *_stepping(file, now)]
    headers = ("Step", "Who decides", "What the account can do then", "What is said", "The clock")
    return table_section("What each step would do", headers, rows, none="No step is left to take.")


def _settling(file: CaseFile, now: datetime) -> Iterator[tuple[Any, ...]]:
    for each in file.held:
        name = noun(each.step)
        yield f"Approve the {name}", people_left(each), *_effects(approving(file, each, now=now))
        yield f"Refuse the {name}", REFUSED_ALONE, *_effects(refusing(file))


def _answering(file: CaseFile, now: datetime) -> Iterator[tuple[Any, ...]]:
    for each in file.disputed:
        name = noun(each.decision.step)
        for word, overturn in (("Uphold", False), ("Overturn", True)):
            found = answering(file, overturn=overturn, now=now)
            yield f"{word} the {name}", APPEAL_ALONE, *_effects(found)


def _stepping(file: CaseFile, now: datetime) -> Iterator[tuple[Any, ...]]:
    for step in steps_by_hand(file):
        found = consequences_of(file, step, now=now)
        yield step.capitalize(), who_agrees(file.case, step), *_effects(found)


def _effects(found: Consequences) -> tuple[Any, ...]:
    early = format_html('<p class="ae-warn">{}</p>', found.early) if found.early else ""
    return " ".join((found.gateway, *found.account)), found.memo, format_html("{}{}", shown(found.clock), early)
