"""Access: the machines that call the API, and the people who work here."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import DurationField, ExpressionWrapper, F, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from enforcement.admin.display import column, duration, label, link, moment
from enforcement.admin.pages import Section, table_section
from enforcement.admin.reading import ReadOnlyAdmin
from enforcement.models import ApiKey, Client
from enforcement.services import limits

_SOON = timedelta(days=14)


@admin.register(Client)
class ClientAdmin(ReadOnlyAdmin):
    why_read_only = (
        "Clients are made by `./run manage create_client`, which prints the key once. `limit_client` gives one a limit "
        "of its own."
    )
    list_display = (
        column("Client", lambda client: client.name),
        column("Kind", lambda client: client.kind),
        column("A minute", lambda client: limits.per_minute(client) or "no limit"),
        column("Since", lambda client: client.created_at),
    )

    def sections(self, request: HttpRequest, row: Client) -> list[Section]:
        pairs = [("Name", row.name), ("Kind", row.kind), ("Limit", _limit(row)), ("Since", row.created_at)]
        return [Section("Client", pairs=pairs), _keys(row)]


def _limit(client: Client) -> str:
    per_minute = limits.per_minute(client)
    whose = "as its kind" if client.limit_per_minute is None else "its own"
    return f"{per_minute:,} calls or items of evidence a minute, {whose}" if per_minute else f"none, {whose}"


def _keys(client: Client) -> Section:
    rows = [
        (link(key, f"{key.prefix}…"), key.created_at, _end(key), key.revoked_at, key.last_used_at)
        for key in _with_time_left(client.keys.order_by("-pk"))
    ]
    headers = ("Key", "Made", "Expires", "Revoked", "Last used")
    return table_section("Keys", headers, rows, none="None: it cannot call.")


def _with_time_left(keys: QuerySet[ApiKey]) -> QuerySet[Any]:
    """By the real clock, as the door reads it."""
    return keys.annotate(time_left=ExpressionWrapper(F("expires_at") - Now(), output_field=DurationField()))


def _end(key: Any) -> SafeString | None:
    """When a key ends; one that ends soon, or has, says so."""
    if key.expires_at is None or key.revoked_at or key.time_left > _SOON:
        return moment(key.expires_at)
    is_over = key.time_left <= timedelta(0)
    how = label("expired", "danger") if is_over else label(f"in {duration(key.time_left)}", "warning")
    return format_html("{} {}", moment(key.expires_at), how)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    why_read_only = (
        "A key is shown once, when it is made; here is how it begins. `./run manage rotate_api_key` replaces one "
        "without a gap, `revoke_api_key` ends it."
    )
    list_display = (
        column("Key", lambda key: f"{key.prefix}…"),
        column("Client", lambda key: link(key.client)),
        column("Kind", lambda key: key.client.kind),
        column("Made", lambda key: key.created_at),
        column("Expires", _end),
        column("Revoked", lambda key: key.revoked_at and label("revoked", "danger")),
        column("Last used", lambda key: key.last_used_at),
    )
    list_select_related = ("client",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return _with_time_left(super().get_queryset(request))

    def sections(self, request: HttpRequest, row: ApiKey) -> list[Section]:
        pairs = [
            ("Begins with", row.prefix),
            ("Client", link(row.client)),
            ("Made", row.created_at),
            ("Expires", _end(row)),
            ("Revoked", row.revoked_at),
            ("Last used", row.last_used_at),
        ]
        return [Section("API key", pairs=pairs)]


admin.site.unregister(User)
admin.site.unregister(Group)


class ForSuperusers:
    """Who works here is for superusers alone. Groups carry no permissions of Django's that could say otherwise."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


@admin.register(User)
class UserAdmin(ForSuperusers, DjangoUserAdmin, ModelAdmin):
    """A person's groups say what they may decide."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")


@admin.register(Group)
class GroupAdmin(ForSuperusers, DjangoGroupAdmin, ModelAdmin):
    """analyst, officer, lead, counsel, auditor: what their members may do is written in the code."""
