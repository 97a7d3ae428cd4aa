"""Memos without a database: every kind, as the cast of the tests would get it.

`python -m tests.unit.memo_samples` draws docs/memos from them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django
from django.test import override_settings

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "docs" / "memos"
RECOMMENDED = (ROOT / "examples" / "policies" / "recommended.yaml").read_text(encoding="utf-8")
NOW = datetime(2026, 7, 9, 8, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LANGUAGES = ("en", "zh-Hans")

# By kind: the state that it tells of, the one before, the step, and how long the state lasts.
KINDS: Mapping[str, tuple[str, str, str, int]] = {
    "warning": ("warned", "open", "warn", 15),
    "reminder": ("warned", "open", "warn", 1),
    "restriction": ("restricted", "warned", "restrict", 30),
    "suspension": ("suspended", "warned", "suspend", 30),
    "block": ("blocked", "suspended", "block", 0),
    "cure": ("closed", "warned", "cure", 0),
    "reinstatement": ("closed", "suspended", "free", 0),
}
# The office in Shenzhen, as docs/fairness.md has it.
FACTS = {
    "unsupported_requests": 110_500,
    "share": "0.9600",
    "territories": [["CN", 110_500]],
    "kinds": ["declared_country", "ip_geolocation"],
    "first_seen": "2026-04-13T09:00:00+00:00",
    "last_seen": "2026-07-08T17:00:00+00:00",
    "rows": [
        {"credential": "sk-…a1b2", "territory": "CN", "network_class": "business", "requests": 98_250, "days": 65},
        {"credential": "", "territory": "CN", "network_class": "mobile", "requests": 12_250, "days": 7},
    ],
}
WITHOUT_TRAFFIC = FACTS | {
    "unsupported_requests": 0, "share": "0.0000", "territories": [], "rows": [],
    "kinds": ["login_geolocation", "timezone"],
}  # fmt: skip


def render(
    kind: str,
    language: str = "en",
    *,
    facts: Mapping[str, Any] = FACTS,
    policy: str = RECOMMENDED,
    account: Mapping[str, Any] | None = None,
    decision: Mapping[str, Any] | None = None,
    state: str = "",
    appealed: bool = False,
) -> dict[str, str]:
    """Language, subject, text and HTML."""
    from enforcement.models import Account, Case, Decision, Memo, PolicyVersion
    from enforcement.services import memo_words

    of_kind, before, step, days = KINDS[kind]
    who = {"external_id": "shenzhen", "name": "Shenzhen Office Ltd", "timezone": "Asia/Shanghai", "language": language}
    case = Case(
        reference="AE-7K2M-9QXD",
        account=Account(**{**who, **(account or {})}),
        policy=PolicyVersion(document=policy),
        state=state or of_kind,
        accepted_at=NOW - 14 * DAY,
        closed_at=NOW + DAY if (state or of_kind) == "closed" else None,
    )
    taken = {"step": step, "from_state": before, "facts": dict(facts), "reason": "A reason.", "settled_at": NOW}
    memo = Memo(case=case, decision=Decision(case=case, **{**taken, **(decision or {})}), kind=kind)
    follows = days and memo.decision.step != "restrict_now"
    due_at = NOW + days * DAY + timedelta(seconds=48) if follows else None
    with override_settings(
        PUBLIC_URL="https://enforcement.example.com",
        PROVIDER_NAME="Example API",
        PROVIDER_TEAM="Policy Enforcement",
        PROVIDER_LEGAL_LINE="Example API, 1 Example Street, Example City",
    ):
        return dict(memo_words.render(memo, due_at=due_at, appealed=appealed, now=NOW))


def sample(kind: str, language: str) -> str:
    words = render(kind, language)
    return f"Subject: {words['subject']}\n\n{words['text']}"


if __name__ == "__main__":
    django.setup()
    SAMPLES.mkdir(exist_ok=True)
    for kind in KINDS:
        for language in LANGUAGES:
            (SAMPLES / f"{kind}.{language}.txt").write_text(sample(kind, language), encoding="utf-8")
