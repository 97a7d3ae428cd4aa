"""Logging in: guessing is slow and shuts nobody else out, and a session ends with what it rested on (F64)."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db.models import F
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import URLResolver, get_resolver, reverse
from rest_framework.views import APIView

from enforcement.api.authentication import KeyAuthentication
from enforcement.services import staff
from enforcement.services.roles import Role

pytestmark = pytest.mark.django_db

PASSWORD = "correct-horse-9-battery"
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"
SessionOf = Callable[..., Browser]


@pytest.fixture
def olga(db: None) -> User:
    return staff.create("olga", email="olga@provider.test", role=Role.OFFICER, password=PASSWORD)


def log_in(password: str = PASSWORD, *, name: str = "olga", address: str = HERE, **headers: str) -> HttpResponse:
    browser = Browser(REMOTE_ADDR=address, headers=headers)
    return browser.post(reverse("admin:login"), {"username": name, "password": password})


def is_in(answer: HttpResponse) -> bool:
    return answer.status_code == 302


def guess(times: int, **more: Any) -> HttpResponse:
    for _ in range(times):
        answer = log_in("wrong", **more)
    return answer


# -- guessing --------------------------------------------------------------------------------------------------------


def test_after_five_wrong_passwords_the_right_one_opens_nothing_from_there(olga: User) -> None:
    assert guess(4).status_code == 200
    answer = guess(1)
    assert answer.status_code == 429
    assert "Try again in 15 minutes." in answer.content.decode()
    assert log_in().status_code == 429


def test_the_person_gets_in_from_elsewhere_and_others_from_there(olga: User, lead: User) -> None:
    lead.set_password(PASSWORD)
    lead.save()
    guess(9)
    assert is_in(log_in(address=ELSEWHERE))
    assert is_in(log_in(name="leo"))


def test_after_a_quarter_of_an_hour_it_opens_again_also_if_a_robot_went_on(olga: User) -> None:
    guess(5)
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=14))
    assert guess(3).status_code == 429
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=1))
    assert is_in(log_in())


def test_who_got_in_has_five_tries_again(olga: User) -> None:
    guess(4)
    assert is_in(log_in())
    guess(4)
    assert is_in(log_in())


def test_a_name_that_nobody_has_is_answered_like_one_that_somebody_has(olga: User) -> None:
    for _ in range(6):
        known, unknown = log_in("wrong"), log_in("wrong", name="olgo")
        assert known.status_code == unknown.status_code
        assert _words(known) == _words(unknown).replace("olgo", "olga")


def _words(answer: HttpResponse) -> str:
    """Without the token of the form, which is another one each time."""
    token = answer.context["csrf_token"] if answer.context else None
    return answer.content.decode().replace(str(token), "")


def test_without_a_proxy_nobody_escapes_by_naming_another_address(olga: User) -> None:
    for number in range(5):
        log_in("wrong", **{"X-Forwarded-For": f"203.0.113.{number}"})
    assert log_in(**{"X-Forwarded-For": ELSEWHERE}).status_code == 429


def test_behind_a_proxy_only_the_address_that_the_proxy_added_counts(olga: User, settings: Any) -> None:
    settings.BEHIND_PROXY = True
    for number in range(5):
        log_in("wrong", **{"X-Forwarded-For": f"203.0.113.{number}, {HERE}"})
    assert log_in(**{"X-Forwarded-For": f"{ELSEWHERE}, {HERE}"}).status_code == 429
    assert is_in(log_in(**{"X-Forwarded-For": f"{HERE}, {ELSEWHERE}"}))


@pytest.mark.parametrize("told", ["nonsense", "'; DROP TABLE", "192.0.2.1:80", "x" * 10_000])
def test_an_address_that_is_none_breaks_nothing(olga: User, settings: Any, told: str) -> None:
    settings.BEHIND_PROXY = True
    assert guess(5, **{"X-Forwarded-For": told}).status_code == 429
    assert is_in(log_in(**{"X-Forwarded-For": ELSEWHERE}))


def test_nothing_that_happens_at_the_api_locks_anybody_out(olga: User) -> None:
    """Tools that try an API for weaknesses send bad keys and passwords by the hundred."""
    basic = base64.b64encode(b"olga:wrong").decode()
    for header in ("Bearer wrong", f"Basic {basic}", "Token x") * 5:
        for path in ("/api/v1/cases", "/api/docs/", "/api/schema/"):
            Browser(REMOTE_ADDR=HERE).get(path, headers={"Authorization": header})
    assert not AccessAttempt.objects.exists()
    assert is_in(log_in())


def test_no_call_of_the_api_takes_anything_but_a_key() -> None:
    """A password that is taken anywhere but on the log-in page can be guessed there."""
    found = {view.authentication_classes[0] if view.authentication_classes else None for view in _views(get_resolver())}
    assert found == {KeyAuthentication, None}


def _views(resolver: URLResolver) -> list[type[APIView]]:
    found: list[type[APIView]] = []
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            found += _views(each)
        elif hasattr(each.callback, "cls"):
            assert len(each.callback.cls.authentication_classes) <= 1
            found.append(each.callback.cls)
    return found


# -- passwords -------------------------------------------------------------------------------------------------------


def test_passwords_are_hashed_with_argon2(olga: User) -> None:
    assert olga.password.startswith("argon2$argon2id$")


def test_an_older_hash_is_replaced_at_the_next_log_in(olga: User) -> None:
    User.objects.update(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    assert is_in(log_in())
    assert User.objects.get().password.startswith("argon2$")


def test_what_the_database_keeps_of_a_wrong_password_is_not_the_password(olga: User) -> None:
    log_in("nearly-correct-horse")
    assert "nearly-correct-horse" not in str(AccessAttempt.objects.values().get())


# -- sessions (F64) --------------------------------------------------------------------------------------------------


@pytest.fixture
def session(olga: User) -> Browser:
    """A browser in which olga is logged in by her password."""
    browser = Browser()
    browser.post(reverse("admin:login"), {"username": "olga", "password": PASSWORD})
    assert may_read(browser)
    return browser


def may_read(browser: Browser) -> bool:
    return browser.get(reverse("admin:enforcement_case_changelist")).status_code == 200


def is_out(browser: Browser) -> bool:
    """Asked to log in again, at the very next click."""
    answer = browser.get(reverse("admin:enforcement_case_changelist"))
    return answer.status_code == 302 and answer["Location"].startswith(reverse("admin:login"))


def test_a_session_that_somebody_planted_before_the_log_in_is_not_the_one_after_it(olga: User, settings: Any) -> None:
    victim = Browser()
    planted = victim.session
    planted["planted"] = True
    planted.save()
    victim.cookies[settings.SESSION_COOKIE_NAME] = planted.session_key
    victim.post(reverse("admin:login"), {"username": "olga", "password": PASSWORD})
    assert may_read(victim)
    thief = Browser()
    thief.cookies[settings.SESSION_COOKIE_NAME] = planted.session_key
    assert is_out(thief)


def test_a_session_ends_when_the_password_changes_elsewhere(session: Browser, olga: User) -> None:
    other = Browser()
    other.force_login(olga)
    given = {"old_password": PASSWORD, "new_password1": PASSWORD * 2, "new_password2": PASSWORD * 2}
    other.post(reverse("admin:password_change"), given)
    assert is_out(session)
    assert may_read(other)


def test_a_session_ends_when_the_person_is_deactivated(session: Browser) -> None:
    User.objects.update(is_active=False)
    assert is_out(session)
    User.objects.update(is_active=True)


def test_a_session_opens_nothing_when_the_person_is_no_longer_staff(session: Browser) -> None:
    User.objects.update(is_staff=False)
    assert is_out(session)


def test_a_role_is_read_anew_with_every_request(session: Browser, olga: User) -> None:
    olga.groups.clear()
    assert not may_read(session)
    olga.groups.add(*staff.Group.objects.filter(name=Role.AUDITOR))
    assert may_read(session)


def test_a_session_that_was_logged_out_cannot_be_used_again(session: Browser, settings: Any) -> None:
    stolen = session.cookies[settings.SESSION_COOKIE_NAME].value
    session.post(reverse("admin:logout"))
    thief = Browser()
    thief.cookies[settings.SESSION_COOKIE_NAME] = stolen
    assert is_out(thief)


def test_logging_out_takes_a_form_and_not_a_link(session: Browser) -> None:
    assert session.get(reverse("admin:logout")).status_code == 405
    assert may_read(session)
