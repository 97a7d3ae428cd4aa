"""A seeded population of at least a size, for benchmarks that ask about accounts with a history."""

import sys

from django.core.management import call_command
from django.db import connection

from enforcement.models import Account

SIZES = {"small": 5_000, "medium": 50_000, "large": 200_000}


def lay(accounts: int) -> None:
    """At least so many accounts, ten items of evidence each, and cases in every state; the planner knows of them."""
    there = Account.objects.filter(external_id__startswith="seed-").count()
    if there < accounts:
        call_command("seed", "--accounts", str(accounts - there), "--seed", str(there + 1), stdout=sys.stderr)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("RESET statement_timeout")
