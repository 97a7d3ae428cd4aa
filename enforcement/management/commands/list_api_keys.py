import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandParser

from enforcement.management.base import Command as BaseCommand
from enforcement.management.sheets import write_sheet
from enforcement.models import ApiKey
from enforcement.services import clock, keys, limits

COLUMNS = ("key", "client", "kind", "scopes", "limit_per_minute", "created_at", "last_used_at", "expires_at", "state")


class Command(BaseCommand):
    help = "Tells of each live key whose it is, what it may do, when it was last used and when it ends. Never the key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="those that are over, too")
        parser.add_argument("--format", choices=("table", "csv", "json"), default="table")

    def handle(self, *, all: bool, format: str, **_: Any) -> None:
        now = clock.real_now()
        found = ApiKey.objects.all() if all else keys.live(ApiKey.objects.all())
        rows = [_row(key, now) for key in found.select_related("client").order_by("client__name", "pk")]
        if format == "csv":
            write_sheet(self.stdout, COLUMNS, rows)
        elif format == "json":
            self.stdout.write(json.dumps(rows, indent=2))
        else:
            self.stdout.writelines(_table([COLUMNS, *(tuple(row.values()) for row in rows)]))


def _row(key: ApiKey, now: datetime) -> dict[str, Any]:
    values = (
        f"ae_{key.prefix}",
        key.client.name,
        key.client.kind,
        " ".join(sorted(keys.SCOPES[key.client.kind])),
        limits.per_minute(key.client) or None,
        _written(key.created_at),
        _written(key.last_used_at),
        _written(key.expires_at),
        state(key, now),
    )
    return dict(zip(COLUMNS, values, strict=True))


def state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at:
        return "revoked"
    if key.expires_at is None:
        return "live"
    left = key.expires_at - now
    return f"expires in {_rough(left)}" if left > timedelta(0) else "expired"


def _rough(left: timedelta) -> str:
    """The largest unit, rounded down: who trusts it is early."""
    for name, unit in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        if count := left // unit:
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "a minute"


def _written(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None


def _table(rows: list[tuple[Any, ...]]) -> Iterable[str]:
    cells = [["–" if value is None else str(value) for value in row] for row in rows]  # noqa: RUF001
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
