"""A case whose evidence is too much to score while somebody waits: its page is bounded, and says what it leaves out."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from enforcement.models import Case, Client, DayTally
from enforcement.rules.transitions import Step
from enforcement.services import clock, review
from enforcement.services.explanations import Explanation, explain
from enforcement.services.heaviest import MOST_DRAWN, MOST_SCORED

pytestmark = pytest.mark.django_db

Open = Callable[[User], Browser]

# Eighty days, and as many keys as it takes; the n-th tally has n requests.
_TALLIES = """
INSERT INTO enforcement_daytally (account_id, detector_id, day, kind, network_class, country, subdivision, credential,
       source, refused, items, requests, weighted_items, weighted_requests, confidence, first_at, last_at)
SELECT %s, %s, (enforcement_now() - make_interval(days => n %% 80))::date, 'ip_geolocation', 'residential', 'DE', '',
       'sk-' || n / 80, 'atlas', false, 1, n, 1, n, 1, enforcement_now(), enforcement_now()
  FROM generate_series(1, %s) AS n
"""


def fill(case: Case, detector: Client, tallies: int) -> None:
    """So many more, which no assessment has seen."""
    with connection.cursor() as cursor:
        cursor.execute(_TALLIES, [case.account_id, detector.pk, tallies])


def page(browser: Browser, case: Case) -> str:
    answer = browser.get(reverse("admin:enforcement_case_change", args=[case.pk]))
    assert answer.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def explained(case: Case) -> Explanation:
    return explain(case, case.policy, earlier_close=None, now=clock.now())


def test_the_page_of_fifty_thousand_tallies_shows_the_last_assessment_and_says_so(
    in_review: Case, detector: Client, officer: User, browser_of: Open
) -> None:
    fill(in_review, detector, 49_999)
    words = page(browser_of(officer), in_review)
    assert "Why: 4.00 points, as last assessed" in words
    assert "ip_geolocation over residential: 4 requests on 1 day from CN: 4.00 points" in words
    assert "Rule any held by small (version" in words
    assert "There are 50,000 day tallies in the window; a page scores 5,000 at most." in words
    assert "Drawn are the 2,000 heaviest of 50,000 day tallies; the sums are theirs alone." in words
    assert "Facts, as last assessed" in words
    assert "Rules, in their order" not in words  # nothing was weighed, so nothing is said to be met or not


def test_its_page_asks_no_more_than_another(in_review: Case, detector: Client, officer: User, browser_of: Open) -> None:
    browser, counts = browser_of(officer), []
    for more in (0, MOST_SCORED):
        fill(in_review, detector, more)
        with CaptureQueriesContext(connection) as captured:
            page(browser, in_review)
        counts.append(len(captured))
    assert counts[1] <= counts[0] <= 12


def test_up_to_the_bound_all_is_scored_anew(in_review: Case, detector: Client) -> None:
    fill(in_review, detector, MOST_SCORED - 1)
    found = explained(in_review)
    assert found.score is not None
    assert found.score.requests == 4 + sum(range(MOST_SCORED))
    DayTally.objects.filter(country="CN").update(credential="sk-other")
    fill_one_more(in_review)
    assert explained(in_review).score is None


def fill_one_more(case: Case) -> None:
    tally = DayTally.objects.filter(account=case.account).latest("pk")
    tally.pk, tally.credential = None, "sk-one-more"
    tally.save()


def test_what_is_drawn_are_the_heaviest(in_review: Case, detector: Client) -> None:
    fill(in_review, detector, 6_000)
    found = explained(in_review)
    (germany,) = found.territories
    assert germany.requests == sum(range(6_001 - MOST_DRAWN, 6_001))
    assert (found.size.tallies, found.results) == (6_001, ())


def test_a_day_that_is_read_in_part_weighs_what_it_holds(in_review: Case, officer: User) -> None:
    """The day of a close is read row by row, and one tally may be a million rows."""
    DayTally.objects.update(items=MOST_SCORED + 1)
    assert explained(in_review).score is not None
    review.propose(case_id=in_review.pk, step=Step.DISMISS, reason="No.", by=officer, now=clock.now(), version=0)
    in_review.refresh_from_db()
    assert explained(in_review).score is None


def test_a_case_that_is_over_shows_what_its_last_decision_found(
    in_review: Case, detector: Client, officer: User, browser_of: Open
) -> None:
    review.propose(case_id=in_review.pk, step=Step.DISMISS, reason="No.", by=officer, now=clock.now(), version=0)
    fill(in_review, detector, MOST_SCORED)
    in_review.account.score.delete()  # a later assessment says nothing of this case
    assert "Why: 4.00 points, as the last decision found them" in page(browser_of(officer), in_review)


def test_a_number_that_was_not_counted_to_its_end_is_not_told_as_one(
    in_review: Case, detector: Client, officer: User, browser_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(in_review, detector, MOST_SCORED)
    monkeypatch.setattr("enforcement.admin.heat.MOST_COUNTED", 5_001)
    assert "heaviest of more than 5,001 day tallies" in page(browser_of(officer), in_review)
