import os
import secrets
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.core.validators import validate_email

from enforcement.management.base import Command as BaseCommand
from enforcement.management.base import Refused
from enforcement.services import staff
from enforcement.services.roles import Role
from enforcement.services.staff import StaffRefused


class Command(BaseCommand):
    help = "Makes a member of the staff. A password that it thought of is printed once, alone on the last line."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the name to log in with")
        parser.add_argument("--email", required=True)
        parser.add_argument("--group", required=True, choices=[role.value for role in Role])
        parser.add_argument("--password-env", metavar="VAR", help="take the password from this environment variable")
        parser.add_argument(
            "--second-login-of", metavar="NAME", help="the same human being has this login: the two never sign as two"
        )

    def handle(
        self,
        *,
        name: str,
        email: str,
        group: str,
        password_env: str | None,
        second_login_of: str | None = None,
        **_: Any,
    ) -> None:
        password = _given(password_env) if password_env else secrets.token_urlsafe(18)
        try:
            _check(name, email, password)
            person = staff.create(
                name, email=email, role=Role(group), password=password, second_login_of=second_login_of
            )
        except (ValidationError, StaffRefused) as refused:
            raise Refused(_sentences(refused)) from None
        also = f" It is another login of {second_login_of}." if second_login_of else ""
        self.stderr.write(f"{person} works here now, as {group}.{also}")
        if not password_env:  # who gave the password knows it; repeating it would only put it into a log
            self.stdout.write(password)


def _given(variable: str) -> str:
    password = os.environ.get(variable, "")
    if not password:
        raise Refused(f"The environment variable {variable} holds no password.")
    return password


def _check(name: str, email: str, password: str) -> None:
    person = User(username=name, email=email)
    person.full_clean(exclude=["password"])
    _field("email", validate_email, email)
    _field("password", validate_password, password, person)


def _field(name: str, validate: Callable[..., Any], *given: Any) -> None:
    try:
        validate(*given)
    except ValidationError as refused:
        raise ValidationError({name: refused.messages}) from None


def _sentences(refused: ValidationError | StaffRefused) -> str:
    """Each on a line, with the field that it is about."""
    if isinstance(refused, StaffRefused):
        return str(refused)
    return "\n".join(f"{field}: {' '.join(errors)}" for field, errors in refused.message_dict.items())
