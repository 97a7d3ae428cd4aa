"""What happened to a case, in the order in which it happened."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils.html import format_html

from enforcement.admin.case_file import CaseFile
from enforcement.admin.display import moment, person
from enforcement.models import Appeal, Case, Decision, Memo

Event = tuple[datetime, str, Any, Any]


def events_of(file: CaseFile) -> list[Event]:
    """When, what, who and in which words, oldest first."""
    of_the_clock = [*_stopped(file), *_extended(file)]
    events = [*_opened(file.case), *_decided(file), *_written(file), *of_the_clock, *_appealed(file), *_gags(file)]
    return sorted(events, key=lambda event: event[0])


def _opened(case: Case) -> Iterator[Event]:
    yield case.opened_at, "case opened", person(None), f"Rule {case.rule}."


def _decided(file: CaseFile) -> Iterator[Event]:
    for each in file.decisions:
        if each.status == Decision.Status.APPLIED and each.settled_at == each.decided_at:
            yield each.decided_at, each.step, person(each.proposed_by), each.reason
        else:
            yield each.decided_at, f"{each.step}: proposed", person(each.proposed_by), each.reason
            if each.settled_at:
                who = person(each.refused_by or each.seconded_by or each.approved_by)
                yield each.settled_at, f"{each.step}: {each.status}", who, each.refused_because or each.agreed_because


def _written(file: CaseFile) -> Iterator[Event]:
    for memo in file.memos:
        yield from _memo(memo)


def _memo(memo: Memo) -> Iterator[Event]:
    if memo.rendered_at:
        yield memo.rendered_at, f"memo written: {memo.kind}", person(None), memo.subject
    if memo.cancelled_at:
        yield memo.cancelled_at, f"memo withdrawn: {memo.kind}", person(None), ""
    for copy in memo.copies.all():
        if copy.message.accepted_at:
            yield copy.message.accepted_at, f"memo accepted: {memo.kind}", copy.message.recipient, copy.message.reply
        if copy.message.bounced_at:
            yield copy.message.bounced_at, f"memo came back: {memo.kind}", copy.message.recipient, copy.message.reply


def _stopped(file: CaseFile) -> Iterator[Event]:
    for each in file.stops:
        yield each.started_at, f"clock stopped: {each.kind}", each.started_by and person(each.started_by), each.reason
        if each.ended_at:
            who = [person(each.end_proposed_by), person(each.end_approved_by)] if each.end_approved_by else ""
            yield each.ended_at, f"stop ended: {each.kind}", who, each.end_because


def _extended(file: CaseFile) -> Iterator[Event]:
    for each in file.extensions:
        what = format_html("deadline moved from {} to {}", moment(each.old_due_at), moment(each.due_at))
        yield each.extended_at, what, person(each.extended_by), each.reason


def _gags(file: CaseFile) -> Iterator[Event]:
    for each in file.decisions:
        if hasattr(each, "gag_end"):
            yield each.gag_end.ended_at, f"{each.step}: gag ended", person(each.gag_end.ended_by), each.gag_end.reason


def _appealed(file: CaseFile) -> Iterator[Event]:
    for each in file.appeals:
        yield from _appeal(each)


def _appeal(appeal: Appeal) -> Iterator[Event]:
    yield appeal.filed_at, "appeal filed", "the account", appeal.statement
    if appeal.escalated_at:
        yield appeal.escalated_at, "appeal overdue", person(None), ""
    if appeal.decided_at:
        yield appeal.decided_at, f"appeal {appeal.status}", person(appeal.decided_by), appeal.reason
