"""What the page of a case says: gathered in a fixed number of queries, however long the case is."""

from datetime import datetime
from typing import Any

from django.db.models import Prefetch
from django.utils.html import format_html, format_html_join

from enforcement.admin.display import in_words, label, link, moment, noun, person, shown
from enforcement.admin.facts import DECIDED, NOW, TOLD, facts_sections, points_of, score_of
from enforcement.admin.pages import Section, table_section
from enforcement.admin.timeline import events_of
from enforcement.models import Appeal, Case, Decision, Memo, MemoCopy
from enforcement.rules.transitions import Step


def load(case_id: int) -> Case:
    """The case with everything that hangs on it; the words of memos and messages stay where they are."""
    copies = MemoCopy.objects.select_related("message").defer("message__text", "message__html").order_by("pk")
    decisions = Decision.objects.select_related("proposed_by", "approved_by", "seconded_by", "refused_by")
    memos = Memo.objects.defer("text", "html").prefetch_related(Prefetch("copies", copies))
    return (
        Case.objects.select_related("account__score", "policy")
        .prefetch_related(
            "account__contacts",
            Prefetch("decisions", decisions.order_by("pk")),
            Prefetch("memos", memos.order_by("pk")),
            "stops",
            "restrictions",
            "appeals__decided_by",
            "appeals__decision",
        )
        .get(pk=case_id)
    )


def facts_of(case: Case) -> tuple[dict[str, Any], str]:
    """The facts that a step would rest on, and as of when: of what is held, else as told, else as known now."""
    decisions = list(case.decisions.all())
    for decision in decisions:
        if decision.status == Decision.Status.HELD:
            return decision.facts, DECIDED
    for decision in decisions:
        if decision.step == Step.WARN and decision.status == Decision.Status.APPLIED:
            return decision.facts, TOLD
    score = score_of(case.account)
    return (score.facts if score else {}), NOW


def case_sections(case: Case, *, now: datetime) -> list[Section]:
    """The whole page: what has to be settled, why, and what happened."""
    facts, seen = facts_of(case)
    return [
        _state(case, now),
        _account(case),
        *_waiting(case),
        *facts_sections(facts, seen),
        _decisions(case),
        _memos(case),
        _restrictions(case),
        _appeals(case),
        _timeline(case),
    ]


def _state(case: Case, now: datetime) -> Section:
    stops = [each for each in case.stops.all() if each.ended_at is None]
    return Section(
        "Case",
        pairs=[
            ("State", label(case.state)),
            *([("Outcome", label(case.outcome))] if case.outcome else []),
            ("Rule", case.rule),
            ("Points now", points_of(case.account)),
            ("Policy", link(case.policy)),
            ("Opened", case.opened_at),
            ("Memo accepted", case.accepted_at),
            ("Due", case.due_at),
            *_due(case, now, stopped=bool(stops)),
            *(("Stopped", _stop(each)) for each in stops),
            *([("Closed", case.closed_at)] if case.closed_at else []),
            ("Version", case.version),
        ],
        aside=True,
    )


def _due(case: Case, now: datetime, *, stopped: bool) -> list[tuple[str, Any]]:
    if case.due_at is None:
        return []
    pairs: list[tuple[str, Any]] = [("Due, for the account", moment(case.due_at, case.account.timezone))]
    if stopped:
        return [*pairs, ("Left when it stopped", case.remaining)]
    return [*pairs, ("That is", in_words(case.due_at, now))]


def _stop(stop: Any) -> Any:
    return format_html("{} {} <br>since {}", label(stop.kind, "primary"), shown(stop.reason), moment(stop.started_at))


def _account(case: Case) -> Section:
    account = case.account
    contacts = [(each.get_role_display(), each.email) for each in account.contacts.all()]
    return Section(
        "Account",
        pairs=[
            ("Name", link(account, account.name or account.external_id)),
            ("Id", account.external_id),
            ("Kind", account.get_kind_display()),
            ("Protected", account.protected),
            ("Home country", account.home_country),
            ("Language", account.language),
            ("Timezone", account.timezone),
            *(contacts or [("Contacts", "none: nobody can be warned")]),
        ],
        aside=True,
    )


