"""What the page of a case says, in the order in which somebody who has to decide asks."""

from datetime import datetime
from typing import Any

from django.utils.html import format_html, format_html_join

from enforcement.admin.answers import standing_of, who_may_decide
from enforcement.admin.bounces import delivery_of
from enforcement.admin.case_file import CaseFile
from enforcement.admin.display import label, link, moment, noun, person, shown
from enforcement.admin.facts import DECIDED, NOW, TOLD, numbers_section, score_of, table_of, told_sections
from enforcement.admin.heat import heat_section
from enforcement.admin.known import last_known, stored_sections
from enforcement.admin.pages import Section, given, table_section, wide
from enforcement.admin.prospects import buttons_section, next_section
from enforcement.admin.timeline import events_of
from enforcement.admin.why import rules_section, why_sections
from enforcement.models import Appeal, Case, Decision, Memo, MemoCopy, PolicyVersion
from enforcement.rules.transitions import State, Step
from enforcement.services.explanations import explain
from enforcement.services.facts import facts_of as facts_of_score
from enforcement.services.queries import felt


def facts_of(file: CaseFile) -> tuple[dict[str, Any], str]:
    """The facts that a step would rest on, and as of when: of what is held, else as told, else as known now."""
    for decision in file.held:
        return decision.facts, DECIDED
    for decision in file.decisions:
        if decision.step == Step.WARN and decision.status == Decision.Status.APPLIED:
            return decision.facts, TOLD
    score = score_of(file.case.account)
    return (score.facts if score else {}), NOW


def case_sections(file: CaseFile, *, now: datetime) -> list[Section]:
    """The whole page: what has to be settled, why, where and when, what was said, what happened, what may follow."""
    case = file.case
    found = explain(case, _version(case), earlier_close=file.earlier_close, now=now)
    facts, seen = (facts_of_score(found.score, None), NOW) if found.score else last_known(file)
    return [
        _state(case),
        _account(file),
        numbers_section(facts | {"rule": case.rule}),
        *_waiting(file),
        next_section(file, found, now=now),
        *(why_sections(case.account, found, found.score) if found.score else stored_sections(file, found)),
        table_of(facts, seen),
        *_told(file),
        *wide(
            *([rules_section(found, found.score)] if found.score else []),
            heat_section(case.account, found),
            _memos(file),
            _decisions(file),
            *_restrictions(file),
            *_appeals(file),
            _timeline(file),
            buttons_section(file, now=now),
        ),
    ]


def _version(case: Case) -> PolicyVersion:
    """An open case follows the version that scored it last; from the warning on, the one that was told."""
    score = score_of(case.account)
    return score.policy if case.state == State.OPEN and score else case.policy


def _told(file: CaseFile) -> list[Section]:
    """What the account was told, or what somebody has to agree to, as it was then."""
    facts, seen = facts_of(file)
    return told_sections(facts, seen) if seen is not NOW else []


# -- beside ------------------------------------------------------------------------------------------------------


def _state(case: Case) -> Section:
    return Section(
        "Case",
        pairs=given(
            ("State", label(case.state)),
            ("Felt as", label(felt(case)) if case.narrowed_at else None),
            ("Narrowed since", case.narrowed_at),
            ("Outcome", label(case.outcome) if case.outcome else None),
            ("Opened by rule", case.rule),
            ("Points in the queue", f"{case.points:.2f}"),
            ("Policy", link(case.policy)),
            ("Opened", case.opened_at),
            ("Memo accepted", case.accepted_at),
            ("Due", case.due_at),
            ("Closed", case.closed_at),
            ("Version", case.version),
        ),
        aside=True,
    )


def _account(file: CaseFile) -> Section:
    account = file.case.account
    contacts = [(each.get_role_display(), each.email) for each in file.contacts]
    return Section(
        "Account and contacts",
        pairs=[
            ("Name", link(account, account.name or account.external_id)),
            ("Id", account.external_id),
            ("Kind", account.get_kind_display()),
            ("Plan", account.plan),
            ("Protected", account.protected),
            ("Home country", account.home_country),
            ("Language", account.language),
            ("Timezone", account.timezone),
            *given(("Notice by contract", account.min_notice)),
            *([("No automatic suspension", True)] if account.no_suspension else []),
            *(contacts or [("Contacts", "none: nobody can be warned")]),
        ],
        aside=True,
    )


# -- what has to be settled --------------------------------------------------------------------------------------


