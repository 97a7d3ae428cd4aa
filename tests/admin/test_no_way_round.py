"""No form and no bulk action leads past a decision."""

from collections.abc import Callable

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client as Browser
from django.urls import reverse

from enforcement.models import Case

pytestmark = pytest.mark.django_db

NOUNS = [model for model in admin.site._registry if model not in (User, Group)]
Open = Callable[[User], Browser]


@pytest.fixture(params=["superuser", "lead"])
def mighty(request: pytest.FixtureRequest, lead: User) -> User:
    """Those who may most: here not even they edit a row."""
    return lead if request.param == "lead" else User.objects.create_superuser("root")


def address(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_nothing_is_added_changed_or_deleted(written_by_strangers: Case, mighty: User, browser_of: Open) -> None:
    browser = browser_of(mighty)
    for model in NOUNS:
        key = model._default_manager.latest("pk").pk
        before = list(model._default_manager.order_by("pk").values_list())
        for page in (address(model, "add"), address(model, "delete", key)):
            assert browser.get(page).status_code == 403, page
            assert browser.post(page, {"post": "yes"}).status_code == 403, page
        assert browser.post(address(model, "change", key), {"state": "closed"}).status_code == 403
        assert list(model._default_manager.order_by("pk").values_list()) == before


def test_no_bulk_action_is_offered_or_taken(written_by_strangers: Case, mighty: User, browser_of: Open) -> None:
    browser = browser_of(mighty)
    for model in NOUNS:
        listed, key = address(model, "changelist"), model._default_manager.latest("pk").pk
        html = browser.get(listed).content.decode()
        assert "delete_selected" not in html
        assert "action-toggle" not in html
        browser.post(listed, {"action": "delete_selected", "_selected_action": [key], "post": "yes"})
        assert model._default_manager.filter(pk=key).exists()


def test_every_list_and_page_says_why(written_by_strangers: Case, lead: User, browser_of: Open) -> None:
    browser = browser_of(lead)
    for model in NOUNS:
        why = admin.site._registry[model].why_read_only
        for page in (address(model, "changelist"), address(model, "change", model._default_manager.latest("pk").pk)):
            assert why in browser.get(page).content.decode().replace("&#x27;", "'"), page
