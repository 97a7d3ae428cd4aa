"""Who guessed too often reads when there is a way in again."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import F
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import reverse

pytestmark = pytest.mark.django_db


def guess(times: int = 1, browser: str = "Firefox") -> HttpResponse:
    for _ in range(times):
        session = Browser(headers={"User-Agent": browser})
        answer = session.post(reverse("admin:login"), {"username": "olga", "password": "wrong"})
    return answer


def wait(minutes: int, browser: str = "Firefox") -> None:
    rows = AccessAttempt.objects.filter(user_agent=browser)
    rows.update(attempt_time=F("attempt_time") - timedelta(minutes=minutes))


def minutes_left(answer: HttpResponse) -> int:
    """As the page says, and not less than what machines are told."""
    assert answer.status_code == 429
    minutes: int = answer.context["minutes"]
    assert f"Try again in {minutes} minute" in answer.content.decode()
    assert 0 < int(answer["Retry-After"]) <= minutes * 60
    return minutes


def test_the_page_says_how_long_to_wait_and_the_wait_runs_off() -> None:
    assert minutes_left(guess(5)) == 15
    wait(14)
    assert minutes_left(guess()) == 1
    wait(1)
    assert guess().status_code == 200


def test_the_wait_ends_when_so_many_tries_are_forgotten_that_too_few_are_left() -> None:
    """Each browser's tries are counted, and forgotten, apart."""
    guess(3, "Firefox")
    wait(10, "Firefox")
    assert minutes_left(guess(2, "Chromium")) == 5
    wait(5, "Firefox")
    assert guess().status_code == 200


def test_the_page_looks_like_the_rest_and_leads_back_to_the_log_in() -> None:
    page = guess(settings.AXES_FAILURE_LIMIT).content.decode()
    assert "Accounts Enforcement" in page
    assert f'href="{reverse("admin:login")}"' in page
    assert "/static/enforcement/admin.css" in page