def _waiting(file: CaseFile) -> list[Section]:
    """What somebody has to settle, before all else."""
    return [*map(_held, file.held), *map(_disputed, file.disputed)]


def _held(decision: Decision) -> Section:
    pairs = given(
        ("Reason", decision.reason),
        ("Keys", decision.credentials),
        ("People", _people(decision)),
        ("Since", decision.decided_at),
    )
    return Section(f"Held until enough people agree: the {noun(decision.step)}", pairs=pairs)


def _disputed(appeal: Appeal) -> Section:
    pairs = given(
        ("What the account says", appeal.statement),
        ("Filed", appeal.filed_at),
        ("Decide before", appeal.decide_by),
        ("Overdue since", appeal.escalated_at),
        ("Who may decide", who_may_decide(appeal)),
    )
    return Section(f"Appeal against the {noun(appeal.decision.step)}", pairs=pairs)


# -- what was said and decided -----------------------------------------------------------------------------------


def _memos(file: CaseFile) -> Section:
    rows = [(_memo(each), each.subject, _delivery(each)) for each in file.memos]
    return table_section("What was said", ("Memo", "Subject", "Delivery"), rows, none="Nothing was sent.")


def _memo(memo: Memo) -> Any:
    return format_html('{} <span class="ae-quiet">{}</span>', link(memo, memo.kind), memo.language)


def _delivery(memo: Memo) -> Any:
    if memo.cancelled_at:
        return label("withdrawn", "")
    copies = format_html_join("", "<div>{}</div>", ((_copy(each),) for each in memo.copies.all()))
    return copies or "waits for its words"


def _copy(copy: MemoCopy) -> Any:
    """One contact's copy: how far it came, and the last words of the mail server."""
    message = copy.message
    return format_html(
        '{} {} <span class="ae-quiet">{}</span><br>{} {}',
        delivery_of(message),
        shown(message.recipient),
        copy.role,
        moment(message.accepted_at) if message.accepted_at else "",
        shown(message.reply) if message.reply else "",
    )


def _decisions(file: CaseFile) -> Section:
    rows = [(_name(each), _words(each), _people(each), each.settled_at or each.decided_at) for each in file.decisions]
    return table_section("What was decided", ("Decision", "Reason", "People", "When"), rows, none="Nothing yet.")


def _name(decision: Decision) -> Any:
    return format_html("{} {} {}", link(decision, f"#{decision.pk}"), label(decision.step), label(decision.status))


def _words(decision: Decision) -> Any:
    """The reason, on what a step without notice rests, and what those who agreed or refused added."""
    more = (
        ("Legal basis:", decision.legal_basis),
        ("Agreed:", decision.agreed_because),
        ("Refused:", decision.refused_because),
    )
    added = format_html_join("", "<br><b>{}</b> {}", ((word, shown(words)) for word, words in more if words))
    return format_html("{}{}", shown(decision.reason), added)


def _people(decision: Decision) -> Any:
    """Who put their names to it, and how many it takes."""
    names = [decision.proposed_by, *(each for each in (decision.approved_by, decision.seconded_by) if each)]
    who = shown([person(each) for each in names])
    if not decision.people:
        return who
    return format_html('{}<br><span class="ae-quiet">{} needed</span>', who, decision.people)


def _restrictions(file: CaseFile) -> list[Section]:
    rows = [
        (each.scope.replace("_", " "), each.value, each.reason_code, each.since, each.lifted_at)
        for each in file.restrictions
    ]
    headers = ("Scope", "Key", "Code at the gateway", "Since", "Lifted")
    return [table_section("What the gateway refuses", headers, rows, none="")] if rows else []


def _appeals(file: CaseFile) -> list[Section]:
    rows = [
        (
            format_html("{} {}", link(each, f"against the {noun(each.decision.step)}"), standing_of(each)),
            each.statement,
            _answer(each),
            each.filed_at,
        )
        for each in file.appeals
    ]
    headers = ("Appeal", "What the account says", "Answer", "Filed")
    return [table_section("Appeals", headers, rows, none="")] if rows else []


def _answer(appeal: Appeal) -> Any:
    if appeal.decided_at is None:
        return None
    return format_html('{}<br><span class="ae-quiet">{}</span>', shown(appeal.reason), person(appeal.decided_by))


def _timeline(file: CaseFile) -> Section:
    return table_section("What happened", ("When", "What", "Who", "Words"), events_of(file), none="Nothing.")
