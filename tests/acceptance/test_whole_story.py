"""Evidence in by REST, memo out by SMTP, deadline, suspension, block: with all processes running."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.acceptance.conftest import Service
from tests.conftest import SMALL_POLICY

# The step comes at the deadline for whoever went on into the quiet period before it, and the cure for the others.
# With a budget for all of them: two hundred people are a wave that would pull the brake.
POLICY = (
    SMALL_POLICY.replace("extend: true", "extend: false")
    + "safety: {max_steps_per_hour: 1000000, max_share_of_accounts: 1}\n"
)
GO_ON, STOP, AT_HOME = range(60), range(60, 130), range(130, 200)
PER_ACCOUNT = 10
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
PUNCTUAL = timedelta(minutes=2)

Disturb = Callable[[Service], None]


def name(number: int) -> str:
    return f"account-{number}"


def document(number: int) -> dict[str, Any]:
    return {
        "external_id": name(number),
        "name": f"Company {number}",
        "kind": "organisation",
        "language": "zh-Hans" if number % 3 == 0 else "en",
        "timezone": "Asia/Shanghai",
        "contacts": [{"email": f"owner-{number}@example.test", "role": "owner"}],
    }


def evidence(number: int, item: int, at: datetime) -> dict[str, Any]:
    return {
        "id": f"{name(number)}/{at:%Y-%m-%dT%H}/{item}",
        "account": name(number),
        "kind": "ip_geolocation",
        "country": "DE" if number in AT_HOME else "CN",
        "network_class": "business",
        "credential": f"sk-…{number:04}",
        "requests": 3,
        "observed_at": (at - timedelta(hours=item)).isoformat(),
    }


def moment(text: Any) -> datetime:
    return datetime.fromisoformat(text)


def post(running: Service, items: list[dict[str, Any]], size: int) -> Counter[str]:
    """Post all items in batches; the sum of the answers."""
    total: Counter[str] = Counter()
    for start in range(0, len(items), size):
        batch = items[start : start + size]
        answer = running.call("detector", "POST", "evidence", json=batch)
        assert answer.status_code == 202, answer.text
        counts = answer.json()
        assert sum(counts[each] for each in ("accepted", "duplicates", "conflicts", "rejected")) == len(batch)
        total.update({each: counts[each] for each in ("accepted", "duplicates", "conflicts", "rejected")})
    return total


def leave_in_peace(running: Service) -> None:
    """The same story without any trouble."""


def flush_and_kill(running: Service) -> None:
    """At 3 a.m.: Redis loses everything, and the worker and the web process are killed."""
    redis.Redis.from_url(running.environment["REDIS_URL"]).flushall()
    running.restart("worker")
    running.restart("web")


@pytest.mark.parametrize("disturb", [leave_in_peace, flush_and_kill])
def test_two_thousand_items_become_cases_memos_suspensions_and_blocks(
    running: Service, tmp_path: Path, disturb: Disturb
) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    running.manage("load_policy", str(tmp_path / "policy.yaml"), "--activate", "--by", "ann", "--by", "ben")
    accounts = running.call("registrar", "POST", "accounts", json=[document(number) for number in range(200)])
    assert accounts.json() == {"accepted": 200, "rejected": 0, "items": []}

    items = send_twice(running, disturb)
    expect_one_memo_each(running)
    disturb(running)
    due = expect_deadlines_from_acceptance(running)
    suspend(running, due, disturb)
    block(running, disturb)
    expect_no_more_was_said(running)
    assert post(running, items, 250)["duplicates"] == 2000


def send_twice(running: Service, disturb: Disturb) -> list[dict[str, Any]]:
    """2,000 items, then the same in another order and other batches: nothing is lost, nothing counts twice."""
    now = moment(running.clock("show"))
    items = [evidence(number, item, now) for number in range(200) for item in range(PER_ACCOUNT)]
    total = post(running, items[:1200], 400)
    disturb(running)
    total += post(running, items[1200:], 400)
    shuffled = random.Random(7).sample(items, len(items))
    again = post(running, shuffled, 333)
    assert total["accepted"] + again["accepted"] == 2000
    assert again["duplicates"] == total["accepted"]
    assert total["conflicts"] + total["rejected"] + again["conflicts"] + again["rejected"] == 0
    return items


def expect_one_memo_each(running: Service) -> None:
    """Those outside are warned, once each and in their language; those at home are left alone."""
    outside = [*GO_ON, *STOP]
    running.family.wait_until(
        lambda: len(running.cases(state="warned")) == len(outside) and all(case["due_at"] for case in running.cases()),
        "every account outside is warned and its clock runs",
        patience=120,
    )
    assert {case["account"] for case in running.cases()} == {name(number) for number in outside}
    by_id: dict[str, str] = {}
    for mail in running.mails():
        by_id.setdefault(mail["Message-ID"], mail["To"])
    assert Counter(by_id.values()) == {f"owner-{number}@example.test": 1 for number in outside}
    subjects = {mail["To"]: mail["Subject"] for mail in running.mails()}
    assert all("API 流量" in subjects[f"owner-{number}@example.test"] for number in outside if number % 3 == 0)


def expect_deadlines_from_acceptance(running: Service) -> dict[str, datetime]:
    """The clock started when the mail server accepted the memo, and gives what the memo told."""
    due = {}
    for summary in running.cases(state="warned"):
        case = running.call("reader", "GET", f"cases/{summary['case']}").json()
        (memo,) = case["memos"]
        accepted, told = moment(memo["accepted_at"]), moment(memo["told_due_at"])
        assert moment(case["accepted_at"]) == accepted >= moment(memo["rendered_at"])
        assert moment(case["due_at"]) == max(accepted + 15 * DAY, told)
        due[case["account"]] = moment(case["due_at"])
    return due


def suspend(running: Service, due: dict[str, datetime], disturb: Disturb) -> None:
    """Whoever went on is suspended at the deadline, not a second early and at most two minutes late."""
    first = min(due.values())
    running.clock("set", (first - timedelta(hours=1)).isoformat())
    shortly_before = first - timedelta(hours=2)
    post(running, [evidence(number, 0, shortly_before) for number in GO_ON], 30)
    running.clock("set", (first - 2 * SECOND).isoformat())
    disturb(running)
    done = {"suspended": len(GO_ON), "closed": len(STOP)}
    last = max(due.values())
    running.family.wait_until(
        lambda: all(len(running.cases(state=state)) == count for state, count in done.items()),
        f"{done}",
        patience=(last - first).total_seconds() + 150,
    )
    for number in GO_ON:
        account = running.call("reader", "GET", f"accounts/{name(number)}").json()
        (restriction,) = account["restrictions"]
        assert account["standing"] == "suspended"
        late = moment(restriction["since"]) - due[name(number)]
        assert timedelta(0) <= late <= PUNCTUAL, late
    cured = [case["outcome"] for case in running.cases(state="closed")]
    assert set(cured) == {"cured"}
    refused = running.call("gateway", "GET", "gateway/decision", params={"account": name(0), "country": "DE"}).json()
    assert (refused["allow"], refused["reason_code"], refused["scope"]) == (False, "account_suspended", "account")
    passed = running.call("gateway", "GET", "gateway/decision", params={"account": name(60), "country": "CN"}).json()
    assert passed["allow"] is True


def block(running: Service, disturb: Disturb) -> None:
    """The block waits for the suspension's own memo and its own thirty days."""
    running.family.wait_until(
        lambda: all(case["due_at"] for case in running.cases(state="suspended")), "the suspension memos are accepted",
        patience=120,
    )  # fmt: skip
    due = {case["account"]: moment(case["due_at"]) for case in running.cases(state="suspended")}
    running.clock("set", (max(due.values()) - 29 * DAY).isoformat())
    disturb(running)
    running.clock("set", (max(due.values()) + SECOND).isoformat())
    running.family.wait_until(
        lambda: len(running.cases(state="blocked")) == len(GO_ON), "all of them are blocked", patience=120
    )
    for number in GO_ON:
        account = running.call("reader", "GET", f"accounts/{name(number)}").json()
        (restriction,) = account["restrictions"]
        assert restriction["reason_code"] == "account_blocked"
        assert moment(restriction["since"]) >= due[name(number)]


