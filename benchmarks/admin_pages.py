"""Which pages the console has: found by reading it, as a person would, so that none is forgotten."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any

from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.urls import reverse

from enforcement.models import Account, Case

# Links of a list to itself: its filters, its orders, and its last page.
_OWN_LINK = re.compile(r'href="(\?[^"]+)"')
_APPS = ("enforcement", "notifications")
# The row whose page has most to show, by table.
_FULLEST = {
    "case": "SELECT case_id FROM enforcement_decision GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
    "account": "SELECT account_id FROM enforcement_daytally GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
    "decision": "SELECT id FROM enforcement_decision WHERE status = 'held' ORDER BY id LIMIT 1",
}


@dataclass(frozen=True, order=True)
class AdminPage:
    """`name` says it in a table; `path` is asked for."""

    name: str
    path: str


def find_pages(read: Callable[[str], str]) -> list[AdminPage]:
    """All pages; `read` answers with the HTML of a path."""
    pages = [AdminPage("home", reverse("admin:index"))]
    for model in sorted(admin.site._registry, key=lambda each: each._meta.label):
        if model._meta.app_label in _APPS:
            pages += _pages_of(model, read)
    return pages


def _pages_of(model: type[Model], read: Callable[[str], str]) -> Iterator[AdminPage]:
    noun, path = model._meta.model_name or "", _path(model, "changelist")
    html = read(path)
    yield AdminPage(noun, path)
    for query in sorted({unescape(each) for each in _OWN_LINK.findall(html)}):
        if "." not in query:  # not the next page: that is between the first and the last
            yield AdminPage(f"{noun} {query}", path + query)
            if query.startswith(("?sort=", "?state=")):
                yield AdminPage(f"{noun} {query}&p=last", f"{path}{query}&p=last")
    if 'name="q"' in html:
        for term in _terms(model):
            yield AdminPage(f"{noun} ?q={term}", f"{path}?q={term}")
    row = _fullest(model)
    if row is not None:
        yield AdminPage(f"{noun}, one", _path(model, "change", row))


def _path(model: type[Model], view: str, *arguments: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}", args=arguments)


def _terms(model: type[Model]) -> list[str]:
    """What people type: an id, how a name begins, and what is not there."""
    account = Account.objects.order_by("-pk").first()
    found = [account.external_id if account else "", "nord", "nobody-has-this"]
    case = Case.objects.order_by("-pk").first() if model is Case else None
    return [*found, case.reference] if case else found


def _fullest(model: type[Model]) -> Any:
    sql = _FULLEST.get(model._meta.model_name or "")
    with connection.cursor() as cursor:
        cursor.execute(sql or f"SELECT {model._meta.pk.column} FROM {model._meta.db_table} ORDER BY 1 DESC LIMIT 1")
        row = cursor.fetchone()
    return row[0] if row else None
