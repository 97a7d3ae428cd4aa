"""Restrictions: what gateways refuse, and since when."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from enforcement.admin.display import column, label, link
from enforcement.admin.lists import ByAccount
from enforcement.admin.pages import Section
from enforcement.admin.reading import ReadOnlyAdmin
from enforcement.models import Restriction


class StandingFilter(SimpleListFilter):
    title = "whether it stands"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "in force"), ("no", "lifted")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Restriction]) -> QuerySet[Restriction]:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(lifted_at__isnull=self.value() == "yes")


@admin.register(Restriction)
class RestrictionAdmin(ByAccount, ReadOnlyAdmin):
    why_read_only = "A restriction follows from a decision and is lifted by a decision. Open its case to take one."
    list_display = (
        column("Restriction", lambda each: f"#{each.pk}"),
        column("Account", lambda each: link(each.account)),
        column("Case", lambda each: link(each.case)),
        column("Scope", lambda each: each.scope.replace("_", " ")),
        column("Key", lambda each: each.value),
        column("Code at the gateway", lambda each: each.reason_code),
        column("Since", lambda each: each.since),
        column("Lifted", lambda each: each.lifted_at or label("in force", "danger")),
    )
    list_filter = (StandingFilter,)
    list_select_related = ("account", "case")

    def name_of(self, row: Restriction) -> str:
        return f"Restriction #{row.pk}: {row.account}"

    def sections(self, request: HttpRequest, row: Restriction) -> list[Section]:
        pairs = [
            ("Account", link(row.account)),
            ("Case", link(row.case)),
            ("Decision", link(row.decision)),
            ("Scope", row.scope.replace("_", " ")),
            ("Key", row.value),
            ("Code at the gateway", row.reason_code),
            ("Since", row.since),
            ("Lifted", row.lifted_at),
            ("Lifted by", link(row.lifted_by)),
        ]
        return [Section("Restriction", pairs=pairs)]
