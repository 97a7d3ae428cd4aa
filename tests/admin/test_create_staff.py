"""`create_staff`: a person, a group, and a password that is told once."""

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from enforcement.management.base import Refused
from enforcement.models import SecondLogin
from enforcement.services.roles import Role, roles_of

pytestmark = pytest.mark.django_db


def create(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("create_staff", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize("role", list(Role))
def test_the_password_stands_alone_on_the_last_line_and_logs_in(role: Role) -> None:
    out, err = create("nora", "--email", "nora@provider.test", "--group", role)
    person = User.objects.get(username="nora")
    assert out.count("\n") == 1
    assert person.check_password(out.strip())
    assert out.strip() not in err
    assert (roles_of(person), person.is_staff, person.is_superuser) == ({role}, True, False)


def test_a_password_from_the_environment_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORAS", "correct-horse-9")
    out, err = create("nora", "--email", "nora@provider.test", "--group", "lead", "--password-env", "NORAS")
    assert User.objects.get(username="nora").check_password("correct-horse-9")
    assert "correct-horse-9" not in out + err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("olga", "--email", "o@x.test", "--group", "lead"), "already exists"),
        (("no ra", "--email", "o@x.test", "--group", "lead"), "username: Enter a valid username"),
        (("nora", "--email", "nonsense", "--group", "lead"), "email: Enter a valid email"),
        (("nora", "--email", "", "--group", "lead"), "email: Enter a valid email"),
        (("nora", "--email", "o@x.test", "--group", "lead", "--password-env", "NOBODY_SET_THIS"), "holds no password"),
        (
            ("nora", "--email", "o@x.test", "--group", "lead", "--password-env", "SHORT"),
            "password: This password is too",
        ),
    ],
)
def test_what_is_refused_is_said_and_makes_nobody(
    officer: User, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.setenv("SHORT", "short")
    with pytest.raises(Refused, match=sentence) as refused:
        create(*arguments)
    assert refused.value.returncode == 2
    assert list(User.objects.all()) == [officer]


def test_a_second_login_is_made_out_to_be_one_and_points_to_the_first() -> None:
    create("leo", "--email", "leo@provider.test", "--group", "lead")
    _, told = create("leo.admin", "--email", "leo@provider.test", "--group", "lead", "--second-login-of", "leo")
    assert told.strip().endswith("It is another login of leo.")
    create("leo.night", "--email", "leo@provider.test", "--group", "officer", "--second-login-of", "leo.admin")
    found = SecondLogin.objects.order_by("user").values_list("user__username", "person__username")
    assert list(found) == [("leo.admin", "leo"), ("leo.night", "leo")]


def test_a_second_login_of_nobody_makes_nobody() -> None:
    with pytest.raises(Refused, match="no user called 'leo'"):
        create("leo.admin", "--email", "leo@provider.test", "--group", "lead", "--second-login-of", "leo")
    assert not User.objects.filter(username="leo.admin").exists()