def _waiting(case: Case) -> list[Section]:
    """What somebody has to settle, before all else."""
    held = [each for each in case.decisions.all() if each.status == Decision.Status.HELD]
    disputed = [each for each in case.appeals.all() if each.status == Appeal.Status.OPEN]
    return [*map(_held, held), *map(_disputed, disputed)]


def _held(decision: Decision) -> Section:
    pairs: list[tuple[str, Any]] = [
        ("Reason", decision.reason),
        ("People", _people(decision)),
        ("Since", decision.decided_at),
    ]
    if decision.credentials:
        pairs.insert(1, ("Keys", decision.credentials))
    return Section(f"Held until enough people agree: the {noun(decision.step)}", pairs=pairs)


def _disputed(appeal: Appeal) -> Section:
    pairs = [("What the account says", appeal.statement), ("Filed", appeal.filed_at)]
    return Section(f"Appeal against the {noun(appeal.decision.step)}", pairs=pairs)


def _decisions(case: Case) -> Section:
    rows = [
        (_name(each), _words(each), _people(each), each.settled_at or each.decided_at) for each in case.decisions.all()
    ]
    return table_section("Decisions", ("Decision", "Reason", "People", "When"), rows, none="None yet.")


def _name(decision: Decision) -> Any:
    return format_html("{} {} {}", link(decision, f"#{decision.pk}"), label(decision.step), label(decision.status))


def _words(decision: Decision) -> Any:
    """The reason, and what those who agreed or refused added to it."""
    more = (("Agreed:", decision.agreed_because), ("Refused:", decision.refused_because))
    added = format_html_join("", "<br><b>{}</b> {}", ((word, shown(words)) for word, words in more if words))
    return format_html("{}{}", shown(decision.reason), added)


def _people(decision: Decision) -> Any:
    """Who put their names to it, and how many it takes."""
    names = [decision.proposed_by, *(each for each in (decision.approved_by, decision.seconded_by) if each)]
    who = shown([person(each) for each in names])
    if not decision.people:
        return who
    return format_html('{}<br><span class="ae-quiet">{} needed</span>', who, decision.people)


def _memos(case: Case) -> Section:
    rows = [(_memo(each), each.subject, _delivery(each)) for each in case.memos.all()]
    return table_section("Memos", ("Memo", "Subject", "Delivery"), rows, none="Nothing was sent.")


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
        label(message.state),
        shown(message.recipient),
        copy.role,
        moment(message.accepted_at) if message.accepted_at else "",
        shown(message.reply) if message.reply else "",
    )


def _restrictions(case: Case) -> Section:
    rows = [
        (each.scope.replace("_", " "), each.value, each.reason_code, each.since, each.lifted_at)
        for each in case.restrictions.all()
    ]
    headers = ("Scope", "Key", "Code at the gateway", "Since", "Lifted")
    return table_section("Restrictions", headers, rows, none="Nothing is refused.")


def _appeals(case: Case) -> Section:
    rows = [
        (
            format_html("{} {}", link(each, f"against the {noun(each.decision.step)}"), label(each.status)),
            each.statement,
            _answer(each),
            each.filed_at,
        )
        for each in case.appeals.all()
    ]
    return table_section("Appeals", ("Appeal", "What the account says", "Answer", "Filed"), rows, none="None.")


def _answer(appeal: Appeal) -> Any:
    if appeal.decided_at is None:
        return None
    return format_html('{}<br><span class="ae-quiet">{}</span>', shown(appeal.reason), person(appeal.decided_by))


def _timeline(case: Case) -> Section:
    return table_section("Timeline", ("When", "What", "Who", "Words"), events_of(case), none="Nothing.")
