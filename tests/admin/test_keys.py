"""Keys in the console: whose, how much, and which of them ends soon."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client as Browser
from django.urls import reverse

from enforcement.models import ApiKey, Client
from enforcement.services import clock, keys

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
Open = Callable[[User], Browser]


def pages_of(key: ApiKey) -> list[str]:
    """The list of keys, the key's own page, and its client's."""
    return [
        reverse("admin:enforcement_apikey_changelist"),
        reverse("admin:enforcement_apikey_change", args=[key.pk]),
        reverse("admin:enforcement_client_change", args=[key.client_id]),
    ]


@pytest.mark.parametrize(
    ("lasts", "says"), [(6 * DAY + timedelta(minutes=5), "in 6 days"), (timedelta(minutes=90), "in 1 h")]
)
def test_a_key_that_ends_soon_says_so_on_every_page(
    officer: User, browser_of: Open, lasts: timedelta, says: str
) -> None:
    keys.issue("edge-logs", "detector", lasts=lasts)
    clock.advance(300 * DAY)  # keys go by the real clock
    for page in pages_of(ApiKey.objects.get()):
        assert says in browser_of(officer).get(page).content.decode()


def test_a_key_that_is_over_says_so_and_one_that_lasts_says_nothing(officer: User, browser_of: Open) -> None:
    keys.issue("edge-logs", "detector", lasts=90 * DAY)
    for page in pages_of(ApiKey.objects.get()):
        html = browser_of(officer).get(page).content.decode()
        assert "in 89 days" not in html
        assert "expired" not in html
    ApiKey.objects.update(expires_at=Now())
    for page in pages_of(ApiKey.objects.get()):
        assert "expired" in browser_of(officer).get(page).content.decode()


@pytest.mark.parametrize(
    ("limit", "says"),
    [(None, "1,800,000 calls or items of evidence a minute, as its kind"),
     (5000, "5,000 calls or items of evidence a minute, its own"), (0, "none, its own")],
)  # fmt: skip
def test_a_client_tells_its_limit_and_whose_it_is(
    officer: User, browser_of: Open, limit: int | None, says: str
) -> None:
    keys.issue("edge-logs", "detector", lasts=None)
    keys.limit("edge-logs", limit)
    page = reverse("admin:enforcement_client_change", args=[Client.objects.get().pk])
    assert says in browser_of(officer).get(page).content.decode()
