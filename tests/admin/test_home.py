"""The first page says what waits for a person, what is due today, and how things stand, from what was counted ahead."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks.unguarded import unguarded
from enforcement.models import Account, Case, Client, Decision, PolicyVersion, Stop
from enforcement.services import appeals, clock, figures, waiting
from tests.conftest import SMALL_POLICY, make_account
from tests.stage import see, sighting, suspended, warned

pytestmark = pytest.mark.django_db

Open = Callable[[User], Browser]
HOME = reverse("admin:index")


def test_the_bare_address_leads_to_the_first_page() -> None:
    assert Browser().get("/").headers["Location"] == "/admin/"


def home(browser: Browser) -> HttpResponse:
    return browser.get(HOME)


def tiles(answer: HttpResponse) -> dict[str, str]:
    return {words: number for words, number, _, _ in answer.context["waiting"]}


def due(answer: HttpResponse) -> list[str]:
    table = answer.context["due"].table
    return [re.sub(r"<[^>]+>", "", row[0]) for row in table.rows] if table else []


def at(case: Case, moment: datetime) -> Case:
    with unguarded("enforcement_case"):
        Case.objects.filter(pk=case.pk).update(due_at=moment, accepted_at=moment - timedelta(days=15))
    return case


def test_what_waits_is_counted_by_what_it_asks_for(
    held: Decision, detector: Client, account_at_home: Account, officer: User, browser_of: Open
) -> None:
    case = suspended(account_at_home, detector)
    appeals.file(decision_id=case.decisions.latest("pk").pk, statement="Not us.", now=clock.now())
    see(detector, sighting(make_account("in-review"), clock.now(), requests=4))
    lost = warned(make_account("lost"), detector)
    Stop.objects.create(case=lost, kind=Stop.Kind.UNREACHABLE, started_at=clock.now())
    assert tiles(home(browser_of(officer))) == {
        "Decisions to agree to": "1",
        "Appeals to decide": "1",
        "Cases to review": "1",
        "Accounts no memo reaches": "1",
    }


def test_each_tile_leads_to_what_it_counts(held: Decision, officer: User, browser_of: Open) -> None:
    browser = browser_of(officer)
    for words, number, address, _ in home(browser).context["waiting"]:
        assert len(browser.get(address).context["cl"].result_list) == int(number), words


def test_nothing_is_counted_further_than_anybody_works_off() -> None:
    assert waiting.in_short(waiting.MOST - 1) == "999"
    assert waiting.in_short(waiting.MOST) == "999+"


def test_what_is_due_before_midnight_is_due_today(
    detector: Client, policy: PolicyVersion, officer: User, browser_of: Open
) -> None:
    now = clock.move_to(clock.now().replace(hour=12) + timedelta(days=1))
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    late, soon, tomorrow = (warned(make_account(name), detector) for name in ("late", "soon", "tomorrow"))
    at(late, now - timedelta(hours=1))
    at(soon, midnight - timedelta(seconds=1))
    at(tomorrow, midnight)
    assert due(home(browser_of(officer))) == [late.reference, soon.reference]


def test_what_is_stopped_is_not_due(held: Decision, officer: User, browser_of: Open) -> None:
    assert held.case.due_at <= clock.now()
    assert due(home(browser_of(officer))) == []


def test_the_plots_have_their_data_and_a_table_behind_each(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, browser_of: Open
) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=4))
    figures.refresh(now=clock.now())
    html = home(browser_of(officer)).content.decode()
    data = plotted(html)
    assert data["cases"]["states"][0] == {"state": "open", "counts": [0] * 89 + [1]}
    assert data["territories"]["places"] == [{"code": "CN", "answer": "unsupported", "requests": 4}]
    assert data["points"]["thresholds"] == [{"rule": "any", "points": 0.01}]
    for name in data:
        assert f'<canvas data-plot="{name}" role="img" aria-labelledby="plot-{name}">' in html
    assert html.count("The numbers as a table") == 3
    assert "As of" in html


def plotted(html: str) -> Any:
    block = re.search(r'<script id="plotted" type="application/json">(.*?)</script>', html)
    assert block is not None
    return json.loads(block[1])


def test_no_script_stands_in_the_page(policy: PolicyVersion, officer: User, browser_of: Open) -> None:
    figures.refresh(now=clock.now())
    scripts = re.findall(r"<script\b([^>]*)>", home(browser_of(officer)).content.decode())
    assert scripts
    assert not [each for each in scripts if "src=" not in each and 'type="application/json"' not in each]


def test_a_policy_s_name_cannot_leave_the_data_it_stands_in(
    activate: Callable[[str], PolicyVersion], officer: User, browser_of: Open
) -> None:
    activate(SMALL_POLICY.replace("name: any", 'name: "</script><script>alert(1)</script>"'))
    figures.refresh(now=clock.now())
    html = home(browser_of(officer)).content.decode()
    assert "<script>alert(1)" not in html
    assert plotted(html)["points"]["thresholds"][0]["rule"] == "</script><script>alert(1)</script>"


def test_before_the_first_count_the_page_says_so(policy: PolicyVersion, officer: User, browser_of: Open) -> None:
    assert "No figures were counted yet" in home(browser_of(officer)).content.decode()


def test_the_first_page_reads_no_evidence_and_asks_little(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, browser_of: Open
) -> None:
    warned(account_outside, detector)
    figures.refresh(now=clock.now())
    browser = browser_of(officer)
    with CaptureQueriesContext(connection) as captured:
        home(browser)
    asked = [each["sql"] for each in captured]
    assert len(asked) <= 12
    assert not [sql for sql in asked if "enforcement_evidence" in sql or "daytally" in sql or "_score" in sql]
