"""The sidebar, and the row of states above the queue."""

from typing import Any, NoReturn

from django.conf import settings
from django.db.models import Model
from django.http import Http404, HttpRequest
from django.templatetags.static import static
from django.urls import reverse

from enforcement.admin.display import address_of_list
from enforcement.admin.reading import may_read, waiting_at
from enforcement.models import (
    Account,
    ApiKey,
    Appeal,
    Case,
    Client,
    DayTally,
    Decision,
    Evidence,
    Exemption,
    Memo,
    PolicyVersion,
    Restriction,
)
from enforcement.rules.transitions import State
from enforcement.services.waiting import in_short


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups of links; what waits for a person carries its number."""
    if not may_read(request):
        return [_access(request)]
    waits = waiting_at(request)
    return [
        {
            "title": "Work",
            "items": [
                _item(request, Case, "Cases", "folder_open"),
                _item(request, Decision, "Held decisions", "front_hand", waits.held, status="held"),
                _item(request, Appeal, "Appeals", "balance", waits.appeals, status="open"),
                _brake(request),
            ],
        },
        {
            "title": "Record",
            "separator": True,
            "items": [
                _item(request, Account, "Accounts", "apartment"),
                _item(request, Evidence, "Evidence", "travel_explore"),
                _item(request, DayTally, "Day tallies", "calendar_month"),
                _item(request, Decision, "Decisions", "gavel"),
                _item(request, Memo, "Memos", "mail"),
                _item(request, Restriction, "Restrictions", "block"),
                _item(request, Exemption, "Exemptions", "verified_user"),
                _item(request, PolicyVersion, "Policies", "policy"),
            ],
        },
        _access(request),
    ]


def _brake(request: HttpRequest) -> dict[str, Any]:
    address = reverse("admin:enforcement_brake")
    badge = {"badge": "pulled", "badge_variant": "danger"} if waiting_at(request).pulled else {}
    return {"title": "Brake", "icon": "emergency_home", "link": address, "active": request.path == address, **badge}


def _access(request: HttpRequest) -> dict[str, Any]:
    machines = [_item(request, Client, "API clients", "dns"), _item(request, ApiKey, "API keys", "key")]
    messages = [{"title": "Messages", "icon": "outbox", "link": reverse("admin:notifications_message_changelist")}]
    people = [
        {"title": "Staff", "icon": "badge", "link": reverse("admin:auth_user_changelist")},
        {"title": "Groups", "icon": "group", "link": reverse("admin:auth_group_changelist")},
    ]
    is_superuser = getattr(request.user, "is_superuser", False)
    items = [*(messages + machines if may_read(request) else []), *(people if is_superuser else [])]
    return {"title": "Access", "separator": True, "items": items}


def _item(
    request: HttpRequest, model: type[Model], title: str, icon: str, waits: int = 0, **query: str
) -> dict[str, Any]:
    asked = {name: request.GET.get(name) for name in query} == query
    return {
        "title": title,
        "icon": icon,
        "link": address_of_list(model, **query),
        "active": request.path.startswith(address_of_list(model))
        and asked
        and (bool(query) or not _is_special(request, model)),
        **({"badge": in_short(waits), "badge_variant": "primary"} if waits else {}),
    }


def _is_special(request: HttpRequest, model: type[Model]) -> bool:
    """Held decisions have a link of their own, which is the one to light up."""
    return model is Decision and request.GET.get("status") == "held"


def tabs(request: HttpRequest) -> list[dict[str, Any]]:
    """The states above the queue."""
    chosen = request.GET.get("state", "")
    states = [("", "In progress"), *((state.value, state.capitalize()) for state in State)]
    items = [
        {
            "title": title,
            "link": address_of_list(Case, **({"state": state} if state else {})),
            "active": state == chosen,
        }
        for state, title in states
    ]
    return [{"models": ["enforcement.case"], "items": items}]


def environment(request: HttpRequest) -> list[str] | None:
    """A label in the header of every page: a pulled brake, or else a clock that can be moved, whose dates lie."""
    if may_read(request) and (pulled := waiting_at(request).pulled):
        return [f"Brake pulled: {', '.join(pulled)}", "danger"]
    return [f"Test clock {waiting_at(request).now:%Y-%m-%d %H:%M} UTC", "warning"] if settings.TEST_CLOCK else None


def no_search(request: HttpRequest) -> NoReturn:
    """The theme's search reads whole tables, page by page; here every list searches by itself."""
    raise Http404


def style(request: HttpRequest) -> str:
    return static("enforcement/admin.css")


def script(request: HttpRequest) -> str:
    return static("enforcement/keyboard.js")


def icon(request: HttpRequest) -> str:
    return static("enforcement/icon.svg")
