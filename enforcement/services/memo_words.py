"""What a memo tells: the facts of its decision and the dates that follow. The sentences stand in templates/memos/."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from enforcement.models import Case, Decision, Memo
from enforcement.rules.capabilities import CAPABILITIES, FINISH_WITHIN
from enforcement.rules.policy import Policy
from enforcement.rules.transitions import State
from enforcement.services.territory_names import territory_name
from enforcement.services.wording import (
    day,
    days,
    enumeration,
    is_spoken,
    language_of,
    moment,
    number,
    percent,
    visible,
)

MAX_ROWS = 12

_NETWORKS = {
    "en": {
        "residential": "residential", "mobile": "mobile", "business": "business", "hosting": "hosting", "edge": "edge",
        "vpn": "VPN", "tor": "Tor", "cgnat": "shared address", "unknown": "unknown network",
    },
    "zh-Hans": {
        "residential": "住宅", "mobile": "移动网络", "business": "企业", "hosting": "机房", "edge": "边缘节点",
        "vpn": "VPN", "tor": "Tor", "cgnat": "共享地址", "unknown": "未知网络",
    },
}  # fmt: skip
# What a case without traffic rests on; a kind that is not named here stands for itself.
_KINDS = {
    "en": {
        "billing_country": "billing country", "declared_country": "declared country", "login_geolocation": "sign-ins",
        "ownership": "ownership", "sim_country": "SIM country", "timezone": "time zone",
    },
    "zh-Hans": {
        "billing_country": "账单国家或地区", "declared_country": "填报的国家或地区", "login_geolocation": "登录位置",
        "ownership": "所有权", "sim_country": "SIM 卡国家或地区", "timezone": "时区",
    },
}  # fmt: skip
_STATE_AFTER = {"restrict_territory": State.RESTRICTED, "suspend": State.SUSPENDED, "block": State.BLOCKED}


def render(memo: Memo, *, due_at: datetime | None, appealed: bool = False, now: datetime) -> Mapping[str, str]:
    """Language, subject, text and HTML of a memo (`case`, its `account` and `policy`, and `decision` loaded).

    `due_at` is the deadline to tell, if the state has one; `appealed` says that an appeal has stopped its clock before.
    """
    language = language_of(memo.case.account.language)
    words = {**_words(memo, language, now), **_dates(memo.case, due_at, language), "appealed": appealed}
    subject = render_to_string(f"memos/{memo.kind}/{language}.subject.txt", words)
    words["subject"] = " ".join(subject.split())
    text = render_to_string(f"memos/{memo.kind}/{language}.txt", words)
    return {
        "language": language,
        "subject": words["subject"],
        "text": re.sub(r"\n{3,}", "\n\n", text).strip() + "\n",
        "html": render_to_string(f"memos/{memo.kind}/{language}.html", words | _marked_up(words)),
    }


def _marked_up(words: Mapping[str, Any]) -> dict[str, SafeString]:
    """What stands out in HTML; the sentences are the same files for both."""
    links = {
        name: format_html('<a href="{0}">{0}</a>', words[name]) for name in ("page_url", "policy_url") if words[name]
    }
    return links | ({"due": format_html("<strong>{}</strong>", words["due"])} if words["due"] else {})


def _words(memo: Memo, language: str, now: datetime) -> dict[str, Any]:
    case, decision, policy = memo.case, memo.decision, memo.case.policy.rules
    # The window runs from the acceptance of the memo that announced the step: for all but a reminder still to come.
    window_from = (case.accepted_at if memo.kind == Memo.Kind.REMINDER else None) or now
    return {
        **_facts(decision.facts, language),
        **_decided(decision),
        "language": language,
        "wanted_language": "" if is_spoken(case.account.language) else visible(case.account.language),
        "org_name": visible(case.account.name) or case.account.external_id,
        "case": case.reference,
        "state": case.state,
        "since": moment(decision.settled_at or now, language),
        "ended": moment(case.closed_at, language) if case.closed_at else "",
        "keys": enumeration(map(visible, decision.credentials), language),
        "policy_name": policy.name,
        "policy_url": policy.reference_url,
        "cure": _cure(policy),
        "quiet_days": days(policy.ladder.cure.quiet) if policy.ladder.cure else "",
        "decide_days": days(policy.appeals.decide_within),
        "appeal_until": moment((window_from + policy.appeals.window).replace(second=0, microsecond=0), language),
        "page_url": f"{settings.PUBLIC_URL}/appeal?case={case.reference}",
        "works": _capabilities(State(case.state)),
        "provider": settings.PROVIDER_NAME,
        "team": settings.PROVIDER_TEAM,
        "legal_line": settings.PROVIDER_LEGAL_LINE,
    }


def _decided(decision: Decision) -> dict[str, Any]:
    automatic = decision.proposed_by_id is None
    return {
        "step_taken": decision.step,
        "automatic": automatic and decision.approved_by_id is None,
        # What the automation gives as its reason is told by the sentences of the memo, in the account's language.
        "persons_reason": "" if automatic else visible(decision.reason),
        "continued": automatic and decision.from_state == State.WARNED,
        "legal_basis": visible(decision.legal_basis),
        "gagged": decision.gagged,
        "was_restricted": decision.from_state in (State.RESTRICTED, State.SUSPENDED, State.BLOCKED),
    }


def _dates(case: Case, due_at: datetime | None, language: str) -> dict[str, Any]:
    """The deadline and what follows it, if anything does."""
    if due_at is None:
        return {"due": "", "step": ""}
    zone, step = case.account.timezone, next_step(case)
    in_utc, local = moment(due_at, language), moment(due_at, language, zone)
    return {
        "due": in_utc,
        "due_local": local if local != in_utc else "",
        "due_day": day(due_at, language, zone),
        "step": step,
        "then": _capabilities(_STATE_AFTER[step]),
    }


def next_step(case: Case) -> str:
    """What the policy says comes after the present state; "" where nothing does."""
    ladder = case.policy.rules.ladder
    if case.state == State.WARNED:
        return ladder.deadline.step
    later = {State.RESTRICTED.value: ladder.restriction, State.SUSPENDED.value: ladder.suspension}.get(case.state)
    return later.step if later else ""


def _cure(policy: Policy) -> str:
    """How the account ends the case itself: whether quiet may begin until the deadline, or must be over by then."""
    if policy.ladder.cure is None:
        return "none"
    return "until_due" if policy.ladder.cure.extend else "before_due"


def _capabilities(state: State) -> dict[str, Any]:
    able = CAPABILITIES[state]
    return {
        "requests": able.requests.value,
        "jobs": able.jobs.value,
        "finish_hours": f"{FINISH_WITHIN / timedelta(hours=1):g}",
        "results_days": days(able.results) if able.results else "",
        "self_service_days": days(able.self_service) if able.self_service else "",
        "top_up": able.top_up,
        "credit": able.credit.value,
    }


def _facts(facts: Mapping[str, Any], language: str) -> dict[str, Any]:
    rows = facts.get("rows", [])
    return {
        "requests": number(facts.get("unsupported_requests", 0)),
        "share": percent(facts.get("share", "0")),
        "territories": enumeration(
            (territory_name(code, language) for code, _ in facts.get("territories", [])), language
        ),
        "kinds": enumeration((_KINDS[language].get(kind, kind) for kind in facts.get("kinds", [])), language),
        "first_seen": _seen(facts.get("first_seen"), language),
        "last_seen": _seen(facts.get("last_seen"), language),
        "rows": [_row(row, language) for row in rows[:MAX_ROWS]],
        "more_rows": number(len(rows) - MAX_ROWS) if len(rows) > MAX_ROWS else "",
    }


def _row(row: Mapping[str, Any], language: str) -> dict[str, str]:
    return {
        "credential": visible(row["credential"]),
        "territory": territory_name(row["territory"], language),
        "network": _NETWORKS[language].get(row["network_class"], row["network_class"]),
        "requests": number(row["requests"]),
        "days": number(row["days"]),
    }


def _seen(text: str | None, language: str) -> str:
    return day(datetime.fromisoformat(text).astimezone(UTC), language) if text else ""