def expect_no_more_was_said(running: Service) -> None:
    """In the end everybody heard each thing once, whatever was killed meanwhile."""
    last = dict.fromkeys(GO_ON, "block") | dict.fromkeys(STOP, "cure")
    running.family.wait_until(
        lambda: all(kind in [memo["kind"] for memo in _memos(running, number)] for number, kind in last.items()),
        "the last memo of each is out",
        patience=120,
    )
    heard: dict[str, set[str]] = {}
    for mail in running.mails():
        heard.setdefault(mail["To"], set()).add(mail["Message-ID"])
    for number in [*GO_ON, *STOP]:
        kinds = Counter(memo["kind"] for memo in _memos(running, number))
        reminders = kinds.pop("reminder", 0)  # none where the clock was set past its moment
        expected = {"warning", "suspension", "block"} if number in GO_ON else {"warning", "cure"}
        assert kinds == dict.fromkeys(expected, 1)
        # A worker that is killed before it hears the answer leaves a reminder in doubt, and once the case has moved on
        # it is not offered again: it may have been heard without our knowing.
        written = Counter(memo["kind"] for memo in _written(running, number))["reminder"]
        said = len(heard[f"owner-{number}@example.test"]) - len(expected)
        assert reminders <= said <= written


def _memos(running: Service, number: int) -> list[dict[str, Any]]:
    return [memo for memo in _written(running, number) if memo["accepted_at"]]


def _written(running: Service, number: int) -> list[dict[str, Any]]:
    (case,) = running.cases(account=name(number))
    memos = running.call("reader", "GET", f"cases/{case['case']}").json()["memos"]
    return [memo for memo in memos if memo["rendered_at"]]
