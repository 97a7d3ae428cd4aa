"""The facts of a memo in the words of a language: names, numbers and dates. The sentences stand in templates/memos/."""

import gettext
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pycountry
from django.conf import settings
from django.template.loader import render_to_string

from enforcement.models import Case, Memo
from enforcement.rules.transitions import State

LANGUAGES = ("en", "zh-Hans")
MAX_ROWS = 12

# The account's choice, never inferred from an address. Traditional Chinese is not Simplified: it falls back to English.
_SPOKEN = {"zh": "zh-Hans", "zh-cn": "zh-Hans", "zh-sg": "zh-Hans", "zh-my": "zh-Hans", "zh-hans": "zh-Hans"}
_CATALOGUE = {"zh-Hans": "zh_CN"}
_LIST = {"en": (", ", " and "), "zh-Hans": ("、", "和")}
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
_NAMES = {each.alpha_2: getattr(each, "common_name", each.name) for each in pycountry.countries}
_NAMES |= {each.code: each.name for each in pycountry.subdivisions}
# Names from outside must not start a line, turn the direction of the text or hide in it.
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


def language_of(wanted: str) -> str:
    """The language that we write in to somebody who chose `wanted`; English where we do not have theirs."""
    tag = wanted.lower()
    if tag.startswith("zh-hans"):
        return "zh-Hans"
    return _SPOKEN.get(tag, "en")


def render(memo: Memo, *, due_at: datetime | None, now: datetime) -> Mapping[str, str]:
    """Subject, text and HTML of a memo (`case`, its `account` and `policy`, and `decision` loaded)."""
    language = language_of(memo.case.account.language)
    words = _words(memo, language, due_at, now)
    subject = render_to_string(f"memos/{memo.kind}/{language}.subject.txt", words)
    words["subject"] = " ".join(subject.split())
    text = render_to_string(f"memos/{memo.kind}/{language}.txt", words)
    return {
        "language": language,
        "subject": words["subject"],
        "text": re.sub(r"\n{3,}", "\n\n", text).strip() + "\n",
        "html": render_to_string(f"memos/{memo.kind}/{language}.html", words),
    }


def _words(memo: Memo, language: str, due_at: datetime | None, now: datetime) -> dict[str, Any]:
    case, decision = memo.case, memo.decision
    account, policy, facts = case.account, case.policy.rules, decision.facts
    wanted = account.language
    return {
        **_facts(facts, language),
        "language": language,
        "wanted_language": "" if _speaks(wanted, language) else visible(wanted),
        "org_name": visible(account.name) or account.external_id,
        "case": case.reference,
        "state": case.state,
        "since": moment(decision.settled_at or now, language),
        "due_date": day(_local(due_at, account.timezone).date(), language) if due_at else "",
        "due_utc": moment(due_at, language) if due_at else "",
        "due_local": moment(due_at, language, account.timezone) if due_at else "",
        "step": next_step(case),
        "keys": enumerate_(map(visible, decision.credentials), language),
        "policy_name": policy.name,
        "policy_url": policy.reference_url,
        "quiet_days": _days(policy.ladder.cure.quiet) if policy.ladder.cure else None,
        "decide_days": _days(policy.appeals.decide_within),
        "appeal_until": day((now + policy.appeals.window).date(), language),
        "page_url": f"{settings.PUBLIC_URL}/appeal?case={case.reference}",
        "automatic": decision.proposed_by_id is None and decision.approved_by_id is None,
        "was_restricted": decision.from_state in (State.RESTRICTED, State.SUSPENDED, State.BLOCKED),
        "reason": visible(decision.reason),
        "provider": settings.PROVIDER_NAME,
        "team": settings.PROVIDER_TEAM,
        "legal_line": settings.PROVIDER_LEGAL_LINE,
    }


def _facts(facts: Mapping[str, Any], language: str) -> dict[str, Any]:
    rows = facts.get("rows", [])
    return {
        "requests": f"{facts.get('unsupported_requests', 0):,}",
        "share": _percent(facts.get("share", "0")),
        "territories": enumerate_((territory(code, language) for code, _ in facts.get("territories", [])), language),
        "first_seen": _seen(facts.get("first_seen"), language),
        "last_seen": _seen(facts.get("last_seen"), language),
        "rows": [_row(row, language) for row in rows[:MAX_ROWS]],
        "more_rows": max(0, len(rows) - MAX_ROWS),
    }


def _row(row: Mapping[str, Any], language: str) -> dict[str, str]:
    return {
        "credential": visible(row["credential"]),
        "territory": territory(row["territory"], language),
        "network": _NETWORKS[language].get(row["network_class"], row["network_class"]),
        "requests": f"{row['requests']:,}",
        "days": str(row["days"]),
    }


def next_step(case: Case) -> str:
    """What the policy says comes after the present state; "" where nothing does."""
    ladder = case.policy.rules.ladder
    if case.state == State.WARNED:
        return ladder.deadline.step
    later = {State.RESTRICTED.value: ladder.restriction, State.SUSPENDED.value: ladder.suspension}.get(case.state)
    return later.step if later else ""


# -- words -------------------------------------------------------------------------------------------------------


def visible(text: str) -> str:
    """A name as it may stand in a line of text."""
    return _INVISIBLE.sub(" ", text).strip()


def territory(code: str, language: str) -> str:
    """The short name of a country, or of a part with its country."""
    if "-" in code:
        part = _NAMES.get(code, code)
        return f"{_translated(part, 'iso3166-2', language)} ({territory(code[:2], language)})"
    return _translated(_NAMES.get(code, code), "iso3166-1", language)


def _translated(name: str, domain: str, language: str) -> str:
    return _catalogue(domain, language).gettext(name)


@cache
def _catalogue(domain: str, language: str) -> gettext.NullTranslations:
    languages = [_CATALOGUE[language]] if language in _CATALOGUE else []
    return gettext.translation(domain, pycountry.LOCALES_DIR, languages=languages, fallback=True)


def enumerate_(names: Iterable[str], language: str) -> str:
    """ "A, B and C", each name once."""
    comma, last = _LIST[language]
    found = list(dict.fromkeys(names))
    return last.join(filter(None, (comma.join(found[:-1]), *found[-1:])))


def day(value: date, language: str) -> str:
    if language == "zh-Hans":
        return f"{value.year}年{value.month}月{value.day}日"
    return f"{value.day} {value:%B} {value.year}"


def moment(at: datetime, language: str, zone: str = "UTC") -> str:
    """Date with year, time and zone. Between two minutes it has its seconds, rounded up: never told earlier."""
    if at.microsecond:
        at = at.replace(microsecond=0) + timedelta(seconds=1)
    local = _local(at, zone)
    time = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    return f"{day(local.date(), language)} {time} {zone}"


def _local(at: datetime, zone: str) -> datetime:
    try:
        return at.astimezone(ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        return at.astimezone(UTC)


def _seen(text: str | None, language: str) -> str:
    return day(datetime.fromisoformat(text).astimezone(UTC).date(), language) if text else ""


def _percent(share: str) -> str:
    percent = float(share) * 100
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.2g} %"


def _days(length: timedelta) -> str:
    days = length / timedelta(days=1)
    return f"{days:g}"


def _speaks(wanted: str, language: str) -> bool:
    """Whether `wanted` is the language that we write in, and not only its fallback."""
    return wanted.lower() in _SPOKEN or wanted.lower().split("-")[0] == language.split("-")[0].lower()
