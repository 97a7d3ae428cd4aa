"""The five groups are there before anybody is, and give nothing by themselves."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client as Browser
from django.urls import reverse

from enforcement.services import staff
from enforcement.services.roles import Role

pytestmark = pytest.mark.django_db


def names() -> list[str]:
    return sorted(Group.objects.values_list("name", flat=True))


def test_the_groups_are_there_before_the_first_person() -> None:
    assert not User.objects.exists()
    assert names() == sorted(Role)


def test_a_group_that_was_removed_is_back_after_the_next_migration() -> None:
    Group.objects.filter(name=Role.LEAD).delete()
    call_command("migrate", verbosity=0)
    assert names() == sorted(Role)


def test_migrating_again_makes_no_second_group_and_keeps_its_members() -> None:
    person = staff.create("pat", email="pat@provider.test", role=Role.OFFICER, password=None)
    call_command("migrate", verbosity=0)
    assert names() == sorted(Role)
    assert [group.name for group in person.groups.all()] == [Role.OFFICER]


def test_no_group_carries_a_permission_of_django_s() -> None:
    assert not Permission.objects.filter(group__isnull=False).exists()


def test_a_permission_of_django_s_opens_nothing() -> None:
    person = staff.create("pat", email="pat@provider.test", role=Role.ANALYST, password=None)
    person.user_permissions.set(Permission.objects.all())
    browser = Browser()
    browser.force_login(person)
    assert browser.get(reverse("admin:auth_user_changelist")).status_code == 403
    assert browser.get(reverse("admin:enforcement_case_add")).status_code == 403


@pytest.mark.parametrize(
    "address", ["/admin/search/?page=x", "/admin/search/?s=a&page=x", "/admin/search/?s=a&extended=1"]
)
def test_the_theme_s_search_is_not_there(address: str) -> None:
    browser = Browser()
    browser.force_login(staff.create("pat", email="pat@provider.test", role=Role.ANALYST, password=None))
    assert browser.get(address).status_code == 404
