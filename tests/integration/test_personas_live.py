"""Every persona of the fairness page gets its outcome from the running engine, on the recommended policy."""

import json
from datetime import timedelta

import pytest
from django.test import Client as HttpClient

from enforcement.models import Account, Case, Decision, Memo, Restriction
from enforcement.services import assessment, clock, keys
from examples.personas import PERSONAS, Persona
from tests.conftest import EXAMPLES
from tests.stage import DAY, answer_mail, pass_time

pytestmark = pytest.mark.django_db


def call(http: HttpClient, kind: str, method: str, path: str, body: object) -> None:
    """One call of the API with a key of that kind; a refusal fails the test."""
    key = keys.issue(f"personas-{kind}", kind, lasts=None)
    answer = http.generic(
        method, f"/api/v1/{path}", json.dumps(body), "application/json", headers={"Authorization": f"Bearer {key}"}
    )
    assert answer.status_code in (200, 202), answer.content
    counts = answer.json()
    assert counts.get("rejected", 0) == counts.get("conflicts", 0) == counts.get("duplicates", 0) == 0, counts


@pytest.fixture
def lived(activate, client: HttpClient) -> None:
    """Ninety days of everybody's evidence come in through the API and are assessed."""
    now = clock.now()
    activate((EXAMPLES / "recommended.yaml").read_text())
    for persona in PERSONAS:
        call(client, "registrar", "PUT", f"accounts/{persona.account['external_id']}", persona.account)
        items = list(persona.evidence(now))
        for start in range(0, len(items), 1000):
            call(client, "detector", "POST", "evidence", items[start : start + 1000])
    assert assessment.assess(now=clock.now()).failed == 0


def outcome(persona: Persona) -> str | None:
    """What became of the persona, in the words of the backtest."""
    case = Case.objects.filter(account__external_id=persona.account["external_id"]).first()
    if case is None:
        return None
    if Decision.objects.filter(case=case, status="held", step="warn").exists():
        return "held"
    return {"warned": "warn", "open": "review"}[case.state]


def test_every_persona_gets_its_outcome(lived: None) -> None:
    found = {persona.who: outcome(persona) for persona in PERSONAS}
    assert found == {persona.who: persona.expected for persona in PERSONAS}


def test_only_those_who_are_warned_are_written_to(lived: None) -> None:
    answer_mail()
    warned = {persona.account["external_id"] for persona in PERSONAS if persona.expected == "warn"}
    assert set(Memo.objects.values_list("case__account__external_id", flat=True)) == warned


def test_whoever_falls_silent_is_cured_and_nobody_is_ever_restricted(lived: None) -> None:
    answer_mail()
    for _ in range(30):
        pass_time(DAY)
        answer_mail()
    assert not Restriction.objects.exists()
    warned = {persona.account["external_id"] for persona in PERSONAS if persona.expected == "warn"}
    cured = Case.objects.filter(outcome="cured", memos__kind="cure").values_list("account__external_id", flat=True)
    assert set(cured) == {name for name in warned if not _has_long_notice(name)}


def _has_long_notice(name: str) -> bool:
    promised = Account.objects.get(external_id=name).min_notice
    return promised is not None and promised > timedelta(days=30)
