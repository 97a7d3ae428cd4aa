"""A database that nobody has set up yet."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection


@pytest.mark.django_db
@pytest.mark.parametrize(
    "command",
    [
        ("create_client", "a-detector", "--kind", "detector"),
        ("create_staff", "ann", "--email", "ann@provider.test", "--group", "officer"),
        ("backtest", "examples/policies/recommended.yaml"),
        ("load_policy", "examples/policies/recommended.yaml"),
        ("sweep",),
    ],
    ids=lambda command: command[0],
)
def test_a_command_says_that_the_tables_are_missing_and_how_to_make_them(command: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path TO nowhere")
    with pytest.raises(CommandError, match="The tables are not there yet") as refused:
        call_command(*command)
    assert refused.value.returncode == 2
